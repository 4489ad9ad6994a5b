//go:build linux

package soaktest

import (
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/testserver"
)

// TestClusterKills kills one of three servers every few seconds under 200
// clients that go from server to server with calls of all kinds. What any of
// them was told is what a server finds that was not there before.
//
// Proves: CS-4, CS-5, UT-6, UT-9, UT-16, UP-6, CR-8, CR-10
func TestClusterKills(t *testing.T) {
	t.Parallel() // it waits more than it computes
	k := crew{contested: 16, rivals: 5, keys: 40, holders: 40, uploaders: 30, makers: 20, refreshers: 30}
	bucket := testserver.StartS3(t)
	c := newCluster(t, 3, testserver.StartPostgres(t).Database(), bucket.URL(bucket.Bucket(), "code"), newWorld(t, k.apps()))
	b := newBustle(t, c, k)
	wait := b.work(time.Duration(length(10, 180)) * time.Second)
	kills := 0
	for time.Until(b.end) > time.Second {
		time.Sleep(time.Duration(length(1200, 2500)) * time.Millisecond)
		c.killAndStart(kills%len(c.list), 300*time.Millisecond)
		kills++
	}
	wait()
	b.check(t, c.newcomer())
	b.faults.report(t)
	t.Logf("%d clients, %d kills: %v", k.clients(), kills, &b.log)
	if kills < 3 {
		t.Errorf("only %d kills", kills)
	}
}
