package node_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/inject"
	"github.com/opentcb/opentcb/internal/journal"
	"github.com/opentcb/opentcb/internal/node"
	"github.com/opentcb/opentcb/tcb"
)

// withWorld applies oneWorld, and code of a developer's own, at the start.
func withWorld(t *testing.T) func(*node.Config) {
	t.Helper()
	folder := t.TempDir()
	text := strings.Replace(oneWorld, "{env: env-one, name: hello}", "{env: env-one, name: hello}, {env: env-one, name: own, zip: own.zip}", 1)
	for name, content := range map[string][]byte{"world.yaml": []byte(text), "own.zip": zipOf("index.js")} {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return func(c *node.Config) { c.World = filepath.Join(folder, "world.yaml") }
}

// platformClients returns clients of the world that is there already.
func (b *bench) platformClients() (platform, developer *tcb.Client) {
	b.t.Helper()
	platform = &tcb.Client{BaseURL: b.node.APIURL()}
	component, err := platform.ComponentToken(b.t.Context(), onePlatform, "s", "ticket@@@t")
	b.must(err)
	platform.Tokens = tcb.StaticToken(component.ComponentAccessToken)
	token, err := platform.AuthorizerToken(b.t.Context(), onePlatform, oneAccount, "refreshtoken@@@r")
	b.must(err)
	return platform, &tcb.Client{BaseURL: b.node.APIURL(), Tokens: tcb.StaticToken(token.AuthorizerAccessToken)}
}

// everything is all that the operator can see, but for when and how it is measured.
func (b *bench) everything(also ...string) string {
	b.t.Helper()
	var all strings.Builder
	paths := []string{"/v1/world", "/v1/audit", "/v1/clock", "/v1/environments/env-one/whitelist/history"}
	for _, path := range append(paths, also...) {
		req, err := http.NewRequest("GET", b.node.AdminURL()+path, nil)
		b.must(err)
		req.Header.Set("Authorization", "Bearer "+b.node.AdminToken())
		resp, err := http.DefaultClient.Do(req)
		b.must(err)
		text, err := io.ReadAll(resp.Body)
		b.must(errors.Join(err, resp.Body.Close()))
		fmt.Fprintf(&all, "%s %d %s\n", path, resp.StatusCode, text)
	}
	b.must(filepath.WalkDir(filepath.Join(b.cfg.Data, "code"), func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			fmt.Fprintln(&all, filepath.Base(path))
		}
		return err
	}))
	return all.String()
}

// change changes one of everything that a server keeps.
func (b *bench) change() {
	b.t.Helper()
	_, developer := b.platformClients()
	_, err := developer.UploadFunction(b.t.Context(), tcb.CodeUpload{Env: "env-one", Function: "hello", Handler: "index.main"},
		bytes.NewReader(zipOf("index.js", "uploaded.js")))
	b.must(err)
	b.must(developer.CreateFunction(b.t.Context(), "env-two", "new"))
	list := tcb.Permission{Open: true, APIWhitelist: []string{"/wxa/x"}, Version: 2}
	b.must(developer.SetCloudAccessToken(b.t.Context(), "env-one", list))
	b.get(b.node.APIURL() + "/wxa/y?cloudbase_access_token=" + url.QueryEscape(b.tokenOf("env-one")))
	_, err = b.admin().Authorize(b.t.Context(), onePlatform, "wx00000000000000a2", []int{18})
	b.must(err)
	rule := inject.Rule{Match: journal.Match{Interface: "listfunctions"}, Do: inject.Do{Reset: true}}
	_, err = b.admin().AddFault(b.t.Context(), rule)
	b.must(err)
	b.must(b.admin().Revoke(b.t.Context(), onePlatform, oneAccount))
	b.must(operator{b}.Apply("platforms: [{appid: wx00000000000000c2, secret: t}]"))
	_, err = b.admin().Collect(b.t.Context(), 0, false, func(admin.CodeLine) error { return nil })
	b.must(err)
}

