package proxytest

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/node"
	"github.com/opentcb/opentcb/internal/testserver"
)

// stand is a proxy, the server that it asks and the upstream that it forwards
// to.
type stand struct {
	proxy      string // address of the proxy's listener
	logs       func() string
	api        string // URL of the server's API listener
	node       *node.Node
	offset     atomic.Int64 // of the server's clock, in nanoseconds
	relay      *relay       // between proxy and server
	upstream   *upstream
	tokens     map[string]string // cloudbase_access_token by environment
	authorizer string            // authorizer_access_token of changedID
}

// newStand starts all but the proxy.
func newStand(t *testing.T) *stand {
	s := &stand{upstream: startUpstream(t)}
	cfg := node.Default()
	cfg.Now = func() time.Time { return time.Now().Add(time.Duration(s.offset.Load())) }
	n := startServer(t, cfg)
	client := &admin.Client{URL: n.AdminURL(), Token: n.AdminToken()}
	s.api, s.node = n.APIURL(), n
	s.relay = startRelay(t, strings.TrimPrefix(s.api, "http://"))
	s.tokens, s.authorizer = cloudbaseTokens(t, client), login(t, s.api, client)
	return s
}

// startServer starts a server with the world of the tests, on free ports.
func startServer(t *testing.T, cfg node.Config) *node.Node {
	t.Helper()
	cfg.Listen, cfg.AdminListen = "127.0.0.1:0", "127.0.0.1:0"
	if cfg.Data == node.Default().Data {
		cfg.Data = filepath.Join(t.TempDir(), "data")
	}
	cfg.World = filepath.Join(t.TempDir(), "world.yaml")
	if err := os.WriteFile(cfg.World, []byte(worldText), 0o600); err != nil {
		t.Fatal(err)
	}
	n, err := node.Start(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return n
}

// The ports of the configurations as they are written.
const (
	proxyPort    = ":8088"
	serverPort   = ":8080"
	upstreamPort = ":9000"
)

// configuration is a file of docs/proxies, with the ports of the test in place
// of those that it has. It changes nothing else but what more names, old and
// new in turn.
func (s *stand) configuration(t *testing.T, name string, more ...string) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/proxies/" + name)
	if err != nil {
		t.Fatal(err)
	}
	proxy, server := strconv.Itoa(testserver.FreePort(t)), portOf(s.relay.address())
	s.proxy = "127.0.0.1:" + proxy
	swaps := append(
		[]string{proxyPort, ":" + proxy, serverPort, ":" + server, upstreamPort, ":" + s.upstream.port()},
		more...,
	)
	for i := 0; i < len(swaps); i += 2 {
		if !strings.Contains(string(text), swaps[i]) {
			t.Fatalf("%s does not have %s", name, swaps[i])
		}
	}
	return strings.NewReplacer(swaps...).Replace(string(text))
}

func portOf(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}

// noToken wants no token in what the upstream has seen and the proxy logged.
func (s *stand) noToken(t *testing.T) {
	t.Helper()
	logs := s.logs()
	for env, token := range s.tokens {
		if strings.Contains(logs, token) {
			t.Errorf("the proxy's log has the token of %s:\n%s", env, lineWith(logs, token))
		}
		for _, saw := range s.upstream.all() {
			if strings.Contains(saw.text(), token) {
				t.Errorf("the upstream saw the token of %s:\n%s", env, saw.text())
			}
		}
	}
}

func lineWith(text, part string) string {
	for line := range strings.Lines(text) {
		if strings.Contains(line, part) {
			return line
		}
	}
	return ""
}
