//go:build unix

package node_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/blob"
	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/seal"
	"github.com/opentcb/opentcb/internal/server"
	"github.com/opentcb/opentcb/internal/sqlstore"
	"github.com/prometheus/client_golang/prometheus"
)

const (
	benchPlatform = "wx00000000000000c1"
	benchMini     = "wx00000000000000a1"
)

// newService returns the rules over a store of their own with one Mini
// Program, and an authorizer token for it.
func newService(b *testing.B) (*cloud.Service, string) {
	ctx := context.Background()
	ring, err := seal.NewRing(seal.NewMasterKey())
	check(b, err)
	store, err := sqlstore.OpenSQLite(ctx, filepath.Join(b.TempDir(), "db"))
	check(b, err)
	blobs, err := blob.OpenDir(filepath.Join(b.TempDir(), "code"), blob.Config{})
	check(b, err)
	svc := cloud.New(cloud.Config{Store: store, Blobs: blobs, Ring: ring})
	b.Cleanup(func() {
		check(b, svc.Close())
		check(b, store.Close())
		check(b, blobs.Close())
	})
	op := svc.OperatorCaller("bench")
	_, err = svc.Apply(ctx, op, cloud.World{
		Platforms:    []cloud.WorldPlatform{{AppID: benchPlatform, Secret: "secret", Ticket: "ticket@@@bench"}},
		MiniPrograms: []cloud.WorldMiniProgram{{AppID: benchMini}},
		Environments: []cloud.WorldEnvironment{{ID: "bench-env", Account: benchMini}},
	})
	check(b, err)
	code, err := svc.Authorize(ctx, op, benchPlatform, benchMini, []int{49})
	check(b, err)
	caller := cloud.Caller{Platform: benchPlatform, Now: time.Now().UnixMilli()}
	g, err := svc.QueryAuth(ctx, caller, benchPlatform, code.Value)
	check(b, err)
	return svc, g.AccessToken.Value
}

func check(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// BenchmarkCall is what a call costs on top of net/http: the handler alone.
// The baseline takes the token from the query and writes a fixed answer.
func BenchmarkCall(b *testing.B) {
	svc, token := newService(b)
	srv := server.New(server.Config{Cloud: svc, Registry: prometheus.NewRegistry()})
	answer := bytes.Repeat([]byte("x"), 120)
	bare := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("access_token") == "" {
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_, _ = w.Write(answer)
	})
	for _, c := range []struct {
		name, path, body string
		handler          http.Handler
	}{
		{"bare", "/tcb/getcodesecret", "{}", bare},
		{"getcodesecret", "/tcb/getcodesecret", "{}", srv},
		{"usecloudaccesstoken", "/tcb/usecloudaccesstoken", `{"action":"get","env":"bench-env"}`, srv},
	} {
		b.Run(c.name, func(b *testing.B) { benchmarkHandler(b, c.handler, c.path+"?access_token="+token, c.body) })
	}
}

// BenchmarkTestMode is what faults and journal cost a call: nothing outside of test
// mode.
func BenchmarkTestMode(b *testing.B) {
	svc, token := newService(b)
	for _, c := range []struct {
		name string
		cfg  server.Config
	}{
		{"off", server.Config{}},
		{"on", server.Config{TestMode: true, Bench: server.NewBench()}},
	} {
		c.cfg.Cloud, c.cfg.Registry = svc, prometheus.NewRegistry()
		b.Run(c.name, func(b *testing.B) {
			benchmarkHandler(b, server.New(c.cfg), "/tcb/getcodesecret?access_token="+token, "{}")
		})
	}
}

// BenchmarkQuota is what quotas and a list of addresses cost a call: nothing where the
// platform has none.
func BenchmarkQuota(b *testing.B) {
	most := cloud.Quota{Day: cloud.MaxQuota, Minute: cloud.MaxQuota}
	quotas := cloud.Quotas{Interfaces: map[string]cloud.Quota{"getcodesecret": most}, All: most}
	here := []cloud.Network{cloud.Network(netip.MustParsePrefix("192.0.2.0/24"))}
	for _, c := range []struct {
		name string
		with cloud.PlatformChange
	}{
		{"none", cloud.PlatformChange{}},
		{"quotas", cloud.PlatformChange{Quotas: cloud.Given(quotas)}},
		{"addresses", cloud.PlatformChange{IPWhitelist: cloud.Given(here)}},
	} {
		b.Run(c.name, func(b *testing.B) {
			svc, token := newService(b)
			_, err := svc.ChangePlatform(b.Context(), svc.OperatorCaller("bench"), benchPlatform, c.with)
			check(b, err)
			srv := server.New(server.Config{Cloud: svc, Registry: prometheus.NewRegistry()})
			benchmarkHandler(b, srv, "/tcb/getcodesecret?access_token="+token, "{}")
		})
	}
}

func benchmarkHandler(b *testing.B, h http.Handler, url, body string) {
	req := httptest.NewRequest(http.MethodPost, url, nil)
	req.ContentLength = int64(len(body))
	w := discard{http.Header{}}
	b.ReportAllocs()
	begin := cpuTime(b)
	for b.Loop() {
		req.Body = io.NopCloser(strings.NewReader(body))
		h.ServeHTTP(w, req)
	}
	// What the whole process spent, collector and recorder included: steadier
	// than the clock where others share the processor.
	b.ReportMetric(float64(cpuTime(b)-begin)/float64(b.N), "cpu-ns/op")
}

func cpuTime(b *testing.B) int64 {
	var u syscall.Rusage
	check(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return u.Utime.Nano() + u.Stime.Nano()
}

// discard is a response that nobody reads.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}
