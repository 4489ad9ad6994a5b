package proxytest

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/opentcb/opentcb/internal/testserver"
)

// startCaddy runs Caddy with the configuration of the page in a folder of the
// test's own.
func startCaddy(t *testing.T, s *stand) { runCaddy(t, s, s.configuration(t, "Caddyfile")) }

// runCaddy runs Caddy with a configuration of docs/proxies.
func runCaddy(t *testing.T, s *stand, configuration string) {
	program, dir := testserver.Program(t, "caddy"), t.TempDir()
	write(t, dir, "Caddyfile", configuration)
	cmd := exec.Command(program, "run", "--adapter", "caddyfile", "--config", "Caddyfile")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
	s.start(t, cmd, dir)
}

// Proves: CC-4
// Proves: CC-7
// Proves: CC-8
func TestCaddy(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	startCaddy(t, s)
	checkCalls(t, s)
	if line := `"uri":"/wxa/msg_sec_check"`; !strings.Contains(s.logs(), line) {
		t.Errorf("the log has no %s:\n%s", line, s.logs())
	}
}

// TestCaddyKeepsConnections is TestNginxKeepsConnections.
func TestCaddyKeepsConnections(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	startCaddy(t, s)
	s.keepsConnections(t)
}

// TestCaddyAsksAnother is TestNginxAsksAnother.
func TestCaddyAsksAnother(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	s.relay = startRelay(t, s.upstream.server.Listener.Addr().String())
	s.upstream.status = 200
	startCaddy(t, s)
	s.asksAnother(t)
}
