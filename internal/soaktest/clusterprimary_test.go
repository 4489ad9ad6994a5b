//go:build linux

package soaktest

import (
	"strings"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/testserver"
)

// workAfter is how long clients go on after a promotion.
const workAfter = 6 * time.Second

// TestClusterPrimaryLost kills the primary under all kinds of calls and promotes its
// synchronous standby. Nothing that was answered is lost; in between every
// call is answered in time, with -1 or rightly; and soon after all are again.
//
// Proves: EN-13, UT-16, UP-6, CS-4, CR-10
func TestClusterPrimaryLost(t *testing.T) {
	t.Run("killed", func(t *testing.T) { losePrimary(t, (*testserver.Postgres).Kill) })
	if long() { // its connections stay, and no answer comes
		t.Run("frozen", func(t *testing.T) { losePrimary(t, (*testserver.Postgres).Freeze) })
	}
}

func losePrimary(t *testing.T, lose func(*testserver.Postgres)) {
	k := crew{contested: 8, rivals: 3, keys: 20, holders: 8, uploaders: 4, makers: 8, refreshers: 8}
	primary := testserver.StartPostgres(t)
	address := primary.Database()
	standby := primary.Standby()
	both := strings.Replace(address, primary.Address(), primary.Address()+","+standby.Address(), 1)
	c := newCluster(t, 2, both, "", newWorld(t, k.apps()))
	b := newBustle(t, c, k)
	before, without := time.Second, time.Duration(length(3, 20))*time.Second
	wait := b.work(before + without + workAfter)
	time.Sleep(before)
	lose(primary)
	lost := time.Now()
	time.Sleep(without)
	asked := time.Now()
	standby.Promote()
	promoted := time.Now()
	wait()
	b.check(t, c.newcomer())
	b.faults.report(t)
	t.Logf("%d clients: %v", k.clients(), &b.log)
	b.log.checkFailover(t, lost, asked, promoted)
}

// checkFailover looks at how calls ended while there was no primary, and after.
func (l *callLog) checkFailover(t *testing.T, lost, asked, promoted time.Time) {
	t.Helper()
	first, last := time.Hour, -time.Hour // done after the promotion, and told -1
	var slowest ended
	busy, after := 0, 0
	for _, e := range l.ends {
		switch {
		case unanswered(e.err) && !isBusy(e.err):
			t.Errorf("%s was not answered: %v", e.what, e.err)
		case e.took() > slowest.took():
			slowest = e
		}
		if isBusy(e.err) {
			busy++
			last = max(last, e.end.Sub(promoted))
		}
		if since := e.end.Sub(asked); e.err == nil && since > 0 && e.what != "getcodesecret" { // which may be told from memory
			after++
			first = min(first, since)
		}
	}
	t.Logf("the primary was away for %v; %d calls were told -1, the slowest after %v (%s); done again %v after the promotion was asked for, which took %v; the last -1 %v after it",
		asked.Sub(lost).Round(time.Millisecond), busy, slowest.took().Round(time.Millisecond), slowest.what,
		first.Round(time.Millisecond), promoted.Sub(asked).Round(time.Millisecond), last.Round(time.Millisecond))
	if slowest.took() > answeredWithin {
		t.Errorf("%s took %v: %v", slowest.what, slowest.took(), slowest.err)
	}
	if busy == 0 || after == 0 {
		t.Errorf("%d calls were told -1, %d done after the primary was lost", busy, after)
	}
}
