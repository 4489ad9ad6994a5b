//go:build linux

package soaktest

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/testserver"
	"github.com/opentcb/opentcb/tcb"
)

// TestClusterStandbyHalted halts what takes changes in on the synchronous
// standby. Every change is told -1, on all of three servers and each time it is
// tried, and no server shows what the standby has not. Then the primary is lost
// and the standby promoted: what is answered from then on is one for all.
//
// Proves: CS-4, EN-13, UT-16, UP-6, CR-5
func TestClusterStandbyHalted(t *testing.T) {
	primary := testserver.StartPostgres(t)
	address := primary.Database()
	standby := primary.Standby()
	both := strings.Replace(address, primary.Address(), primary.Address()+","+standby.Address(), 1)
	n := newNodes(t, both, "").start(3, newWorld(t, 3))
	c := platformClient(t, n.list[0]).withToken(t, 0)
	other := platformClient(t, n.list[0]).withToken(t, 1)
	w := standstill{n: n, c: c, other: other, env: envid(0, 0), pending: envid(1, 0)}
	w.prepare(t)

	standby.HaltReceiver()
	for range 2 {
		for i, s := range n.list {
			w.nothingDone(t, i, s)
			w.nothingSeen(t, i, s)
		}
	}
	primary.Kill()
	standby.Kill() // its receiver is halted, and would not end for a promotion
	standby.Restart()
	standby.Promote()
	w.oneForAll(t)
}

// standstill is what is tried while no change reaches the standby.
type standstill struct {
	n            *nodes
	c, other     *client
	env, pending string
	key, sum     string
	before       permission
}

func (w *standstill) prepare(t *testing.T) {
	t.Helper()
	var err error
	w.key, err = w.other.codeSecret()
	must(t, "getcodesecret", err)
	must(t, "createfunction", w.other.createFunction(w.pending, "hello"))
	code := newZip(1, 2000)
	must(t, "upload", w.other.upload(w.pending, "hello", w.key, code))
	w.sum = sumOf(code)
	w.before, err = w.other.permission(w.pending)
	must(t, "get", err)
	w.n.list[0].cli("revoke", platformID, appid(2))
}

// nothingDone tries a change of every kind, of which none can be kept.
func (w *standstill) nothingDone(t *testing.T, i int, s *server) {
	t.Helper()
	set := permission{open: !w.before.open, list: []string{"/wxa/lost"}, version: w.before.version}
	var all sync.WaitGroup
	defer all.Wait()
	for what, call := range map[string]func() error{
		"getcodesecret":  func() error { _, err := w.c.on(s).codeSecret(); return err },
		"set":            func() error { return w.other.on(s).setPermission(w.pending, set) },
		"createfunction": func() error { return w.c.on(s).createFunction(w.env, "lost") },
		"upload":         func() error { return w.other.on(s).upload(w.pending, "hello", w.key, newZip(2, 2000)) },
		"consent": func() error {
			_, _, status := command(t, "", "authorize", platformID, appid(2), "--sets", "18,49", "--admin", s.admin, "--data", s.data)
			if status != 0 {
				return errAway
			}
			return nil
		},
	} {
		all.Go(func() {
			began := time.Now()
			if err := call(); !isBusy(err) {
				t.Errorf("%s on server %d: %v, want -1", what, i, err)
			}
			if took := time.Since(began); took > answeredWithin {
				t.Errorf("%s on server %d took %v", what, i, took)
			}
		})
	}
}

// nothingSeen looks at what those changes would have changed.
func (w *standstill) nothingSeen(t *testing.T, i int, s *server) {
	t.Helper()
	other := w.other.on(s)
	if p, err := other.permission(w.pending); err != nil || fmt.Sprint(p) != fmt.Sprint(w.before) {
		t.Errorf("get on server %d: %+v, %v; want %+v", i, p, err, w.before)
	}
	if there, err := w.c.on(s).functions(w.env); err != nil || there["lost"] {
		t.Errorf("listfunctions on server %d: %v, %v", i, there, err)
	}
	if sum, err := other.download(w.pending, "hello"); err != nil || sum != w.sum {
		t.Errorf("downloadfunction on server %d: %s, %v; want %s", i, sum, err, w.sum)
	}
	if key, err := other.codeSecret(); err != nil || key != w.key {
		t.Errorf("getcodesecret on server %d: another key, %v", i, err)
	}
}

// oneForAll looks at the same after the promotion.
func (w *standstill) oneForAll(t *testing.T) {
	t.Helper()
	first := ""
	for i, s := range w.n.list {
		var key string
		comesTrue(t, "getcodesecret after the promotion", wellWithin, func() (err error) {
			key, err = w.c.on(s).codeSecret()
			return err
		})
		if first == "" {
			first = key
		}
		if key != first {
			t.Errorf("server %d answers another key than the first", i)
		}
		w.nothingSeen(t, i, s)
	}
	var answer tcb.AuthorizerTokenResponse
	err := platformClient(t, w.n.list[0]).call("/cgi-bin/component/api_authorizer_token", tcb.AuthorizerTokenRequest{
		ComponentAppID: ptr(platformID), AuthorizerAppID: ptr(appid(2)), AuthorizerRefreshToken: ptr(refresh(2)),
	}, &answer)
	if code, ok := refused(err); !ok || code != tcb.NotAuthorized {
		t.Errorf("a cancelled authorization after a consent that was told -1: %v", err)
	}
}
