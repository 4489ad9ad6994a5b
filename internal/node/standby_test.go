package node_test

import (
	"context"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opentcb/opentcb/internal/node"
	"github.com/opentcb/opentcb/internal/testserver"
)

// TestRequireStandby: a server that must have a standby and has none says so at
// its first start, in /readyz and in the metrics; and SQLite can have none.
func TestRequireStandby(t *testing.T) {
	cfg := node.Default()
	cfg.RequireStandby = true
	if err := cfg.Check(); err == nil || !strings.Contains(err.Error(), "--require-standby needs --database") {
		t.Errorf("without a database: %v", err)
	}
	cfg.Listen, cfg.AdminListen, cfg.Data = "127.0.0.1:0", "127.0.0.1:0", filepath.Join(t.TempDir(), "data")
	cfg.Database, cfg.Blobs = testserver.PostgresURL(t), "file://"+filepath.ToSlash(t.TempDir())
	const why = "no synchronous standby"
	if _, err := node.Start(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), why) {
		t.Errorf("a first start without a standby: %v", err)
	}
	cfg.RequireStandby = false
	n, err := node.Start(t.Context(), cfg)
	if err == nil {
		err = n.Shutdown(context.Background())
	}
	if err != nil {
		t.Fatal(err)
	}
	cfg.RequireStandby = true
	if n, err = node.Start(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	defer n.Shutdown(context.Background())
	status, text := getText(t, n.AdminURL()+"/readyz")
	if status != http.StatusServiceUnavailable || !strings.Contains(text, why) {
		t.Errorf("/readyz: %d %s", status, text)
	}
	if _, text := getText(t, n.AdminURL()+"/metrics"); !strings.Contains(text, "\nopentcb_changes_without_standby_total 1\n") {
		t.Error("the metrics do not count the change that /readyz tried")
	}
}

func getText(t *testing.T, address string) (int, string) {
	t.Helper()
	resp, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}
