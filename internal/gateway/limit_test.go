package gateway_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/gateway"
)

// slowly answers with a byte every 50 ms, for as long as asked to.
func slowly(t *testing.T, bytes int) *url.URL {
	t.Helper()
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		for range bytes {
			if _, err := io.WriteString(w, "x"); err != nil {
				return
			}
			_ = http.NewResponseController(w).Flush()
			time.Sleep(50 * time.Millisecond)
		}
		if r.URL.Path == "/silent" {
			<-r.Context().Done()
		}
	}))
	t.Cleanup(upstream.Close)
	u, err := url.Parse(upstream.URL)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// TestServerTimes streams for longer than the server gives to ordinary
// requests.
func TestServerTimes(t *testing.T) {
	t.Parallel()
	const ordinary = 150 * time.Millisecond
	f := serveFront(t, gateway.Config{Upstream: slowly(t, 8), Timeout: 5 * time.Second, TransferTime: 5 * time.Second},
		&http.Server{ReadTimeout: ordinary, WriteTimeout: ordinary})
	for _, body := range []io.Reader{nil, http.NoBody, strings.NewReader("whole"), trickle(5)} {
		resp, err := http.Post(f.URL+"/x", "text/plain", body)
		if err != nil {
			t.Errorf("%T: %v", body, err)
			continue
		}
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if string(text) != "xxxxxxxx" || err != nil {
			t.Errorf("%T: got %q, %v", body, text, err)
		}
	}
}

// trickle is a body of a byte every 50 ms.
func trickle(bytes int) io.Reader {
	pr, pw := io.Pipe()
	go func() {
		for range bytes {
			time.Sleep(50 * time.Millisecond)
			if _, err := io.WriteString(pw, "x"); err != nil {
				return
			}
		}
		pw.Close()
	}()
	return pr
}

// TestTransferTime wants the whole call to end in time, whether it is the body
// or the answer that has no end, or each a part.
func TestTransferTime(t *testing.T) {
	t.Parallel()
	const whole = 500 * time.Millisecond
	const endless = 4000 // bytes: 200 s
	for _, form := range []struct {
		up, down int
		path     string
	}{{0, endless, "/x"}, {endless, 1, "/x"}, {6, endless, "/x"}, {0, 1, "/silent"}, {6, 1, "/silent"}} {
		t.Run(fmt.Sprint(form), func(t *testing.T) {
			t.Parallel()
			cfg := gateway.Config{
				Upstream: slowly(t, form.down), Timeout: 250 * time.Millisecond, TransferTime: whole,
			}
			f := serveFront(t, cfg, &http.Server{ReadHeaderTimeout: time.Second})
			begin := time.Now()
			resp, err := http.Post(f.URL+form.path, "text/plain", trickle(form.up))
			if err == nil {
				if resp.StatusCode == http.StatusOK {
					_, err = io.Copy(io.Discard, resp.Body)
				} else {
					err = <-f.errs
				}
				resp.Body.Close()
			}
			if took := time.Since(begin); err == nil || took < whole/2 || took > time.Minute {
				t.Errorf("ended with %v after %v, want an end after %v", err, took, whole)
			}
		})
	}
}

// TestManyConnectionsAreKept makes calls at the same time, and again: the
// default transport would keep two of their connections.
func TestManyConnectionsAreKept(t *testing.T) {
	const many, rounds = 32, 4
	var connections atomic.Int64
	var together sync.WaitGroup
	upstream := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		together.Done()
		together.Wait()
	}))
	upstream.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	upstream.Start()
	t.Cleanup(upstream.Close)
	f := newFront(t, upstream.URL, 5*time.Second)
	for range rounds {
		var calls sync.WaitGroup
		together.Add(many)
		for range many {
			calls.Go(func() {
				if resp, err := http.Get(f.URL + "/x"); err != nil {
					t.Error(err)
				} else {
					resp.Body.Close()
				}
			})
		}
		calls.Wait()
		f.forwarded(t, many)
	}
	if n := connections.Load(); n > many+many/2 { // some are on their way back when the next round begins
		t.Errorf("%d connections for %d calls, %d at a time", n, many*rounds, many)
	}
}

// TestNothingLeft wants no goroutine to outlive calls of every kind, once the
// gateway and the servers are closed.
func TestNothingLeft(t *testing.T) {
	before := runtime.NumGoroutine()
	t.Run("calls", func(t *testing.T) {
		t.Run("TestNoAnswer", TestNoAnswer)
		t.Run("TestBrokenOff", TestBrokenOff)
		t.Run("TestCallerGone", TestCallerGone)
		t.Run("TestConnectionsAreKept", TestConnectionsAreKept)
		t.Run("TestStalledBody", TestStalledBody)
		t.Run("TestEarlyAnswer", TestEarlyAnswer)
		t.Run("TestCallerGoneLate", TestCallerGoneLate)
	})
	http.DefaultClient.CloseIdleConnections()
	for end := time.Now().Add(time.Minute); runtime.NumGoroutine() > before; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%d goroutines before, %d after:\n%s", before, runtime.NumGoroutine(), stacks[:runtime.Stack(stacks, true)])
		}
	}
}
