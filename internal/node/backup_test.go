package node_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opentcb/opentcb/internal/node"
)

// TestRestoreNeedsItsKey restores what a server backed up, on another data
// folder, under the right master key alone; without it nothing is made.
func TestRestoreNeedsItsKey(t *testing.T) {
	t.Parallel()
	b := startBench(t)
	var archive bytes.Buffer
	if err := b.admin().Backup(t.Context(), &archive); err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile(filepath.Join(b.cfg.Data, "master-key"))
	if err != nil {
		t.Fatal(err)
	}
	cfg := node.Default()
	cfg.Data = filepath.Join(t.TempDir(), "data")
	cfg.Listen, cfg.AdminListen = "127.0.0.1:0", "127.0.0.1:0"
	restore := func(cfg node.Config) error {
		_, err := node.Restore(t.Context(), cfg, bytes.NewReader(archive.Bytes()), nil)
		return err
	}
	another := cfg
	another.MasterKey = strings.Repeat("A", 43) + "="
	for what, cfg := range map[string]node.Config{"no key": cfg, "another key": another} {
		if err := restore(cfg); err == nil || !strings.Contains(err.Error(), "from the server that was backed up") {
			t.Errorf("%s: %v", what, err)
		}
		if _, err := os.Stat(cfg.Data); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: something was made: %v", what, err)
		}
	}
	cfg.MasterKey = string(key)
	if err := restore(cfg); err != nil {
		t.Fatal(err)
	}
	n, err := node.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
}
