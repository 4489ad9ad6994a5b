package blob

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"
)

// Only the server's own user reads code: merchants trust it to us.
const (
	fileMode   fs.FileMode = 0o600
	folderMode fs.FileMode = 0o700
)

const (
	draftFolder = "tmp"
	draftPrefix = "draft-"
)

// Dir is a [Store] in a folder:
//
//	<folder>/<first 2 hex>/<64 hex>   blobs
//	<folder>/tmp/draft-…              drafts
//
// On Unix several processes may use one folder at the same time.
type Dir struct {
	root     *os.Root
	now      func() time.Time
	verified memory

	mu      sync.Mutex
	durable [256]bool // fan-out folders, by first byte, known to survive a power cut

	// sync is (*os.File).Sync, by which everything is made durable. It is a
	// field so that tests can watch its order and make it fail.
	sync func(*os.File) error
}

// Config is how [OpenDir] uses a folder. The zero Config is good for code that
// is stored nowhere else.
type Config struct {
	// Now is the clock by which verifications grow old, nil for time.Now.
	Now func() time.Time
	// NoSync does without what makes blobs survive a power cut, for blobs that
	// can be had again from elsewhere. A power cut may then remove or damage
	// some; Open finds the damage.
	NoSync bool

	sync func(*os.File) error // for tests; nil for the default
}

// OpenDir opens the folder at path as a store, and makes it first if it is not
// there. It removes the drafts that killed processes left in its tmp folder,
// and nothing else. The error for a folder that cannot be used says what to do.
// The caller closes the Dir.
func OpenDir(path string, cfg Config) (*Dir, error) {
	d := &Dir{now: cfg.Now, verified: newMemory(), sync: cfg.sync}
	if d.now == nil {
		d.now = time.Now
	}
	if d.sync == nil {
		d.sync = (*os.File).Sync
	}
	if cfg.NoSync {
		d.sync = func(*os.File) error { return nil }
	}
	if err := d.open(path); err != nil {
		return nil, fmt.Errorf("blob: cannot keep code in folder %q: %w; it must be a folder that user id %d "+
			"may write in (chown or chmod it), on a disk with room; or choose another folder",
			path, err, os.Geteuid())
	}
	return d, nil
}

func (d *Dir) open(path string) (err error) {
	if err = d.makeFolders(filepath.Clean(path)); err != nil {
		return err
	}
	if d.root, err = os.OpenRoot(path); err != nil {
		return err
	}
	if err = d.prepare(); err != nil {
		d.root.Close()
	}
	return err
}

// prepare makes tmp and writes in it, so that a folder that cannot be written
// is found at start and not at the first upload.
func (d *Dir) prepare() error {
	if err := d.root.Mkdir(draftFolder, folderMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := d.removeOrphans(); err != nil {
		return err
	}
	w, err := d.create()
	if err != nil {
		return err
	}
	return w.Discard()
}

// makeFolders is os.MkdirAll, but the folders survive a power cut.
func (d *Dir) makeFolders(path string) error {
	if info, err := os.Stat(path); err == nil {
		if !info.IsDir() {
			return fmt.Errorf("%s is a file", path)
		}
		return nil
	}
	parent := filepath.Dir(path)
	if parent == path {
		return fmt.Errorf("%s: %w", path, fs.ErrNotExist)
	}
	if err := d.makeFolders(parent); err != nil {
		return err
	}
	if err := os.Mkdir(path, folderMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return d.syncFolder(os.Open, parent)
}

// Close lets go of the folder. Drafts and blobs that are open must not be used
// any more.
func (d *Dir) Close() error { return d.root.Close() }

// Ping writes a draft, reads it back and discards it.
func (d *Dir) Ping(ctx context.Context) (err error) {
	w, err := d.Create(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Discard()) }()
	sent, got := make([]byte, 4096), make([]byte, 4096) // a block, so that a full disk shows
	rand.Read(sent)
	if _, err := w.Write(sent); err != nil {
		return err
	}
	if _, err := w.ReadAt(got, 0); err != nil {
		return fmt.Errorf("blob: reading back: %w", err)
	}
	if !bytes.Equal(sent, got) {
		return errors.New("blob: the folder does not give back what was written")
	}
	return nil
}

// removeOrphans removes the drafts of processes that have ended. A draft is
// locked as long as its process lives, so those of other live processes stay.
func (d *Dir) removeOrphans() error {
	entries, err := fs.ReadDir(d.root.FS(), draftFolder)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		// Only what has a draft's name: the operator may have chosen /var.
		if !entry.Type().IsRegular() || !isDraftName(entry.Name()) {
			continue
		}
		if err := d.removeOrphan(draftFolder + "/" + entry.Name()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func (d *Dir) removeOrphan(name string) error {
	f, err := d.root.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if !lock(f) {
		return nil
	}
	return d.root.Remove(name)
}

func draftName() string { return draftPrefix + rand.Text() }

func isDraftName(name string) bool {
	rest, ok := strings.CutPrefix(name, draftPrefix)
	return ok && len(rest) == 26 && strings.Trim(rest, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") == ""
}

// folder returns the fan-out folder of a blob, name its path below the root.
func (s Sum) folder() string { return s.String()[:2] }
func (s Sum) name() string   { return s.folder() + "/" + s.String() }

// makeFolder makes the fan-out folder of sum. One that is there need not be
// durable: another commit, or a process before this one, may have made it and
// not synced the root yet. So the root is synced before the first use of each.
func (d *Dir) makeFolder(sum Sum) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch err := d.root.Mkdir(sum.folder(), folderMode); {
	case err == nil:
		d.durable[sum[0]] = false
	case !errors.Is(err, fs.ErrExist):
		return err
	}
	if d.durable[sum[0]] {
		return nil
	}
	if err := d.syncFolder(d.root.Open, "."); err != nil {
		return err
	}
	d.durable[sum[0]] = true
	return nil
}

// syncFolder makes the names in a folder survive a power cut. Windows, where a
// folder cannot be synced, journals them by itself.
func (d *Dir) syncFolder(open func(string) (*os.File, error), name string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	f, err := open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.sync(f), f.Close())
}
