package node_test

import (
	"bytes"
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/tcb"
)

// hostile are addresses that do not do what receivers do, by what they do. Each
// answers to its own path, so that as many as one likes are other addresses.
func hostile(t *testing.T) map[string]string {
	ended := make(chan struct{})
	handle := map[string]http.HandlerFunc{
		"500":      func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"redirect": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/followed", http.StatusFound) },
		"silent":   func(_ http.ResponseWriter, _ *http.Request) { <-ended },
		"closes": func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				conn.Close()
			}
		},
		"garbage": func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				conn.Write([]byte("SMTP 1.0\r\n\x00\x01\x02"))
				conn.Close()
			}
		},
		"head": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Long", strings.Repeat("x", 1<<20))
		},
		"followed": func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") },
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		kind, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		handle[kind](w, r)
	}))
	t.Cleanup(func() { close(ended); srv.Close() })
	deaf, err := net.Listen("tcp", "127.0.0.1:0") // takes connections, and reads nothing
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { deaf.Close() })
	all := map[string]string{
		"down": "http://127.0.0.1:1", "no such name": "http://no-such-host.invalid", "deaf": "http://" + deaf.Addr().String(),
		"deaf to TLS": "https://" + deaf.Addr().String(), "no TLS": strings.Replace(srv.URL, "http:", "https:", 1),
	}
	for kind := range handle {
		if kind != "followed" {
			all[kind] = srv.URL + "/" + kind
		}
	}
	return all
}

// TestHostileAddresses: each is told with its fault; of an answer that never ends, or
// that is large, the beginning is read; and nothing is followed.
//
// Proves: PU-10, PU-12
func TestHostileAddresses(t *testing.T) {
	b := pushBench(t)
	all := hostile(t)
	endless := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(bytes.Repeat([]byte("success"), 1000)); err != nil {
				return
			}
		}
	}))
	t.Cleanup(endless.Close)
	all["endless"] = endless.URL
	faults := map[string]string{
		"500": "it answered 500", "redirect": "it answered 302", "silent": "no answer within 5s", "deaf": "no answer within 5s",
		"closes": "it closed the connection without an answer", "garbage": "malformed HTTP", "head": "",
		"down": "connection refused", "no such name": "its name cannot be resolved", "deaf to TLS": "no connection within 5s",
		"no TLS": "", "endless": "",
	}
	kinds := map[string]string{}
	var urls []string
	for kind, u := range all {
		kinds[u] = kind
		urls = append(urls, u)
	}
	b.pushTo(pushPlatform, urls...)
	pushed := b.settled(pushPlatform, func(pushed []cloud.PushView) bool {
		for _, p := range pushed {
			if p.LastTry.IsZero() {
				return false
			}
		}
		return len(pushed) == len(all)
	})
	for _, p := range pushed {
		kind := kinds[p.URL]
		if delivered := kind == "endless"; (p.State == "delivered") != delivered || p.Success ||
			!strings.Contains(p.Fault, faults[kind]) || !delivered && p.Fault == "" {
			t.Errorf("%s: %+v", kind, p)
		}
	}
}

// TestHostileAddressesHoldUpNothing: beside 64 addresses that take nothing, each with
// events that wait, one that answers has its ticket while most of those are not done;
// never are more pushes under way than may be, and not more of one address.
//
// Proves: PU-12
func TestHostileAddressesHoldUpNothing(t *testing.T) {
	b, good := pushBench(t), newReceiver(t)
	b.receives(pushOther, good)
	good.next(tcb.EventTicket)
	var all, most, one, mostOne atomic.Int64
	under := func(n, most *atomic.Int64) func() {
		for now := n.Add(1); ; {
			was := most.Load()
			if now <= was || most.CompareAndSwap(was, now) {
				return func() { n.Add(-1) }
			}
		}
	}
	ended := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		defer under(&all, &most)()
		if strings.HasPrefix(r.URL.Path, "/0/") {
			defer under(&one, &mostOne)()
		}
		io.Copy(io.Discard, r.Body)
		select {
		case <-ended:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(func() { close(ended); srv.Close() })
	var urls []string
	for i := range 64 {
		urls = append(urls, fmt.Sprintf("%s/%d/x", srv.URL, i))
	}
	b.pushTo(pushPlatform, urls...)
	for i := range 8 {
		appid := fmt.Sprintf("wx%015xe", i)
		_, err := b.admin().PutMiniProgram(t.Context(), appid, cloud.MiniProgramChange{})
		b.ok(err)
		b.consents(appid, 18)
	}
	// 64 tickets and 512 events wait for 10 s each, 40 at a time, and then 16.
	for range 3 {
		_, err := b.admin().PushTicket(t.Context(), pushOther)
		b.ok(err)
		good.next(tcb.EventTicket)
	}
	waiting := 0
	for _, p := range b.pushes(pushPlatform, nil) {
		if p.State == "waiting" {
			waiting++
		}
	}
	if waiting < 8*64 {
		t.Errorf("the good one had to wait until only %d were left", waiting)
	}
	if most.Load() > 64 || mostOne.Load() > 4 {
		t.Errorf("%d were under way at once, %d of one address", most.Load(), mostOne.Load())
	}
}

// TestPushOverTLS: a certificate that nobody knows is refused; --push-ca lets it be
// known.
//
// Proves: PU-12
func TestPushOverTLS(t *testing.T) {
	b := pushBench(t)
	arrived := make(chan string, 10)
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		arrived <- opened(t, r.URL.Query(), body).InfoType
		io.WriteString(w, "success")
	}))
	srv.TLS = &tls.Config{}
	srv.StartTLS()
	t.Cleanup(srv.Close)
	b.pushTo(pushPlatform, srv.URL)
	all := b.settled(pushPlatform, func(all []cloud.PushView) bool { return len(all) == 1 && all[0].Fault != "" })
	if !strings.HasPrefix(all[0].Fault, "its certificate is not good: ") || len(arrived) != 0 {
		t.Errorf("the push is %+v", all[0])
	}
	b.cfg.PushCA = filepath.Join(t.TempDir(), "ca.pem")
	b.ok(os.WriteFile(b.cfg.PushCA, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw}), 0o600))
	_, err := b.restart()
	b.ok(err)
	_, err = b.admin().PushTicket(t.Context(), pushPlatform)
	b.ok(err)
	select {
	case <-arrived:
	case <-time.After(patience):
		t.Error("nothing arrived")
	}
	b.cfg.PushCA = filepath.Join(b.cfg.Data, "master-key")
	if err := b.cfg.Check(); err == nil || !strings.Contains(err.Error(), "--push-ca") {
		t.Errorf("a file without certificates: %v", err)
	}
}