// TestReset: after changes of all kinds, everything is as it was when the first
// request was served: rows, code, record, counts, clock.
//
// Proves: RS-1
func TestReset(t *testing.T) {
	b := startTesting(t, withWorld(t), func(c *node.Config) { c.Clock = "frozen@2026-01-31T15:04:05Z" })
	begin := b.everything("/v1/faults", "/v1/journal")
	made, err := b.admin().CreateAdminToken(t.Context(), admin.NewAdminToken{Name: "ci", Role: cloud.RoleAdmin})
	b.must(err)
	_, err = b.admin().SaveSnapshot(t.Context(), "stays")
	b.must(err)
	b.must(b.admin().Reset(t.Context()))
	for range 2 {
		_, developer := b.platformClients()
		b.change()
		_, err = b.admin().AdvanceClock(t.Context(), "3h")
		b.must(err)
		if b.everything("/v1/faults", "/v1/journal") == begin {
			t.Fatal("nothing was changed")
		}
		const none = `opentcb_calls_total{errcode="0",interface="createfunction"} 0`
		if _, text := b.get(b.node.AdminURL() + "/metrics"); strings.Contains(text, none) {
			t.Fatal("the metrics count nothing")
		}
		b.must(b.admin().Reset(t.Context()))
		if got := b.everything("/v1/faults", "/v1/journal"); got != begin {
			t.Errorf("after the reset:\n%s\nat the start:\n%s", got, begin)
		}
		if _, text := b.get(b.node.AdminURL() + "/metrics"); !strings.Contains(text, none) {
			t.Error("the metrics count what was before")
		}
		_, err = developer.GetCodeSecret(t.Context())
		b.answers("a token of before the reset", err, tcb.InvalidToken)
	}
	ci := &admin.Client{URL: b.node.AdminURL(), Token: made.Token}
	b.must(ci.Reset(t.Context()))
	var names []string
	b.must(ci.Snapshots(t.Context(), func(s admin.Snapshot) error { names = append(names, s.Name); return nil }))
	if !slices.Equal(names, []string{"stays"}) {
		t.Errorf("the snapshots are %q", names)
	}
	if setting := b.node.Clock().Setting().String(); setting != "frozen@2026-01-31T15:04:05Z" {
		t.Errorf("the clock is %s", setting)
	}
	_, developer := b.platformClients() // which are as at the start, too
	_, err = developer.GetFunctionLink(t.Context(), "env-one", "own")
	b.answers("the merchant's own code", err, -501019)
}

// TestSnapshots: what was issued before a snapshot is good after its restoring, and
// what was issued after it is void: tokens, links, codes. Clock and admin tokens stay.
//
// Proves: RS-2
func TestSnapshots(t *testing.T) {
	for _, clock := range []string{"real", "frozen@2026-01-31T15:04:05Z"} {
		t.Run(clock, func(t *testing.T) {
			b := startTesting(t, withWorld(t), func(c *node.Config) { c.Clock = clock })
			_, developer := b.platformClients()
			_, err := developer.UploadFunction(t.Context(), tcb.CodeUpload{Env: "env-one", Function: "hello", Handler: "index.main"},
				bytes.NewReader(zipOf("index.js", "a.js")))
			b.must(err)
			before := b.issue()
			saved, err := b.admin().SaveSnapshot(t.Context(), "one")
			b.must(err)
			if saved.Name != "one" || saved.Bytes == 0 || saved.CreatedAt.Sub(b.node.Clock().Now()).Abs() > time.Minute {
				t.Errorf("saved %+v", saved)
			}
			state := b.everything()
			after := b.issue()
			b.change()
			for round := range 2 {
				b.must(b.admin().RestoreSnapshot(t.Context(), "one"))
				if round == 0 && clock != "real" {
					if got := b.everything(); got != state {
						t.Errorf("after the restoring:\n%s\nbefore:\n%s", got, state)
					}
				}
				before.wants(b, "issued before the snapshot", true)
				after.wants(b, "issued after it", false)
				later := b.issue() // in a third state, which ends with the next restoring
				later.wants(b, "issued after the restoring", true)
				before.wants(b, "issued before the snapshot", true)
				after.wants(b, "issued after the snapshot", false)
				if round == 1 {
					_, err := b.restart()
					b.must(err)
					before.at(b).wants(b, "issued before the snapshot, after a restart", true)
					later.at(b).wants(b, "issued after the restoring, after a restart", true)
					after.at(b).wants(b, "issued after the snapshot, after a restart", false)
				}
			}
			b.must(b.admin().RemoveSnapshot(t.Context(), "one"))
			err = b.admin().RestoreSnapshot(t.Context(), "one")
			if r, ok := errors.AsType[*admin.Refusal](err); !ok || r.Status != http.StatusNotFound {
				t.Errorf("a removed snapshot is restored: %v", err)
			}
		})
	}
}

