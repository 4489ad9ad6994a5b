package proxytest

import (
	"bytes"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/node"
	"github.com/opentcb/opentcb/internal/testserver"
	"github.com/opentcb/opentcb/tcb"
)

// fronts are the proxies that stand before the server itself, with the line of the
// log that a cloud call leaves.
var fronts = []struct {
	name, file, logged string
	start              func(t *testing.T, s *stand, configuration string)
}{
	{"nginx", "front-nginx.conf", "POST /wxa/msg_sec_check 218 ", runNginx},
	{"Caddy", "front-Caddyfile", `"uri":"/wxa/msg_sec_check"`, runCaddy},
	{"HAProxy", "front-haproxy.cfg", "POST /wxa/msg_sec_check 218 ", runHAProxy},
}

func runHAProxy(t *testing.T, s *stand, configuration string) {
	program, dir := testserver.Program(t, "haproxy"), t.TempDir()
	write(t, dir, "haproxy.cfg", configuration)
	s.start(t, exec.Command(program, "-db", "-f", filepath.Join(dir, "haproxy.cfg")), dir)
}

// TestFront: each proxy stands before the server itself. The largest upload, a link of
// 50 MiB and a cloud call of 20 MiB come through whole and as they come, the server knows
// the caller's address and believes no other, and no token is in the proxy's log.
//
// Proves: LV-5, CC-4
func TestFront(t *testing.T) {
	t.Parallel()
	for _, f := range fronts {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			s, serverLog := newFront(t, f.file, f.start)
			t.Run("upload", s.testUpload)
			t.Run("link", s.testLink)
			t.Run("cloud call", s.testCloudCall)
			t.Run("as they come", s.testStreams)
			t.Run("address", func(t *testing.T) { s.testAddress(t, serverLog) })
			t.Run("decide", s.testDecide)
			if !strings.Contains(s.logs(), f.logged) {
				t.Errorf("the log has no %s:\n%s", f.logged, s.logs())
			}
			s.noToken(t)
			if line := lineWith(s.logs(), s.authorizer); line != "" {
				t.Errorf("the proxy's log has the authorizer_access_token:\n%s", line)
			}
		})
	}
}

// front is a stand whose proxy is before the server.
type front struct {
	*stand
	caller http.Client // from another address than the proxy's
	admin  *admin.Client
}

// newFront starts a server that has a function of 50 MiB, and the proxy before it.
func newFront(t *testing.T, file string, start func(*testing.T, *stand, string)) (*front, *testserver.Output) {
	s, serverLog := &stand{upstream: startUpstream(t)}, &testserver.Output{}
	port := strconv.Itoa(testserver.FreePort(t))
	s.proxy = "127.0.0.1:" + port
	cfg := node.Default()
	cfg.Upstream, cfg.TrustedProxies = s.upstream.server.URL, []string{"127.0.0.1"}
	cfg.PublicURL = "http://" + s.proxy
	cfg.Log = slog.New(slog.NewTextHandler(serverLog, nil))
	cfg.Data = filepath.Join(t.TempDir(), "data")
	addLargeFunction(t, cfg.Data)
	n := startServer(t, cfg)
	client := &admin.Client{URL: n.AdminURL(), Token: n.AdminToken()}
	s.node, s.api = n, n.APIURL()
	s.tokens, s.authorizer = cloudbaseTokens(t, client), login(t, s.api, client)
	text, err := os.ReadFile("../../docs/proxies/" + file)
	if err != nil {
		t.Fatal(err)
	}
	configuration := strings.NewReplacer(
		proxyPort, ":"+port, serverPort, ":"+portOf(strings.TrimPrefix(s.api, "http://")), "/var/log/nginx/", "logs/",
	).Replace(string(text))
	start(t, s, configuration)
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	f := &front{stand: s, admin: client, caller: http.Client{Transport: &http.Transport{DialContext: dialer.DialContext}}}
	t.Cleanup(f.caller.CloseIdleConnections)
	return f, serverLog
}

// platform is a client of the platform that the Mini Program changedID authorized.
func (s *front) platform() *tcb.Client {
	return &tcb.Client{BaseURL: "http://" + s.proxy, HTTP: &s.caller, Tokens: tcb.StaticToken(s.authorizer)}
}

func (s *front) testUpload(t *testing.T) {
	c, file := s.platform(), filepath.Join(t.TempDir(), "code.zip")
	zip := zipOfSize(15<<20 - 160) // just under 20 MiB as base64, the most that there may be
	if err := c.CreateFunction(t.Context(), "changed", "uploaded"); err != nil {
		t.Fatal(err)
	}
	u := tcb.CodeUpload{Env: "changed", Function: "uploaded", Handler: "index.main"}
	sum, err := c.UploadFunction(t.Context(), u, bytes.NewReader(zip))
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.DownloadFunction(t.Context(), "changed", "uploaded", file, tcb.CodeDownload{})
	if err != nil || got != sum {
		t.Errorf("downloaded %s, %v; uploaded %s", got, err, sum)
	}
}

func (s *front) testLink(t *testing.T) {
	c, file := s.platform(), filepath.Join(t.TempDir(), "code.zip")
	link, err := c.GetFunctionLink(t.Context(), "changed", largeFunction)
	if err != nil || !strings.HasPrefix(link.URL, "http://"+s.proxy+"/") {
		t.Fatalf("the link is %s, %v, want one through the proxy", link.URL, err)
	}
	got, err := c.DownloadFunction(t.Context(), "changed", largeFunction, file, tcb.CodeDownload{})
	if err != nil || got != link.Checksum {
		t.Errorf("downloaded %s, %v, want %s", got, err, link.Checksum)
	}
	if info, err := os.Stat(file); err != nil || info.Size() < largeSize {
		t.Errorf("the file is %v, %v, want 50 MiB", info, err)
	}
}

func (s *front) testCloudCall(t *testing.T) {
	large := bytes.Repeat([]byte("0123456789abcdef"), 20<<20/16)
	if a := s.post(t, "/wxa/msg_sec_check", "cloudbase_access_token="+s.tokens["listed"], large); a.status != upstreamStatus {
		t.Errorf("a call of 20 MiB is answered %d %s", a.status, a.body)
	}
	if saw := s.upstream.look(); len(saw) != 1 || saw[0].body != string(large) {
		t.Errorf("the upstream saw %d requests, or not all of the body", len(saw))
	}
	s.post(t, "/wxa/other", "cloudbase_access_token="+s.tokens["listed"], nil)
	if saw := s.upstream.look(); len(saw) != 0 {
		t.Errorf("the upstream saw %s", saw[0].target)
	}
}

// testAddress: what the server logs and records of a caller has the caller's address.
func (s *front) testAddress(t *testing.T, serverLog *testserver.Output) {
	secret := `{"component_appid":"` + platformID + `","component_appsecret":"not-the-platforms","component_verify_ticket":"x"}`
	s.post(t, "/cgi-bin/component/api_component_token", "", []byte(secret))
	var recorded []string
	err := s.admin.Audit(t.Context(), url.Values{}, func(r cloud.Record) error {
		recorded = append(recorded, r.Target+" "+r.Detail)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{strings.Join(recorded, "\n"), serverLog.String()} {
		if !strings.Contains(text, "127.0.0.2") || strings.Contains(text, forgedAddress) {
			t.Errorf("the caller's address is not told, or a forged one:\n%s", text)
		}
	}
}

func (s *front) testDecide(t *testing.T) {
	if a := s.post(t, "/decide", "", nil); a.status != http.StatusNotFound {
		t.Errorf("/decide is answered %d", a.status)
	}
}
