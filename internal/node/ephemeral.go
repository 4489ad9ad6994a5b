package node

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/opentcb/opentcb/internal/seal"
	"github.com/opentcb/opentcb/internal/secretfile"
)

// ephemeralPrefix begins the names of folders that go with their process.
const ephemeralPrefix = "opentcb-ephemeral-"

// orphanAge is how old such a folder must be for another process to remove it:
// a younger one may be about to be locked.
const orphanAge = time.Minute

// ephemeralFolder is a data folder that goes with the process.
type ephemeralFolder struct{ path string }

// checkEphemeral is the part of Check about a server whose data does not stay.
func (c Config) checkEphemeral() error {
	if c.Ephemeral && (c.Database != "" || c.Blobs != "") {
		return errors.New("--ephemeral keeps the database and the code in a folder that goes with the process: leave out --database and --blobs")
	}
	return nil
}

// beginEphemeral makes the folder of a server whose data does not stay, and the
// secrets that others have in files.
func (n *Node) beginEphemeral() error {
	if err := n.cfg.checkEphemeral(); err != nil || !n.cfg.Ephemeral {
		return err
	}
	removeOrphans(os.TempDir())
	path, err := os.MkdirTemp("", ephemeralPrefix)
	if err != nil {
		return fmt.Errorf("--ephemeral: %w", onDisk(err))
	}
	n.folder = &ephemeralFolder{path}
	n.cfg.Data = path
	if n.cfg.AdminToken == "" {
		n.cfg.AdminToken = rand.Text()
	}
	if n.cfg.MasterKey == "" && n.cfg.MasterKeyFile == "" && n.cfg.MasterKeyCommand == "" {
		n.cfg.MasterKey = seal.FormatMasterKey(n.cfg.makeMasterKey())
	}
	return nil
}

func (f *ephemeralFolder) remove() error { return os.RemoveAll(f.path) }

// removeOrphans removes what processes that were killed have left. Their folders
// are locked as long as they live.
func removeOrphans(temp string) {
	folders, _ := filepath.Glob(filepath.Join(temp, ephemeralPrefix+"*"))
	for _, folder := range folders {
		info, err := os.Lstat(folder)
		if err != nil || !info.IsDir() || time.Since(info.ModTime()) < orphanAge {
			continue
		}
		if secretfile.CheckOwner("the folder", folder, "--data", info, false) != nil {
			continue // another user's, who may have put links there
		}
		if lock, err := openLocked(filepath.Join(folder, lockFile)); err == nil {
			_ = lock.Close() // on Windows it could not be removed
			_ = os.RemoveAll(folder)
		}
	}
}
