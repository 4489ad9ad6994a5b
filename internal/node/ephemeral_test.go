package node

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/secretfile"
)

// local are the settings of a server on free ports with a new data folder.
func local(t *testing.T) Config {
	t.Helper()
	cfg := Default()
	cfg.Listen, cfg.AdminListen = "127.0.0.1:0", "127.0.0.1:0"
	cfg.Data = filepath.Join(t.TempDir(), "data")
	return cfg
}

// TestEphemeral: a server whose data does not stay has a folder of its own, which is
// gone when it has ended, and keys of its own; it makes nothing where others would.
//
// Proves: RS-3
func TestEphemeral(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	t.Setenv("TMP", temp) // on Windows
	for _, testMode := range []bool{false, true} {
		cfg := local(t)
		cfg.Ephemeral, cfg.TestMode = true, testMode
		var keys, tokens [2]string
		for i := range 2 {
			n, err := Start(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			keys[i], tokens[i] = n.storage.Ring.KeyID(), n.AdminToken()
			client := admin.Client{URL: n.AdminURL(), Token: n.AdminToken()}
			if _, err := client.Apply(t.Context(), []byte("platforms: [{appid: wx00000000000000c1, secret: s}]"), nil); err != nil {
				t.Error(err)
			}
			if filepath.Dir(n.Data()) != temp {
				t.Errorf("its folder is %s", n.Data())
			}
			if err := n.Shutdown(context.Background()); err != nil {
				t.Error(err)
			}
		}
		if keys[0] == keys[1] || tokens[0] == tokens[1] {
			t.Error("two servers have the same keys")
		}
		if _, err := os.Stat(cfg.Data); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the data folder is there: %v", err)
		}
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// TestEphemeralOrphans: what a server that was killed has left is removed by a later
// one; what one that lives uses, or that is being made, is not.
//
// Proves: RS-3
func TestEphemeralOrphans(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	t.Setenv("TMP", temp) // on Windows
	old := time.Now().Add(-2 * orphanAge)
	folder := func(name string, at time.Time) string {
		path := filepath.Join(temp, name)
		err := errors.Join(os.Mkdir(path, 0o700), os.WriteFile(filepath.Join(path, "opentcb.db"), nil, 0o600))
		lock, errLock := secretfile.OpenLocked(filepath.Join(path, LockFile))
		if err = errors.Join(err, errLock); err != nil {
			t.Fatal(err)
		}
		if name == ephemeralPrefix+"live" {
			t.Cleanup(func() { _ = lock.Close() })
		} else if err := lock.Close(); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for path, stays := range map[string]bool{
		folder(ephemeralPrefix+"dead", old): false, folder(ephemeralPrefix+"live", old): true,
		folder(ephemeralPrefix+"young", time.Now()): true, folder("another", old): true,
	} {
		RemoveOrphans(ephemeralPrefix)
		if _, err := os.Stat(path); (err == nil) != stays {
			t.Errorf("%s stays: %v", path, !stays)
		}
	}
}
