package node_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opentcb/opentcb/internal/node"
)

// TestNothingToWaitFor ends a server without connections, which waits for no
// call, and one with an idle connection, on which a call may be on its way.
func TestNothingToWaitFor(t *testing.T) {
	t.Parallel()
	for _, connected := range []bool{false, true} {
		var log bytes.Buffer
		cfg := node.Default()
		cfg.Listen, cfg.AdminListen, cfg.Data = "127.0.0.1:0", "127.0.0.1:0", filepath.Join(t.TempDir(), "data")
		cfg.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		n, err := node.Start(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		if connected {
			conn, err := net.Dial("tcp", strings.TrimPrefix(n.APIURL(), "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
			if _, err := conn.Read(make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
		}
		if err := n.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if waited := strings.Contains(log.String(), "had a moment"); waited != connected {
			t.Errorf("with an open connection: %v; waited: %v\n%s", connected, waited, &log)
		}
	}
}
