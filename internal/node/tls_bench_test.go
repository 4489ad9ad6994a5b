package node_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/node"
	"github.com/opentcb/opentcb/internal/testserver"
)

// tlsRig is a server with TLS, one without, and a bare server with the same
// certificate, each of which answers /readyz.
type tlsRig struct {
	authority           *testserver.Authority
	secure, plain, bare string // addresses
}

func newTLSRig(b *testing.B) tlsRig {
	r := tlsRig{authority: testserver.NewAuthority(b)}
	cert, key := r.authority.IssueTo(b.TempDir())
	start := func(cert, key string) string {
		cfg := node.Default()
		cfg.Listen, cfg.AdminListen, cfg.Data = "127.0.0.1:0", "127.0.0.1:0", filepath.Join(b.TempDir(), "data")
		cfg.TLSCert, cfg.TLSKey = cert, key
		n, err := node.Start(b.Context(), cfg)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = n.Shutdown(context.Background()) })
		return n.APIURL()
	}
	r.secure, r.plain = start(cert, key), start("", "")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"status":"ok"}`)
	})}
	go func() { _ = srv.ServeTLS(l, cert, key) }()
	b.Cleanup(func() { srv.Close() })
	r.bare = "https://" + l.Addr().String()
	return r
}

// client returns a client of HTTP/1.1, or of HTTP/2.
func (r tlsRig) client(b *testing.B, http2 bool) *http.Client {
	cfg := &tls.Config{RootCAs: r.authority.Pool(), MinVersion: tls.VersionTLS13}
	t := &http.Transport{TLSClientConfig: cfg, ForceAttemptHTTP2: http2}
	b.Cleanup(t.CloseIdleConnections)
	return &http.Client{Transport: t}
}

// BenchmarkTLSKept measures calls on a kept connection, one after the other, in turn
// without TLS and with it.
func BenchmarkTLSKept(b *testing.B) {
	r := newTLSRig(b)
	ways := []struct {
		name, url string
		client    *http.Client
	}{{"plain", r.plain, r.client(b, false)}, {"tls13", r.secure, r.client(b, false)}, {"tls13-http2", r.secure, r.client(b, true)}}
	took := make([][]time.Duration, len(ways))
	for b.Loop() {
		for i, way := range ways {
			begin := time.Now()
			resp, err := way.client.Post(way.url+"/tcb/getcodesecret?access_token=false", "application/json", strings.NewReader("{}"))
			if err != nil {
				b.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			took[i] = append(took[i], time.Since(begin))
		}
	}
	for i, way := range ways {
		slices.Sort(took[i])
		b.ReportMetric(float64(took[i][len(took[i])/2].Microseconds()), way.name+"-p50-µs")
	}
}

// BenchmarkTLSConnections measures new connections with a full handshake and one
// request each, in turn to the server and to a bare one, from four clients.
func BenchmarkTLSConnections(b *testing.B) {
	r := newTLSRig(b)
	cfg := &tls.Config{RootCAs: r.authority.Pool(), MinVersion: tls.VersionTLS13}
	connect := func(url string) {
		conn, err := tls.Dial("tcp", strings.TrimPrefix(url, "https://"), cfg)
		if err != nil {
			b.Error(err)
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
		_, _ = io.Copy(io.Discard, conn)
	}
	const batch, clients = 100, 4
	var took [2]time.Duration
	n := 0
	for b.Loop() {
		for i, url := range []string{r.secure, r.bare} {
			begin := time.Now()
			done := make(chan struct{})
			for range clients {
				go func() {
					for range batch / clients {
						connect(url)
					}
					done <- struct{}{}
				}()
			}
			for range clients {
				<-done
			}
			took[i] += time.Since(begin)
		}
		n += batch
	}
	b.ReportMetric(float64(n)/took[0].Seconds(), "server-conn/s")
	b.ReportMetric(float64(n)/took[1].Seconds(), "bare-conn/s")
	b.ReportMetric(took[1].Seconds()/took[0].Seconds(), "ratio")
}