// issued is one of each thing that carries its own claim.
type issued struct {
	component, authorizer, runtime, link, credential string
	upload                                           http.Header
}

func (b *bench) issue() issued {
	b.t.Helper()
	platform, developer := b.platformClients()
	component, err := platform.Tokens.Token(b.t.Context())
	b.must(err)
	authorizer, err := developer.Tokens.Token(b.t.Context())
	b.must(err)
	link, err := developer.GetFunctionLink(b.t.Context(), "env-one", "hello")
	b.must(err)
	upload, err := developer.GetUploadSignature(b.t.Context(), strings.Repeat("0", 64))
	b.must(err)
	credential, err := b.admin().Credential(b.t.Context(), "env-two", 0, false)
	b.must(err)
	return issued{component, authorizer, b.tokenOf("env-all"), link.URL, credential.Credential, upload}
}

// at is the same at the address of a server that has restarted.
func (i issued) at(b *bench) issued {
	u, err := url.Parse(i.link)
	b.must(err)
	u.Host = strings.TrimPrefix(b.node.APIURL(), "http://")
	i.link = u.String()
	return i
}

// wants wants all of them to be good, or none.
func (i issued) wants(b *bench, what string, good bool) {
	b.t.Helper()
	client := func(token string) *tcb.Client {
		return &tcb.Client{BaseURL: b.node.APIURL(), Tokens: tcb.StaticToken(token)}
	}
	_, err := client(i.component).CreatePreAuthCode(b.t.Context(), onePlatform)
	component := err == nil
	_, err = client(i.authorizer).GetCodeSecret(b.t.Context())
	authorizer := err == nil
	resp, _ := b.get(i.link)
	_, text := b.get(b.node.APIURL() + "/wxa/x?cloudbase_access_token=" + url.QueryEscape(i.runtime))
	req, err := http.NewRequest("POST", b.node.APIURL()+"/", strings.NewReader("{}"))
	b.must(err)
	req.Header, req.Host = i.upload, i.upload.Get("Host")
	uploaded, err := http.DefaultClient.Do(req)
	b.must(err)
	answer, err := io.ReadAll(uploaded.Body)
	b.must(errors.Join(err, uploaded.Body.Close()))
	_, err = (&admin.Client{URL: b.node.AdminURL(), Token: i.credential}).CloudbaseToken(b.t.Context(), "env-two")
	credential := err == nil
	for name, got := range map[string]bool{
		"credential":      credential,
		"component token": component, "authorizer token": authorizer, "link": resp.StatusCode == http.StatusOK,
		"runtime's token": !strings.Contains(text, "40014"),
		"upload token":    !strings.Contains(string(answer), "X-TC-Token is not one that this server issued"),
	} {
		if got != good {
			b.t.Errorf("the %s %s is good: %v", name, what, got)
		}
	}
}

