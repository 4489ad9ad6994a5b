package node

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// The files of a data folder. Only its owner can read any of them.
const (
	lockFile       = "lock"
	masterKeyFile  = "master-key"
	AdminTokenFile = "admin-token"
	databaseFile   = "opentcb.db"
	codeFolder     = "code"
	copiesFolder   = "copies" // of code in a bucket
)

// dataDir is an open data folder, locked against a second server.
type dataDir struct {
	path string
	lock *os.File
}

// openData makes the folder if it is not there, and locks it.
func openData(path string) (*dataDir, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("cannot make the data folder: %w: choose another with --data, or mend its permissions", err)
	}
	// A folder that was there may be open to others; what it holds may not be.
	if err := os.Chmod(path, 0o700); err != nil {
		return nil, fmt.Errorf("cannot close the data folder to others: %w: mend its permissions, or choose another with --data",
			err)
	}
	if err := syncFolder(filepath.Dir(path)); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(path, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot write in the data folder %s: %w: choose another with --data, or mend its permissions",
			path, err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("another opentcb is using the data folder %s: stop it, or choose another folder with --data",
				path)
		}
		return nil, fmt.Errorf("cannot lock the data folder %s: %w", path, err)
	}
	return &dataDir{path: path, lock: f}, nil
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

// adminToken returns the operator's token: the given one, or else that of a
// file in the folder, which is made at first start for the commands to read. A
// given one is written nowhere.
func (d *dataDir) adminToken(given string) (string, error) {
	file := d.file(AdminTokenFile)
	stored, err := os.ReadFile(file)
	switch token := strings.TrimSpace(string(stored)); {
	case given != "":
		return given, nil
	case err == nil && token != "":
		return token, nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("admin token: %w", err)
	}
	token := rand.Text()
	if err := writeSecret(file, []byte(token+"\n")); err != nil {
		return "", fmt.Errorf("admin token: %w", err)
	}
	return token, nil
}

// writeSecret writes a new file that only its owner can read. After a crash the
// file is there as a whole, or not at all.
func writeSecret(file string, text []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(file), ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name()) // gone already if all goes well
	_, err = tmp.Write(text)
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), file); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(file))
}

// syncFolder makes the names in a folder survive a power cut.
func syncFolder(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
