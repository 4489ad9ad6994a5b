package node_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/node"
	"github.com/opentcb/opentcb/internal/testserver"
	"github.com/opentcb/opentcb/tcb"
)

// limited gives onePlatform limits.
func (b *bench) limited(limits string) {
	b.t.Helper()
	if err := (operator{b}).Apply("platforms: [{appid: " + onePlatform + ", " + limits + "}]"); err != nil {
		b.t.Fatal(err)
	}
}

// TestCallersAddress: whose X-Forwarded-For counts is the operator's to say, and it is
// read from the right. The whole of an IPv6 address counts, and an IPv4 address in
// one is that.
// Proves: QU-4
func TestCallersAddress(t *testing.T) {
	b := startBench(t)
	b.cfg.TrustedProxies = []string{"127.0.0.0/8", "198.51.100.0/24"}
	if _, err := b.restart(); err != nil {
		t.Fatal(err)
	}
	_, developer := b.clients()
	token, _ := developer.Tokens.Token(t.Context())
	b.limited(`ip_whitelist: [192.0.2.7, 203.0.113.0/25, "2001:db8::1"]`)
	seen := func(forwarded ...string) string {
		req, err := http.NewRequestWithContext(t.Context(), "POST", b.node.APIURL()+"/tcb/getcodesecret?access_token="+token, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header["X-Forwarded-For"] = forwarded
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var status tcb.Status
		if err := json.NewDecoder(resp.Body).Decode(&status); err != nil {
			t.Fatal(err)
		}
		message, _, _ := strings.Cut(status.ErrMsg, " rid: ")
		return message
	}
	from := func(address string) string { return "access clientip is not registered requestIP: " + address }
	cases := []struct {
		forwarded []string
		want      string
	}{
		{nil, from("127.0.0.1")},
		{[]string{"192.0.2.7"}, "ok"},
		{[]string{"192.0.2.8"}, from("192.0.2.8")},
		{[]string{"192.0.2.7, 192.0.2.8"}, from("192.0.2.8")}, // what a caller says itself stands left
		{[]string{"192.0.2.8, 192.0.2.7, 198.51.100.4"}, "ok"},
		{[]string{"192.0.2.7", "192.0.2.9"}, from("192.0.2.9")},
		{[]string{"192.0.2.7, nonsense"}, from("127.0.0.1")},
		{[]string{"203.0.113.127"}, "ok"},
		{[]string{"203.0.113.128"}, from("203.0.113.128")},
		{[]string{"::ffff:192.0.2.7"}, "ok"},
		{[]string{"2001:db8::1"}, "ok"},
		{[]string{"2001:db8::2"}, from("2001:db8::2")},
	}
	for _, c := range cases {
		if got := seen(c.forwarded...); got != c.want {
			t.Errorf("%q: %q, want %q", c.forwarded, got, c.want)
		}
	}
	b.cfg.TrustedProxies = nil
	if _, err := b.restart(); err != nil {
		t.Fatal(err)
	}
	if got := seen("192.0.2.7"); got != from("127.0.0.1") {
		t.Errorf("of a proxy that is not trusted: %q", got)
	}
}

// TestQuotaClient: package tcb asks for quotas and clears them.
// Proves: QU-3
func TestQuotaClient(t *testing.T) {
	b := startBench(t)
	platform, developer := b.clients()
	b.limited("quotas: {interfaces: {getcodesecret: {day: 1}}}")
	ctx := t.Context()
	used := func(want int64) {
		t.Helper()
		q, err := developer.Quota(ctx, "/tcb/getcodesecret")
		is := tcb.DayQuota{DailyLimit: 1, Used: want, Remain: 1 - want}
		if err != nil || q.Quota == nil || *q.Quota != is || q.RateLimit != nil {
			t.Errorf("%+v, %v; want %d used", q, err, want)
		}
	}
	for name, clear := range map[string]func() error{
		"the Mini Program's token": func() error { return developer.ClearQuota(ctx, oneAccount) },
		"the platform's token":     func() error { return platform.ClearQuota(ctx, onePlatform) },
		"the secret":               func() error { return platform.ClearQuotaBySecret(ctx, onePlatform, "s") },
	} {
		used(0)
		if _, err := developer.GetCodeSecret(ctx); err != nil {
			t.Error(err)
		}
		if _, err := developer.GetCodeSecret(ctx); !errors.Is(err, tcb.ErrDailyQuota) {
			t.Errorf("beyond the quota: %v", err)
		}
		used(1)
		if err := clear(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := developer.ClearQuota(ctx, onePlatform); err == nil || !strings.Contains(err.Error(), "clear_quota") {
		t.Errorf("of another: %v", err)
	}
	if _, err := developer.Quota(ctx, "/none"); err == nil || !strings.Contains(err.Error(), "quota/get") {
		t.Errorf("of a path that is none: %v", err)
	}
}

// TestQuotaPutBack: what was counted is as the snapshot has it, and as at the start
// after a reset.
func TestQuotaPutBack(t *testing.T) {
	cfg := node.Default()
	cfg.Listen, cfg.AdminListen, cfg.Ephemeral, cfg.TestMode = "127.0.0.1:0", "127.0.0.1:0", true, true
	cfg.World = filepath.Join(t.TempDir(), "world.yaml")
	world := strings.Replace(oneWorld, "ticket@@@t}", "ticket@@@t, quotas: {all: {day: 9}}}", 1)
	if err := os.WriteFile(cfg.World, []byte(world), 0o600); err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t}
	var err error
	if b.node, err = node.Start(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.node.Shutdown(context.Background()) }()
	used := func(what string, want int64) {
		t.Helper()
		platform := &tcb.Client{BaseURL: b.node.APIURL()}
		component, err := platform.ComponentToken(t.Context(), onePlatform, "s", "ticket@@@t")
		if err != nil {
			t.Fatal(err)
		}
		platform.Tokens = tcb.StaticToken(component.ComponentAccessToken)
		q, err := platform.Quota(t.Context(), "/tcb/getcodesecret")
		if err != nil || q.Quota == nil || q.Quota.Used != want {
			t.Errorf("%s: %+v, %v; want %d used", what, q.Quota, err, want)
		}
		_, _ = platform.CreatePreAuthCode(t.Context(), onePlatform) // one more
	}
	used("at the start", 0)
	used("after a call", 1)
	_, err = b.admin().SaveSnapshot(t.Context(), "two")
	used("after two", 2)
	err = errors.Join(err, b.admin().RestoreSnapshot(t.Context(), "two"))
	used("as the snapshot has it", 2)
	err = errors.Join(err, b.admin().Reset(t.Context()))
	used("after a reset", 0)
	if err != nil {
		t.Error(err)
	}
}

// TestQuotaOvershoot: 200 clients of three servers on one database use up a quota.
// What the servers let through beyond it they let through within a moment, and never
// is a call refused before the number is reached.
// Proves: QU-2
func TestQuotaOvershoot(t *testing.T) {
	const quota, clients, wanted = 3000, 200, time.Second
	far := newFarStorage(t, testserver.StartS3(t))
	b := startBenchOn(t, far)
	servers := []string{b.node.APIURL()}
	for range 2 {
		servers = append(servers, b.beside().APIURL())
	}
	_, developer := b.clients()
	token, _ := developer.Tokens.Token(t.Context())
	b.limited(fmt.Sprintf("quotas: {interfaces: {getcodesecret: {day: %d}}}", quota))
	time.Sleep(time.Second) // all servers know it

	var mu sync.Mutex
	var passed, refused []time.Time
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var crowd sync.WaitGroup
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	defer client.CloseIdleConnections()
	for n := range clients {
		crowd.Go(func() {
			for ctx.Err() == nil {
				code, err := post(ctx, client, servers[n%len(servers)]+"/tcb/getcodesecret?access_token="+token)
				mu.Lock()
				switch {
				case ctx.Err() != nil:
				case err == nil && code == tcb.OK:
					passed = append(passed, time.Now())
				case err == nil && code == tcb.DailyQuota:
					if refused = append(refused, time.Now()); len(refused) == 1 && len(passed) < quota-clients {
						t.Errorf("a call is refused when %d were let through", len(passed))
					}
				case err == nil && code == tcb.SystemBusy: // a machine that is too busy for the database
				default:
					t.Errorf("%d, %v", code, err)
					stop()
				}
				over := len(passed) > 0 && time.Since(passed[len(passed)-1]) > 3*wanted
				mu.Unlock()
				if over {
					stop() // no server lets any through any more
				}
			}
		})
	}
	crowd.Wait()
	if len(passed) < quota {
		t.Fatalf("%d calls were let through, want %d", len(passed), quota)
	}
	slices.SortFunc(passed, time.Time.Compare)
	late := passed[len(passed)-1].Sub(passed[quota-1])
	t.Logf("of %d calls %d were let through beyond the quota, for %v", len(passed)+len(refused), len(passed)-quota, late)
	if late > 5*wanted { // of a machine that is busy
		t.Errorf("calls were let through for %v beyond the quota", late)
	}
}

// beside starts another server on the bench's database and bucket.
func (b *bench) beside() *node.Node {
	b.t.Helper()
	cfg := b.cfg
	cfg.Data = b.t.TempDir()
	key, err := os.ReadFile(filepath.Join(b.cfg.Data, "master-key"))
	if err != nil {
		b.t.Fatal(err)
	}
	cfg.MasterKey = strings.TrimSpace(string(key))
	n, err := node.Start(context.Background(), cfg)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() {
		if err := n.Shutdown(context.Background()); err != nil {
			b.t.Error(err)
		}
	})
	return n
}

func post(ctx context.Context, client *http.Client, address string) (tcb.Code, error) {
	req, err := http.NewRequestWithContext(ctx, "POST", address, bytes.NewReader(nil))
	if err != nil {
		return 0, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	var status tcb.Status
	return status.ErrCode, json.NewDecoder(resp.Body).Decode(&status)
}
