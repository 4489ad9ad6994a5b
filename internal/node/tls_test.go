package node_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/node"
	"github.com/opentcb/opentcb/internal/testserver"
	"github.com/opentcb/opentcb/internal/wirescript"
)

// secureBench is a server whose API listener speaks TLS.
type secureBench struct {
	*bench
	authority *testserver.Authority
	cert, key string // its files
}

func startSecureBench(t *testing.T, settings ...func(*node.Config)) *secureBench {
	s := &secureBench{authority: testserver.NewAuthority(t)}
	s.cert, s.key = s.authority.IssueTo(t.TempDir())
	s.bench = startBenchOn(t, nil, append(settings, func(cfg *node.Config) { cfg.TLSCert, cfg.TLSKey = s.cert, s.key })...)
	return s
}

// trusting are the settings of a client that trusts the server.
func (s *secureBench) trusting() *tls.Config { return &tls.Config{RootCAs: s.authority.Pool()} }

// client returns a client of HTTP/1.1 or of HTTP/2.
func (s *secureBench) client(version int) *http.Client {
	transport := &http.Transport{TLSClientConfig: s.trusting(), Protocols: &http.Protocols{}}
	transport.Protocols.SetHTTP1(version == 1)
	transport.Protocols.SetHTTP2(version == 2)
	s.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// TestWireOverTLS plays every wire script over HTTP/2, and what no client of HTTP/2
// can send over HTTP/1.1 in TLS.
//
// Proves: TL-1, TL-2
func TestWireOverTLS(t *testing.T) {
	scripts, err := wirescript.Load(wirescript.Scripts)
	if err != nil {
		t.Fatal(err)
	}
	for _, script := range scripts {
		t.Run(script.Name, func(t *testing.T) {
			t.Parallel()
			s := startSecureBench(t)
			target := s.target()
			target.TLS = s.trusting()
			play(t, target, script)
		})
	}
}

// TestTLSVersions: TLS 1.2 and 1.3, HTTP/1.1 and 2, and nothing older; who speaks
// plain HTTP is told so.
//
// Proves: TL-1
func TestTLSVersions(t *testing.T) {
	s := startSecureBench(t)
	if !strings.HasPrefix(s.node.APIURL(), "https://127.0.0.1:") || !strings.HasPrefix(s.node.AdminURL(), "http://127.0.0.1:") {
		t.Errorf("the addresses are %s and %s", s.node.APIURL(), s.node.AdminURL())
	}
	for version, want := range map[int]string{1: "HTTP/1.1", 2: "HTTP/2.0"} {
		resp, err := s.client(version).Get(s.node.APIURL() + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.Proto != want || resp.StatusCode != http.StatusOK {
			t.Errorf("HTTP/%d: %s %s", version, resp.Proto, resp.Status)
		}
	}
	address := strings.TrimPrefix(s.node.APIURL(), "https://")
	for version, good := range map[uint16]bool{
		tls.VersionTLS10: false, tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true,
	} {
		cfg := s.trusting()
		cfg.MinVersion, cfg.MaxVersion = version, version
		conn, err := tls.Dial("tcp", address, cfg)
		if err == nil {
			conn.Close()
		}
		if (err == nil) != good {
			t.Errorf("%s: %v", tls.VersionName(version), err)
		}
	}
	resp, err := http.Get("http://" + address + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusBadRequest || !bytes.Contains(text, []byte("https://")) {
		t.Errorf("plain HTTP: %s %s", resp.Status, text)
	}
	if got := s.metric("opentcb_tls_handshakes_failed_total"); got != 3 {
		t.Errorf("%v handshakes failed, want 3", got)
	}
}

// metric returns the value of a metric, of the API listener where it has listeners.
func (b *bench) metric(name string) (value float64) {
	b.t.Helper()
	page, err := b.metrics()
	if err != nil {
		b.t.Fatal(err)
	}
	for line := range strings.Lines(string(page)) {
		series, text, _ := strings.Cut(strings.TrimSpace(line), " ")
		if series == name || series == name+`{listener="api"}` {
			if _, err := fmt.Sscan(text, &value); err != nil {
				b.t.Fatal(err)
			}
			return value
		}
	}
	b.t.Fatalf("there is no metric %s", name)
	return 0
}

// replace puts a certificate in the place of the server's.
func (s *secureBench) replace(cert, key []byte) {
	s.t.Helper()
	for path, text := range map[string][]byte{s.cert: cert, s.key: key} {
		tmp := path + ".new"
		err := os.WriteFile(tmp, text, 0o600)
		if err == nil {
			err = os.Rename(tmp, path)
		}
		if err == nil && text == nil { // it is to be gone
			err = os.Remove(path)
		}
		if err != nil {
			s.t.Fatal(err)
		}
	}
}

// shown returns when the certificate expires that the server shows.
func (s *secureBench) shown() time.Time {
	s.t.Helper()
	conn, err := tls.Dial("tcp", strings.TrimPrefix(s.node.APIURL(), "https://"), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].NotAfter
}

// TestCertificateIsReplaced: one that has expired is shown all the same, for there is
// no other; a broken pair and a certificate with another's key are refused, and the
// one before stays; a good pair with a new key is taken up. No call is lost.
//
// Proves: TL-1
func TestCertificateIsReplaced(t *testing.T) {
	t.Parallel()
	s := startSecureBench(t)
	ctx, cancel := context.WithCancel(t.Context())
	var calls atomic.Int64
	lost := make(chan error, 1)
	go func() { lost <- s.callOn(ctx, &calls) }()
	defer cancel()

	long, longKey := s.authority.Issue(time.Now().Add(48 * time.Hour))
	expired, expiredKey := s.authority.Issue(time.Now().Add(-time.Hour))
	s.await("a new pair", long, longKey, 48*time.Hour, false)
	s.await("a broken file", []byte("-----BEGIN CERTIFICATE-----\n"), longKey, 48*time.Hour, true)
	s.await("another's key", expired, longKey, 48*time.Hour, true)
	s.await("one that has expired", expired, expiredKey, -time.Hour, false)
	s.await("a key that is gone", expired, nil, -time.Hour, true)
	s.await("the key that is back", expired, expiredKey, -time.Hour, false)
	s.await("the one before", long, longKey, 48*time.Hour, false)
	if text := s.log.String(); !strings.Contains(text, "the one before is kept") || !strings.Contains(text, "--tls-cert") {
		t.Errorf("the log does not tell of it:\n%s", text)
	}
	before := calls.Load()
	s.until("a call after it all", func() bool { return calls.Load() > before || len(lost) > 0 })
	cancel()
	if err := <-lost; err != nil {
		t.Errorf("a call was lost: %v", err)
	}
}

// await puts a pair in place and waits until the server has looked at it: then it
// shows one that expires so long from now, and reports whether its files are good.
func (s *secureBench) await(what string, cert, key []byte, expires time.Duration, stale bool) {
	s.t.Helper()
	s.replace(cert, key)
	want := map[bool]float64{true: 1}[stale]
	s.until(what, func() bool {
		off := time.Until(s.shown()) - expires
		return off > -time.Minute-time.Hour/2 && off < time.Hour/2 && s.metric("opentcb_certificate_stale") == want
	})
}

// until waits for what comes with time.
func (b *bench) until(what string, is func() bool) {
	b.t.Helper()
	for end := time.Now().Add(time.Minute); !is(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			b.t.Fatalf("%s: not within a minute", what)
		}
	}
}

// callOn makes calls until ctx ends, on kept and on new connections.
func (s *secureBench) callOn(ctx context.Context, calls *atomic.Int64) error {
	one, two := s.client(1), s.client(2)
	for _, c := range []*http.Client{one, two} {
		c.Transport.(*http.Transport).TLSClientConfig.InsecureSkipVerify = true // one expires
	}
	for n := 0; ctx.Err() == nil; n++ {
		for _, c := range []*http.Client{one, two} {
			resp, err := c.Get(s.node.APIURL() + "/readyz")
			if err != nil {
				return err
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if n%10 == 0 {
				c.CloseIdleConnections()
			}
			calls.Add(1)
		}
	}
	return nil
}

// TestAdminClientCA: the admin interface in TLS takes no client without a
// certificate of that authority.
//
// Proves: TL-1
func TestAdminClientCA(t *testing.T) {
	servers, clients := testserver.NewAuthority(t), testserver.NewAuthority(t)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, clients.PEM(), 0o644); err != nil {
		t.Fatal(err)
	}
	b := startBenchOn(t, nil, func(cfg *node.Config) {
		cfg.AdminTLSCert, cfg.AdminTLSKey = servers.IssueTo(t.TempDir())
		cfg.AdminClientCA = ca
	})
	for name, c := range map[string]struct {
		from *testserver.Authority
		good bool
	}{"none": {}, "of the authority": {clients, true}, "of another": {servers, false}} {
		cfg := &tls.Config{RootCAs: servers.Pool()}
		if c.from != nil {
			own, err := tls.X509KeyPair(c.from.Issue(time.Now().Add(time.Hour)))
			if err != nil {
				t.Fatal(err)
			}
			cfg.Certificates = []tls.Certificate{own}
		}
		transport := &http.Transport{TLSClientConfig: cfg}
		defer transport.CloseIdleConnections()
		client := admin.Client{URL: b.node.AdminURL(), Token: b.node.AdminToken(), HTTP: &http.Client{Transport: transport}}
		if _, err := client.Status(t.Context()); (err == nil) != c.good {
			t.Errorf("a certificate %s: %v", name, err)
		}
	}
}

// TestManyHeadersOverTLS: a header of too many lines is refused in HTTP/1.1 before it
// is there whole, and in HTTP/2.
//
// Proves: TL-2
func TestManyHeadersOverTLS(t *testing.T) {
	s := startSecureBench(t)
	conn, err := tls.Dial("tcp", strings.TrimPrefix(s.node.APIURL(), "https://"), s.trusting())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, openStart+strings.Repeat("X-A: b\r\n", s.cfg.Limits.MaxHeaderLines)); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("HTTP/1.1: %v, %v", resp, err)
	}
	for lines, want := range map[int]int{s.cfg.Limits.MaxHeaderLines - 10: 200, s.cfg.Limits.MaxHeaderLines: 431} {
		req, err := http.NewRequest(http.MethodGet, s.node.APIURL()+"/readyz", nil)
		if err != nil {
			t.Fatal(err)
		}
		for range lines {
			req.Header.Add("X-A", "b")
		}
		resp, err := s.client(2).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("HTTP/2 with %d lines: %s", lines, resp.Status)
		}
	}
	if got := s.metric("opentcb_heads_refused_total"); got != 2 {
		t.Errorf("%v are counted, want 2", got)
	}
}
