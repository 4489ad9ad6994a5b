//go:build linux

package soaktest

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/node"
	"github.com/opentcb/opentcb/internal/pgtest"
	"github.com/opentcb/opentcb/tcb"
)

// clockVar makes this test's binary a server whose clock is apart by so much.
const clockVar = "SOAK_CLOCK"

// apart is how far the clocks of the two servers are apart.
const apart = 60 * time.Second

// shiftedServer is `opentcb serve` with another clock, for the settings that
// these tests give.
func shiftedServer(args []string) error {
	shift, err := time.ParseDuration(os.Getenv(clockVar))
	if err != nil {
		return err
	}
	cfg := node.Default()
	cfg.Now = func() time.Time { return time.Now().Add(shift) }
	cfg.Log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	f := flag.NewFlagSet("serve", flag.ContinueOnError)
	for name, to := range map[string]*string{
		"listen": &cfg.Listen, "admin-listen": &cfg.AdminListen, "data": &cfg.Data, "database": &cfg.Database,
		"blobs": &cfg.Blobs, "master-key-file": &cfg.MasterKeyFile, "world": &cfg.World,
	} {
		f.StringVar(to, name, *to, "")
	}
	f.DurationVar(&cfg.LinkLife, "link-ttl", cfg.LinkLife, "")
	if err := f.Parse(args); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	n, err := node.Start(ctx, cfg)
	if err != nil {
		return err
	}
	fmt.Printf("ready api=%s admin=%s\n", n.APIURL(), n.AdminURL())
	<-ctx.Done()
	return n.Shutdown(context.Background())
}

// TestClocksApart: what is made by one clock is good by the other, and ends
// not more than the difference early or late.
//
// Proves: CR-8, CR-10, DF-8, UP-5, CC-6
func TestClocksApart(t *testing.T) {
	const ttl = apart + 6*time.Second
	n := newNodes(t, pgtest.Start(t).Database(), "")
	a := start(t, n.launch(0, n.database, newWorld(t, 2), "--link-ttl", ttl.String()))
	t.Setenv(clockVar, apart.String())
	ahead := n.launch(1, n.database, "", "--link-ttl", ttl.String())
	ahead.binary = os.Args[0]
	b := start(t, ahead)
	env := envid(0, 0)

	// Credentials of each on the other, in turn: the issue times of the one
	// that is behind come after those of the one that is ahead.
	pa, pb := platformClient(t, a), platformClient(t, b)
	var before *client
	for i := range 20 {
		from, other := pa.on(b), a
		if i%2 == 1 {
			from, other = pb.on(a), b
		}
		c := from.withToken(t, 0)
		for _, s := range []*server{other, a, b} {
			if _, err := c.on(s).codeSecret(); err != nil {
				t.Fatalf("round %d: a token of the other clock's: %v", i, err)
			}
			if before == nil {
				continue
			}
			if _, err := before.on(s).codeSecret(); err != nil {
				t.Fatalf("round %d: the token before, within its 5 minutes: %v (CR-8)", i, err)
			}
		}
		before = c
	}
	c := before

	// The runtime's token, uploads and links.
	p, err := c.on(a).permission(env)
	must(t, "get", err)
	must(t, "set", c.on(b).setPermission(env, permission{open: true, list: []string{"/*"}, version: p.version}))
	for _, pair := range [][2]*server{{a, b}, {b, a}} {
		token := strings.TrimSpace(pair[0].cli("token", "cloudbase", env))
		comesTrue(t, "a cloud call", 3*time.Second, func() error {
			code, err := c.on(pair[1]).cloudCall("/wxa/one", token)
			if err == nil && code != tcb.OK {
				err = fmt.Errorf("errcode %d", code)
			}
			return err
		})
	}
	key, err := c.on(a).codeSecret()
	must(t, "key", err)
	must(t, "createfunction", c.on(a).createFunction(env, "code"))
	links := map[*server]string{}
	for i, pair := range [][2]*server{{a, b}, {b, a}} {
		code := newZip(uint64(i), 10_000)
		body := uploadBody(env, "code", key, code)
		header, err := c.on(pair[0]).sign(body)
		must(t, "signature", err)
		header.Set("Host", strings.TrimPrefix(pair[0].api, "http://"))
		must(t, "upload by the other's signature", c.on(pair[1]).send(header, body))
	}
	made := time.Now()
	for _, s := range []*server{a, b} {
		link, _, err := c.on(s).link(env, "code")
		must(t, "link", err)
		links[s] = link[strings.Index(link, "/download/"):]
	}
	get := func(by, on *server) int {
		status, _, err := c.get(on.api + links[by])
		must(t, "download", err)
		return status
	}
	for _, by := range []*server{a, b} {
		for _, on := range []*server{a, b} {
			if status := get(by, on); status != 200 {
				t.Errorf("a new link is answered %d", status)
			}
		}
	}
	// The link of the clock that is behind ends early on the other, by the
	// difference and not more.
	time.Sleep(time.Until(made.Add(ttl - apart - time.Second)))
	if status := get(a, b); status != 200 {
		t.Errorf("more than %v early: %d", apart, status)
	}
	time.Sleep(time.Until(made.Add(ttl - apart + time.Second)))
	if behind, own, late := get(a, b), get(a, a), get(b, a); behind != 403 || own != 200 || late != 200 {
		t.Errorf("%v after the links were made: %d on the server that is ahead, %d on its own, %d the other's on this", ttl-apart+time.Second, behind, own, late)
	}
}
