package node

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/opentcb/opentcb/internal/intercept"
	"github.com/opentcb/opentcb/internal/seal"
	"github.com/opentcb/opentcb/internal/secretfile"
)

// The files of a data folder. Only its owner can read any of them.
const (
	LockFile       = "lock"
	masterKeyFile  = "master-key"
	AdminTokenFile = "admin-token"
	databaseFile   = "opentcb.db"
	codeFolder     = "code"
	copiesFolder   = "copies"            // of code in a bucket
	timelineFile   = "database-timeline" // of Postgres, the highest seen
	clockFile      = "clock"             // of test mode, how it is set
	snapshotFolder = "snapshots"         // of test mode
	startsFile     = "starts"            // of a server with a seed: how often it has started
)

// dataDir is an open data folder, locked against a second server.
type dataDir struct {
	path  string
	isNew bool // nothing was in it
	lock  *os.File
}

// openData makes the folder if it is not there, and locks it. lasts reports
// whether it is to survive a power cut.
func openData(path string, lasts bool) (*dataDir, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("cannot make the data folder: %w%s", err, orPermissions(err))
	}
	d := &dataDir{path: path}
	if err := d.check(); err != nil {
		return nil, err
	}
	// A folder that was there may be open to others; what it holds may not be.
	if err := os.Chmod(path, 0o700); err != nil {
		return nil, fmt.Errorf("cannot close the data folder to others: %w%s", err, orPermissions(err))
	}
	if lasts {
		if err := secretfile.SyncFolder(filepath.Dir(path)); err != nil {
			return nil, fmt.Errorf("data folder: %w", err)
		}
	}
	f, err := secretfile.OpenLocked(filepath.Join(path, LockFile))
	if errors.Is(err, secretfile.ErrLocked) {
		return nil, fmt.Errorf("another opentcb is using the data folder %s: stop it, or choose another folder with --data",
			path)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot write in the data folder %s: %w%s", path, err, orPermissions(err))
	}
	d.lock = f
	return d, nil
}

// onDisk adds what to do to an error that is one of a disk.
func onDisk(err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("%w: make room on that disk, or choose another folder (--data, --blobs)", err)
	case errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%w: mount that disk for writing, or choose another folder (--data, --blobs)", err)
	}
	return err
}

// orPermissions is what to do about a folder, unless onDisk knows.
func orPermissions(err error) string {
	if onDisk(err) != err {
		return ""
	}
	return ": mend its permissions, or choose another with --data"
}

// CheckData returns an error if a data folder that is there may have been made
// by somebody else. It changes nothing.
func CheckData(path string) error {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return (&dataDir{path: path}).check()
}

// check returns an error if the folder, or what is in it, may have been made by
// somebody else: it belongs to another user, others can change what is in it,
// or it holds links, which lead to files that are not the server's.
func (d *dataDir) check() error {
	root, err := os.OpenRoot(d.path)
	if err != nil {
		return fmt.Errorf("the data folder: %w%s", err, orPermissions(err))
	}
	defer root.Close()
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return fmt.Errorf("the data folder: %w%s", err, orPermissions(err))
	}
	d.isNew = !slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() != "lost+found" })
	info, err := root.Stat(".")
	if err != nil {
		return fmt.Errorf("the data folder: %w", err)
	}
	if err := secretfile.CheckOwner("the data folder", d.path, "--data", info, d.isNew); err != nil {
		return err
	}
	for _, name := range ownNames {
		if err := secretfile.IsOrdinary(root, name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// ownNames are the names of a data folder that the server opens.
var ownNames = []string{
	LockFile, masterKeyFile, AdminTokenFile, oldTokenFile,
	databaseFile, databaseFile + "-wal", databaseFile + "-shm", databaseFile + "-journal",
	codeFolder, codeFolder + "/tmp", copiesFolder, copiesFolder + "/tmp", timelineFile, clockFile, snapshotFolder,
	intercept.CertFile, intercept.KeyFile, startsFile,
}

// readSecret reads a file of the folder that others cannot read.
func (d *dataDir) readSecret(name string) ([]byte, error) { return ReadSecret(d.path, name) }

// ReadSecret reads a file of a data folder, which is no link and which others
// cannot read. If it cannot be read, the error is an *fs.PathError.
func ReadSecret(folder, name string) ([]byte, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return secretfile.ReadIn(root, name)
}

// writeSecret writes a file of the folder that only its owner can read.
func (d *dataDir) writeSecret(name string, text []byte) error {
	root, err := os.OpenRoot(d.path)
	if err != nil {
		return err
	}
	defer root.Close()
	return secretfile.Write(root, name, text)
}

// Close unlocks the folder.
func (d *dataDir) Close() error { return d.lock.Close() }

func (d *dataDir) file(name string) string { return filepath.Join(d.path, name) }

// has reports whether the folder has a file, or a folder that is not empty.
func (d *dataDir) has(name string) bool {
	info, err := os.Stat(d.file(name))
	if err != nil || !info.IsDir() {
		return err == nil
	}
	found := false
	_ = filepath.WalkDir(d.file(name), func(_ string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			found = true
			return fs.SkipAll
		}
		return nil
	})
	return found
}

// checkUnused refuses a folder whose database is missing though a server has
// used it. The admin token comes last at a first start.
func (d *dataDir) checkUnused(cfg Config) error {
	used := d.has(codeFolder) || d.has(masterKeyFile) && d.has(AdminTokenFile)
	if cfg.restoring || !used {
		return nil
	}
	return fmt.Errorf("the database %s is missing, and there is a master key or code of it: "+
		"put it back, restore a backup (opentcb help restore), or choose another folder with --data", d.file(databaseFile))
}

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
	RemoveOrphans(ephemeralPrefix)
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

// RemoveOrphans removes what processes that were killed have left: the temporary
// folders whose names begin so, and which are this user's. As long as their processes
// live, LockFile in them is locked.
func RemoveOrphans(prefix string) {
	folders, _ := filepath.Glob(filepath.Join(os.TempDir(), prefix+"*"))
	for _, folder := range folders {
		info, err := os.Lstat(folder)
		if err != nil || !info.IsDir() || time.Since(info.ModTime()) < orphanAge {
			continue
		}
		if secretfile.CheckOwner("the folder", folder, "--data", info, false) != nil {
			continue // another user's, who may have put links there
		}
		if lock, err := secretfile.OpenLocked(filepath.Join(folder, LockFile)); err == nil {
			_ = lock.Close() // on Windows it could not be removed
			_ = os.RemoveAll(folder)
		}
	}
}
