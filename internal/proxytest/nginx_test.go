package proxytest

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opentcb/opentcb/internal/testserver"
)

// nginxMain stands where /etc/nginx/nginx.conf does. Its own logs, which
// Debian's has too, would hold every token.
const nginxMain = `
daemon off;
worker_processes 1;
pid nginx.pid;
error_log logs/main-error.log;
events { worker_connections 512; }
http {
	access_log logs/main-access.log;
	error_log logs/http-error.log;
	client_body_temp_path temp;
	proxy_temp_path temp;
	fastcgi_temp_path temp;
	uwsgi_temp_path temp;
	scgi_temp_path temp;
	include opentcb.conf;
}
`

// startNginx runs nginx with the configuration of the page in a folder of the
// test's own, as whoever runs the test.
func startNginx(t *testing.T, s *stand) {
	runNginx(t, s, s.configuration(t, "nginx.conf", "/var/log/nginx/", "logs/"))
}

// runNginx runs nginx with a configuration of docs/proxies.
func runNginx(t *testing.T, s *stand, configuration string) {
	program, dir := testserver.Program(t, "nginx"), t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "logs"), 0o755); err != nil {
		t.Fatal(err)
	}
	main := nginxMain
	if os.Geteuid() == 0 {
		main = "user root;" + main // another one cannot reach the folder
	}
	write(t, dir, "nginx.conf", main)
	write(t, dir, "opentcb.conf", configuration)
	s.start(t, exec.Command(program, "-p", dir, "-c", "nginx.conf", "-e", "stderr"), filepath.Join(dir, "logs"))
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Proves: CC-4
// Proves: CC-7
// Proves: CC-8
func TestNginx(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	startNginx(t, s)
	// The question itself cannot be called.
	if a := s.call(t, "GET", "/opentcb-decide", "all", "X-Original-URI: /wxa/x"); a.status != http.StatusNotFound {
		t.Errorf("/opentcb-decide answers %d %s", a.status, a.body)
	}
	checkCalls(t, s)
	for _, line := range []string{
		`"GET /wxa/msg_sec_check" 218 `, "errcode=0 appid=" + miniID + " env=listed", "errcode=85107", "errcode=41001",
	} {
		if !strings.Contains(s.logs(), line) {
			t.Errorf("the log has no %s:\n%s", line, s.logs())
		}
	}
}

// TestNginxKeepsConnections: questions one after another need one connection,
// allowed and refused ones alike.
func TestNginxKeepsConnections(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	startNginx(t, s)
	s.keepsConnections(t)
}

// TestNginxAsksAnother: an answer that says yes and names no address is none of
// this server's: nothing is forwarded.
func TestNginxAsksAnother(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	s.relay = startRelay(t, s.upstream.server.Listener.Addr().String())
	startNginx(t, s)
	s.asksAnother(t)
}