// TestResetUnderLoad: each call is answered, none by a broken connection or an
// error of the server's, while everything is reset again and again; and a call that
// is under way is answered before.
//
// Proves: RS-1
func TestResetUnderLoad(t *testing.T) {
	b := startTesting(t, withWorld(t))
	ctx, stop := context.WithCancel(t.Context())
	var clients sync.WaitGroup
	var calls atomic.Int64
	for range 8 {
		clients.Go(func() {
			for ctx.Err() == nil {
				platform := &tcb.Client{BaseURL: b.node.APIURL()}
				component, err := platform.ComponentToken(t.Context(), onePlatform, "s", "ticket@@@t")
				if err == nil {
					platform.Tokens = tcb.StaticToken(component.ComponentAccessToken)
					_, err = platform.CreatePreAuthCode(t.Context(), onePlatform)
				}
				calls.Add(1)
				// A token of before the reset is none any more; all else is a fault.
				if e, ok := errors.AsType[*tcb.Error](err); err != nil && (!ok || e.Code != tcb.InvalidToken) {
					t.Error(err)
				}
			}
		})
	}
	for range 50 {
		b.must(b.admin().Reset(t.Context()))
	}
	stop()
	clients.Wait()
	if calls.Load() == 0 {
		t.Error("nothing was called")
	}
}

// TestResetWaits: a call that has begun is answered by the state in which it began,
// and one that comes meanwhile by the new one.
//
// Proves: RS-1
func TestResetWaits(t *testing.T) {
	b := startTesting(t, withWorld(t))
	_, developer := b.platformClients()
	body, send := io.Pipe()
	token, err := developer.Tokens.Token(t.Context())
	b.must(err)
	answered, begun := make(chan string, 1), make(chan struct{})
	trace := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got100Continue: func() { close(begun) }})
	req, err := http.NewRequestWithContext(trace, "POST", b.node.APIURL()+"/tcb/createfunction?access_token="+token, body)
	b.must(err)
	req.Header.Set("Expect", "100-continue") // which is said when the call reads its body
	client := http.Client{Transport: &http.Transport{ExpectContinueTimeout: time.Hour}}
	defer client.CloseIdleConnections()
	go func() {
		resp, err := client.Do(req)
		if err != nil {
			answered <- err.Error()
			return
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body)
		answered <- string(text)
	}()
	<-begun
	reset := make(chan error, 1)
	go func() { reset <- b.admin().Reset(t.Context()) }()
	select {
	case err := <-reset:
		t.Fatalf("the reset did not wait: %v", err)
	case <-time.After(200 * time.Millisecond): // longer than one takes
	}
	_, err = io.WriteString(send, `{"env":"env-one","function_name":"late"}`)
	b.must(errors.Join(err, send.Close()))
	b.must(<-reset)
	if text := <-answered; !strings.Contains(text, `"errcode":0`) {
		t.Errorf("the call under way: %s", text)
	}
	_, developer = b.platformClients()
	b.answers("what was created before the reset, again", developer.CreateFunction(t.Context(), "env-one", "late"), tcb.OK)
}

// TestResetLeavesNothing: a thousand resets leave no goroutine, no file and no memory.
//
// Proves: RS-1
func TestResetLeavesNothing(t *testing.T) {
	b := startTesting(t, withWorld(t), func(c *node.Config) { c.Ephemeral = true })
	rounds := 1000
	if testing.Short() {
		rounds = 100
	}
	code := 0
	use := func(n int) {
		for range n {
			code++
			b.must(operator{b}.Deploy("env-one", "own", zipOf("index.js", fmt.Sprintf("n%d.js", code%10))))
			b.must(b.admin().Reset(t.Context()))
		}
	}
	measure := func() (goroutines, files int, heap uint64) {
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
		b.must(filepath.WalkDir(b.node.Data(), func(_ string, _ os.DirEntry, err error) error { files++; return err }))
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return runtime.NumGoroutine(), files, m.HeapAlloc
	}
	use(20) // what is made once is there
	g1, f1, h1 := measure()
	use(rounds)
	g2, f2, h2 := measure()
	t.Logf("goroutines %d %d, files %d %d, heap %d %d", g1, g2, f1, f2, h1, h2)
	if g2 > g1+20 || f2 != f1 || h2 > h1+16<<20 {
		t.Errorf("%d resets: goroutines %d to %d, files %d to %d, heap %d to %d", rounds, g1, g2, f1, f2, h1, h2)
	}
}
