package fleet_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/opentcb/opentcb/internal/fleet"
	"github.com/opentcb/opentcb/opentcbtest"
	"github.com/opentcb/opentcb/tcb"
)

// bed is a server with Mini Programs, behind a proxy that a test disturbs.
type bed struct {
	t       *testing.T
	srv     *opentcbtest.Server
	proxy   *httptest.Server
	disturb atomic.Value // func(w http.ResponseWriter, r *http.Request, body string, forward http.Handler) bool
	clients map[string]*tcb.Client
	mu      sync.Mutex
}

type disturbance func(w http.ResponseWriter, r *http.Request, body string, forward http.Handler) (handled bool)

func app(n int) string { return fmt.Sprintf("wx%016d", n) }
func env(n int) string { return fmt.Sprintf("env-%d", n) }

func newBed(t *testing.T, apps int) *bed {
	w := opentcbtest.World{Platforms: []opentcbtest.Platform{{AppID: opentcbtest.DefaultPlatform}}}
	for n := range apps {
		w.MiniPrograms = append(w.MiniPrograms, opentcbtest.MiniProgram{AppID: app(n)})
		w.Environments = append(w.Environments, opentcbtest.Environment{ID: env(n), AppID: app(n)})
		w.Authorizations = append(
			w.Authorizations, opentcbtest.Authorization{Platform: opentcbtest.DefaultPlatform, AppID: app(n)},
		)
	}
	b := &bed{t: t, srv: opentcbtest.New(t, w), clients: map[string]*tcb.Client{}}
	target, err := url.Parse(b.srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	forward := httputil.NewSingleHostReverseProxy(target)
	b.proxy = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		if d, ok := b.disturb.Load().(disturbance); ok && d(w, r, string(body), forward) {
			return
		}
		forward.ServeHTTP(w, r)
	}))
	t.Cleanup(b.proxy.Close)
	return b
}

// run works on a fleet through the proxy.
func (b *bed) run(workers int) *fleet.Run {
	return &fleet.Run{Workers: workers, Client: func(appid string) (*tcb.Client, error) {
		return &tcb.Client{BaseURL: b.proxy.URL, UploadURL: b.proxy.URL, Tokens: b.client(appid).Tokens}, nil
	}}
}

// client is a client that nobody disturbs.
func (b *bed) client(appid string) *tcb.Client {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.clients[appid] == nil {
		b.clients[appid] = b.srv.Client(opentcbtest.DefaultPlatform, appid)
	}
	return b.clients[appid]
}

// read writes a file of a fleet with all Mini Programs, and reads it.
func (b *bed) read(apps int, rules string) *fleet.Fleet {
	b.t.Helper()
	dir := b.t.TempDir()
	text := "miniprograms:\n"
	for n := range apps {
		text += fmt.Sprintf("  - {appid: %s, envs: [%s]}\n", app(n), env(n))
	}
	for name, text := range map[string]string{"fleet.yaml": text + "rules:\n" + rules, "code/index.js": "exports.main = 1;\n"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			b.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			b.t.Fatal(err)
		}
	}
	f, err := fleet.Read(filepath.Join(dir, "fleet.yaml"))
	if err != nil {
		b.t.Fatal(err)
	}
	return f
}

const everything = `
  - open: false
    allow: [/wxa/one]
    functions: {pay: {code: code}}
`

// TestTrouble: calls that fail for a moment, and calls whose answer was lost,
// are made again; every environment is set exactly once.
func TestTrouble(t *testing.T) {
	const apps = 12
	b := newBed(t, apps)
	var calls, disturbed atomic.Int64
	b.disturb.Store(disturbance(func(w http.ResponseWriter, r *http.Request, _ string, forward http.Handler) bool {
		n := calls.Add(1)
		if n%8 > 0 {
			return false
		}
		disturbed.Add(1)
		switch n / 8 % 4 {
		case 0: // refused for a moment
			fmt.Fprint(w, `{"errcode":-1,"errmsg":"system error"}`)
		case 1: // the answer is lost
			forward.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		case 2: // a proxy's page
			w.WriteHeader(http.StatusBadGateway)
			fmt.Fprint(w, "<html>bad gateway</html>")
		case 3: // the answer is lost behind a proxy's page
			forward.ServeHTTP(httptest.NewRecorder(), r)
			w.WriteHeader(http.StatusGatewayTimeout)
		}
		return true
	}))
	report := b.run(4).Apply(t.Context(), b.read(apps, everything))
	if !report.AllDone() || report.Changed != apps {
		t.Fatalf("%+v", report)
	}
	if disturbed.Load() < apps/2 {
		t.Fatalf("only %d calls were disturbed", disturbed.Load())
	}
	b.disturb.Store(disturbance(func(http.ResponseWriter, *http.Request, string, http.Handler) bool { return false }))
	for n := range apps {
		p, err := b.client(app(n)).GetCloudAccessToken(t.Context(), env(n))
		if err != nil || p.Version != 4 || p.Open || len(p.APIWhitelist) != 1 {
			t.Errorf("%s: %+v, %v", env(n), p, err)
		}
	}
	if report := b.run(4).Compare(t.Context(), b.read(apps, everything)); report.Same != apps {
		t.Errorf("afterwards: %+v", report)
	}
}

// TestConflict: what somebody else sets between the get and the set is seen
// before it is replaced; one who goes on doing so wins, and is told of.
func TestConflict(t *testing.T) {
	b := newBed(t, 1)
	other := b.client(app(0))
	times := 0
	between := func(most int) {
		times = 0
		b.disturb.Store(disturbance(func(_ http.ResponseWriter, r *http.Request, body string, _ http.Handler) bool {
			if !strings.Contains(body, `"set"`) || times == most {
				return false
			}
			times++
			p, err := other.GetCloudAccessToken(context.Background(), env(0))
			if err == nil {
				p.APIWhitelist = []string{fmt.Sprintf("/wxa/other%d", times)}
				err = other.SetCloudAccessToken(context.Background(), env(0), p)
			}
			if err != nil {
				b.t.Error(err)
			}
			return false
		}))
	}
	f := b.read(1, "  - allow: [/wxa/one]\n")
	between(2)
	report := b.run(1).Apply(t.Context(), f)
	if !report.AllDone() || times != 2 || fmt.Sprint(report.Results[0].Changes) != "[+ /wxa/one - /wxa/other2]" {
		t.Errorf("two others: %+v", report)
	}
	between(0)
	if err := other.SetCloudAccessToken(t.Context(), env(0), tcb.Permission{Open: true, Version: 1000}); err != nil {
		t.Fatal(err)
	}
	between(100)
	report = b.run(1).Apply(t.Context(), f)
	if report.Failed != 1 || !strings.Contains(report.Results[0].Error, "somebody else") || times != 5 {
		t.Errorf("one who does not stop, %d times: %+v", times, report)
	}
}

// TestChangedCode: code that is changed while a run is under way is not
// uploaded, for the plan was for other code.
func TestChangedCode(t *testing.T) {
	b := newBed(t, 1)
	dir := t.TempDir()
	zipped := filepath.Join(dir, "fleet.yaml")
	write(t, zipped, fmt.Sprintf("miniprograms: [{appid: %s, envs: [%s]}]\nrules: [{functions: {pay: {code: code}}}]\n", app(0), env(0)))
	write(t, filepath.Join(dir, "code", "index.js"), "1")
	f, err := fleet.Read(zipped)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "code", "index.js"), "2")
	report := b.run(1).Apply(t.Context(), f)
	if report.Failed != 1 || !strings.Contains(report.Results[0].Error, "has changed since the run began") {
		t.Errorf("%+v", report)
	}
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
