package gateway_test

import (
	"bytes"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/gateway"
	"github.com/opentcb/opentcb/internal/whitelist"
)

const (
	token = "the-token-of-the-call"
	appid = "wx00000000000000a1"
	env   = "test-777bb9"
)

// front is a server that forwards every request, as the real one does with
// those that it allows: the path as it came, the query without the token.
type front struct {
	*httptest.Server
	errs chan error // what Forward returned
}

func newFront(t *testing.T, upstream string, timeout time.Duration) *front {
	t.Helper()
	u, err := url.Parse(upstream)
	if err != nil {
		t.Fatal(err)
	}
	cfg := gateway.Config{Upstream: u, Timeout: timeout, TransferTime: 30 * time.Second}
	return serveFront(t, cfg, &http.Server{ReadHeaderTimeout: 5 * time.Second})
}

// serveFront serves with the time limits of a server and of a gateway.
func serveFront(t *testing.T, cfg gateway.Config, limits *http.Server) *front {
	t.Helper()
	g := gateway.New(cfg)
	f := &front{errs: make(chan error, 100)}
	everything := whitelist.NewList([]string{"/*"})
	limits.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, query, _ := strings.Cut(r.RequestURI, "?")
		path, err := everything.Judge(raw)
		if err == nil {
			err = g.Forward(w, r, gateway.Call{Path: path, Query: query, AppID: appid, Env: env, Token: token})
		}
		f.errs <- err
		if err != nil {
			w.WriteHeader(http.StatusTeapot) // fails if something was written
		}
	})
	f.Server = httptest.NewUnstartedServer(nil)
	limits.ErrorLog = log.New(faults{t}, "", 0)
	f.Config = limits
	f.Start()
	t.Cleanup(func() { f.Close(); g.Close() })
	return f
}

// faults fails a test in which net/http sees a reason to log.
type faults struct{ t *testing.T }

func (f faults) Write(line []byte) (int, error) {
	first, _, _ := bytes.Cut(line, []byte("\n"))
	f.t.Errorf("logged: %s", first)
	return len(line), nil
}

// forwarded wants calls to have been forwarded.
func (f *front) forwarded(t *testing.T, calls int) {
	t.Helper()
	for range calls {
		if err := <-f.errs; err != nil {
			t.Fatalf("Forward: %v", err)
		}
	}
}

// failed wants a call to have failed, with nothing written.
func (f *front) failed(t *testing.T, resp *http.Response, err error) error {
	t.Helper()
	if err != nil || resp.StatusCode != http.StatusTeapot {
		t.Fatalf("the caller got %v, %v", resp, err)
	}
	resp.Body.Close()
	err = <-f.errs
	if err == nil {
		t.Fatal("Forward returned nil")
	}
	if text := err.Error(); strings.Contains(text, token) || strings.Contains(text, "query") {
		t.Errorf("the error shows the call: %v", err)
	}
	return err
}

// seen is what the upstream got.
type seen struct {
	*http.Request
	body string
}

// recording is an upstream that remembers the last request.
func recording(t *testing.T) (*httptest.Server, <-chan seen) {
	got := make(chan seen, 100)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Error(err)
		}
		got <- seen{r, string(body)}
		w.Header().Set("X-Answer", "yes")
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"errcode":0}`)
	}))
	t.Cleanup(s.Close)
	return s, got
}

func get(t *testing.T, f *front, path string) (*http.Response, string) {
	t.Helper()
	resp, err := http.Get(f.URL + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(text)
}
