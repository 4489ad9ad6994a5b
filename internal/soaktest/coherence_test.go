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

// staleAtMost is UT-15's bound on what another server may still allow.
const staleAtMost = time.Second

// TestCoherence changes things on one server and looks at them on another:
// what allows may be a second old, what is told and what is issued is good at
// once.
//
// Proves: UT-15, CR-9, CR-10, DF-10
func TestCoherence(t *testing.T) {
	n := newNodes(t, testserver.StartPostgres(t).Database(), "").start(2, newWorld(t, 2))
	a, b := n.list[0], n.list[1]
	platform := platformClient(t, a)
	c := platform.withToken(t, 0)
	env := envid(0, 0)
	runtime := strings.TrimSpace(a.cli("token", "cloudbase", env))
	rounds := length(2, 60)

	set := func(open bool, list ...string) {
		t.Helper()
		p, err := c.on(a).permission(env)
		must(t, "get", err)
		must(t, "set", c.on(a).setPermission(env, permission{open: open, list: list, version: p.version}))
	}
	told := func() { // which reads the row anew on the other server
		t.Helper()
		p, err := c.on(a).permission(env)
		must(t, "get", err)
		must(t, "set", c.on(a).setPermission(env, p))
		if q, err := c.on(b).permission(env); err != nil || q.version != p.version+2 {
			t.Errorf("a get at once on the other server: %+v, %v after version %d", q, err, p.version)
		}
	}
	allowedOn := func(s *server) func() error {
		return func() error {
			if code, err := c.on(s).cloudCall("/wxa/one", runtime); code != tcb.OK || err != nil {
				return fmt.Errorf("%d, %v", code, err)
			}
			return nil
		}
	}
	// lastAllowed is how long after now calls still pass.
	lastAllowed := func(call func() error) time.Duration {
		began, last := time.Now(), time.Duration(0)
		for time.Since(began) < staleAtMost+500*time.Millisecond {
			sent := time.Since(began)
			if call() == nil {
				last = sent
			}
		}
		return last
	}
	worst := map[string]time.Duration{}
	for range rounds {
		for what, change := range map[string]func(){
			"switch closed":      func() { set(false, "/wxa/*") },
			"whitelist narrowed": func() { set(true, "/wxa/other") },
		} {
			set(true, "/wxa/*")
			comesTrue(t, "allowed on the other server", time.Minute, allowedOn(b))
			change()
			worst[what] = max(worst[what], lastAllowed(allowedOn(b)))
			if err := allowedOn(a)(); err == nil {
				t.Errorf("%s: the server that answered still allows", what)
			}
			told()
		}
		fresh := platform.as(consent(t, a, platform.on(a), 1)) // good on the other at once
		if _, err := fresh.on(b).codeSecret(); err != nil {
			t.Errorf("a token at once on the other server: %v", err)
		}
		a.cli("revoke", platformID, appid(1))
		worst["authorization cancelled"] = max(
			worst["authorization cancelled"],
			lastAllowed(func() error { _, err := fresh.on(b).codeSecret(); return err }),
		)
	}
	for what, last := range worst {
		t.Logf("%s: the other server allowed for %v more, at most, in %d rounds", what, last.Round(time.Millisecond), rounds)
		if last >= staleAtMost {
			t.Errorf("%s: allowed %v later", what, last)
		}
	}
	codeOnBoth(t, a, b, platform)
}

// codeOnBoth uploads on one server with a signature of the other's, and
// downloads on either with links of the other's.
func codeOnBoth(t *testing.T, a, b *server, platform *client) {
	t.Helper()
	c := platform.on(a).withToken(t, 0)
	env := envid(0, 1)
	key, err := c.on(a).codeSecret()
	must(t, "key", err)
	if other, err := c.on(b).codeSecret(); err != nil || other != key {
		t.Errorf("the key on the other server: %q, %v", other, err)
	}
	must(t, "createfunction", c.on(a).createFunction(env, "shared"))
	for i := range 10 {
		from, to := a, b
		if i%2 == 1 {
			from, to = b, a
		}
		code := newZip(uint64(i), 20_000)
		body := uploadBody(env, "shared", key, code)
		header, err := c.on(from).sign(body)
		must(t, "signature", err)
		header.Set("Host", strings.TrimPrefix(from.api, "http://")) // what was signed
		must(t, "upload with another server's signature", c.on(to).send(header, body))
		link, sum, err := c.on(from).link(env, "shared")
		if err != nil || sum != sumOf(code) {
			t.Errorf("downloadfunction at once on the other server: %s, %v, want %s", sum, err, sumOf(code))
		}
		status, got, err := c.get(strings.Replace(link, from.api, to.api, 1))
		if err != nil || status != 200 || sumOf(got) != sum {
			t.Errorf("a link of the other server's: %d, %d bytes, %v", status, len(got), err)
		}
	}
	link, _, err := c.on(a).link(env, "shared")
	must(t, "link", err)
	link = strings.Replace(link, a.api, b.api, 1)
	if status, _, err := c.get(link); status != 200 || err != nil {
		t.Errorf("link before: %d, %v", status, err)
	}
	a.cli("revoke", platformID, appid(0))
	if status, _, err := c.get(link); status != 403 || err != nil {
		t.Errorf("link at once after the authorization was cancelled on the other server: %d, %v (DF-10)", status, err)
	}
}
