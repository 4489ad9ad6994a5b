//go:build linux

package soaktest

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/opentcb/opentcb/tcb"
)

// TestQuotaKilled kills the server while calls are counted: what it forgets are the
// calls of the last moment, and it never counts one that was not made.
// Proves: QU-2
func TestQuotaKilled(t *testing.T) {
	const kills, promised = 3, time.Second
	l := launch{data: filepath.Join(t.TempDir(), "data"), args: []string{"--world", newWorld(t, 1)}}
	s := start(t, l)
	s.cli("platform", "set", platformID, "--quotas", "getcodesecret.day=1000000")
	token := login(t, s, 1)[0].token
	used := func() int {
		var answer tcb.QuotaResponse
		err := newClient(s.api, token).call("/cgi-bin/openapi/quota/get", tcb.QuotaRequest{CGIPath: ptr("/tcb/getcodesecret")}, &answer)
		must(t, "quota/get", err)
		return int(answer.Quota.Used)
	}
	for range kills {
		before := used()
		var answered []time.Time
		sent := 0
		for c, begin := newClient(s.api, token), time.Now(); time.Since(begin) < 4*promised; {
			sent++
			must(t, "getcodesecret", c.call("/tcb/getcodesecret", nil, nil))
			answered = append(answered, time.Now())
		}
		killed := time.Now()
		s.kill()
		s = start(t, l)
		n := used() - before
		late := func(at time.Time) bool { return killed.Sub(at) < 3*promised } // of a busy machine
		kept := slices.IndexFunc(answered, late)
		t.Logf("of %d calls %d are counted", sent, n)
		if n > sent {
			t.Errorf("%d calls are counted, of %d", n, sent)
		}
		if n < kept {
			t.Errorf("%d calls are counted, though %d were answered long before the kill", n, kept)
		}
		if forgot := sent - n; forgot > 0 {
			t.Logf("the first that is forgotten was answered %v before the kill", killed.Sub(answered[n]))
		}
	}
}
