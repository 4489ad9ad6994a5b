package proxytest

import (
	"bytes"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/node"
	"github.com/opentcb/opentcb/internal/testserver"
)

// TestHAProxyInFront: HAProxy stands before the server itself. A large body comes through
// whole, the server knows the caller's address, and no token is in HAProxy's log.
//
// Proves: CC-4
func TestHAProxyInFront(t *testing.T) {
	t.Parallel()
	program := testserver.Program(t, "haproxy")
	s := &stand{upstream: startUpstream(t)}
	serverLog := &testserver.Output{}
	cfg := node.Default()
	cfg.Upstream, cfg.TrustedProxies = s.upstream.server.URL, []string{"127.0.0.1"}
	cfg.Log = slog.New(slog.NewTextHandler(serverLog, nil))
	n := startServer(t, cfg)
	s.tokens = cloudbaseTokens(t, &admin.Client{URL: n.AdminURL(), Token: n.AdminToken()})
	text, err := os.ReadFile("../../docs/proxies/haproxy.cfg")
	if err != nil {
		t.Fatal(err)
	}
	port, dir := strconv.Itoa(testserver.FreePort(t)), t.TempDir()
	s.proxy = "127.0.0.1:" + port
	_, server, _ := strings.Cut(n.APIURL(), "127.0.0.1:")
	write(t, dir, "haproxy.cfg", strings.NewReplacer(proxyPort, ":"+port, serverPort, ":"+server).Replace(string(text)))
	s.start(t, exec.Command(program, "-db", "-f", filepath.Join(dir, "haproxy.cfg")), dir)

	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	caller := http.Client{Transport: &http.Transport{DialContext: dialer.DialContext}}
	t.Cleanup(caller.CloseIdleConnections)
	call := func(path, token string, body []byte) int {
		t.Helper()
		req, err := http.NewRequest("POST", "http://"+s.proxy+path+"?cloudbase_access_token="+token, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Forwarded-For", "203.0.113.9")
		resp, err := caller.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	large := bytes.Repeat([]byte("0123456789abcdef"), 20<<20/16)
	if status := call("/wxa/msg_sec_check", s.tokens["listed"], large); status != upstreamStatus {
		t.Errorf("a call of 20 MiB is answered %d", status)
	}
	if all := s.upstream.all(); len(all) != 1 || all[0].body != string(large) {
		t.Errorf("the upstream saw %d requests, or not all of the body", len(all))
	}
	call("/wxa/other", s.tokens["listed"], nil)
	call("/wxa/msg_sec_check", "false", nil)
	if status := call("/decide", "", nil); status != http.StatusNotFound {
		t.Errorf("/decide is answered %d", status)
	}
	if got := serverLog.String(); !strings.Contains(got, "127.0.0.2") || strings.Contains(got, "203.0.113.9") {
		t.Errorf("the server does not log the caller's address, or a forged one:\n%s", got)
	}
	if !strings.Contains(s.logs(), "POST /wxa/msg_sec_check 218 ") {
		t.Errorf("the log has no such call:\n%s", s.logs())
	}
	s.noToken(t)
}
