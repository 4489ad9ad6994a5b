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
	"slices"
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

// TestHostileAddressesHoldUpNothing: 64 addresses take connections and answer nothing,
// each with events that wait. One that answers has its ticket before any of them has
// had the 5 s of PU-10, whether or not they or it ever answered.
//
// Proves: PU-12
func TestHostileAddressesHoldUpNothing(t *testing.T) {
	for name, known := range map[string]struct{ hostile, good bool }{
		"hostile ones are new": {false, true}, "all are new": {false, false},
		"all answered before": {true, true}, "the good one is new": {true, false},
	} {
		t.Run(name, func(t *testing.T) {
			patient := 0
			for range 3 { // a machine that stalls for seconds lets them have their time
				if patient = besideHostile(t, known.hostile, known.good); patient == 0 {
					return
				}
			}
			t.Errorf("%d had all their time before the good one had its ticket", patient)
		})
	}
}

// besideHostile has the ticket of an address pushed beside hostile ones, and returns
// how many of those had all the time that there is for an answer until it came.
func besideHostile(t *testing.T, hostileKnown, goodKnown bool) (patient int) {
	b, good := pushBench(t), newReceiver(t)
	ended := make(chan struct{})
	var silent atomic.Bool
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		if silent.Load() {
			select {
			case <-ended:
			case <-r.Context().Done():
			}
		}
	}))
	defer func() { close(ended); srv.Close() }()
	if goodKnown {
		b.receives(pushOther, good)
		good.next(tcb.EventTicket)
	}
	var urls []string
	for i := range 64 {
		urls = append(urls, fmt.Sprintf("%s/%d/x", srv.URL, i))
	}
	silent.Store(!hostileKnown)
	b.pushTo(pushPlatform, urls...)
	if hostileKnown {
		b.settled(pushPlatform, func(all []cloud.PushView) bool {
			return len(all) == len(urls) && !slices.ContainsFunc(all, func(p cloud.PushView) bool { return p.State != "delivered" })
		})
		silent.Store(true)
		_, err := b.admin().PushTicket(t.Context(), pushPlatform)
		b.ok(err)
	}
	for i := range 8 {
		appid := fmt.Sprintf("wx%015xe", i)
		_, err := b.admin().PutMiniProgram(t.Context(), appid, cloud.MiniProgramChange{})
		b.ok(err)
		b.consents(appid, 18)
	}
	due := time.Now()
	if goodKnown {
		_, err := b.admin().PushTicket(t.Context(), pushOther)
		b.ok(err)
	} else {
		b.receives(pushOther, good)
	}
	good.next(tcb.EventTicket)
	t.Logf("its ticket came %v after it was due", time.Since(due))
	for _, p := range b.pushes(pushPlatform, nil) {
		if p.Fault == "no answer within 5s" {
			patient++
		}
	}
	return patient
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
