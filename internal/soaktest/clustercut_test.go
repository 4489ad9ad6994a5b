//go:build linux

package soaktest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/testserver"
	"github.com/opentcb/opentcb/tcb"
)

// TestClusterCutOff changes something on one server while the other is cut off
// from the database. A second after the answer the other allows nothing by
// what it knew, and says -1; when the way is free again it says what is so,
// and has not allowed anything in between.
//
// Proves: CC-8, UT-15, CR-9
func TestClusterCutOff(t *testing.T) {
	t.Parallel() // it waits more than it computes
	postgres := testserver.StartPostgres(t)
	address := postgres.Database()
	way := newLine(t, postgres.Address())
	n := newNodes(t, address, "").start(1, newWorld(t, 2))
	a := n.list[0]
	b := start(t, n.launch(1, way.through(address), ""))
	platform := platformClient(t, a)
	c, other := platform.withToken(t, 0), platform.withToken(t, 1)
	runtime := strings.TrimSpace(a.cli("token", "cloudbase", envid(0, 0)))
	set := func(open bool, list ...string) {
		t.Helper()
		p, err := c.permission(envid(0, 0))
		must(t, "get", err)
		must(t, "set", c.setPermission(envid(0, 0), permission{open: open, list: list, version: p.version}))
	}
	cloudCall := func() error {
		return c.on(b).callWhole("/wxa/one?cloudbase_access_token="+runtime, nil)
	}
	for _, x := range []struct {
		name    string
		trouble trouble
		change  func()
		call    func() error
		after   tcb.Code
	}{
		{"switch closed", silent, func() { set(false, "/wxa/*") }, cloudCall, tcb.CloudTokenClosed},
		{"whitelist narrowed", unreachable, func() { set(true, "/wxa/other") }, cloudCall, tcb.NotInWhitelist},
		{"authorization cancelled", silent, func() { a.cli("revoke", platformID, appid(1)) },
			func() error { _, err := other.on(b).codeSecret(); return err }, tcb.NotAuthorized},
	} {
		set(true, "/wxa/*")
		comesTrue(t, x.name+": allowed before", wellWithin, x.call)
		x.trouble.begin(way)
		x.change()
		last, slowest := cutOff(t, x.name, x.call)
		x.trouble.end(way)
		well := comesTrue(t, x.name+": told", wellWithin, func() error {
			err := x.call()
			if err == nil {
				t.Errorf("%s: allowed when the way was free again", x.name)
			}
			if code, ok := refused(err); ok && code == x.after {
				return nil
			}
			return fmt.Errorf("%v, want %d", err, x.after)
		})
		t.Logf("%s, the way %s: allowed for %v after the answer, -1 after %v at most, %d told %v after the way was free",
			x.name, x.trouble.name, last.Round(time.Millisecond), slowest.Round(time.Millisecond),
			x.after, well.Round(time.Millisecond))
		if last >= staleAtMost {
			t.Errorf("%s: allowed %v after the answer", x.name, last)
		}
	}
}

// cutOff makes calls to a server that is cut off. It returns when the last was
// sent that was allowed, and how long the others took to be told -1.
func cutOff(t *testing.T, what string, call func() error) (last, slowest time.Duration) {
	t.Helper()
	began := time.Now()
	for time.Since(began) < time.Duration(length(3, 20))*time.Second {
		sent := time.Now()
		err := call()
		took := time.Since(sent)
		switch {
		case err == nil:
			last = sent.Sub(began)
		case !isBusy(err):
			t.Errorf("%s: %v after the answer the server that is cut off says %v, want -1", what, sent.Sub(began), err)
		case took > answeredWithin:
			t.Errorf("%s: -1 only after %v", what, took)
		}
		slowest = max(slowest, took)
	}
	return last, slowest
}
