package runner

import (
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/opentcb/opentcb/internal/secretfile"
)

//go:embed loader.js
var loader []byte

// folder is the runner's own folder, below that of the code: the loader, a temporary
// folder for each instance, and the tokens of the environments. What a runner that was
// killed left there is removed at the next start.
type folder struct {
	path  string
	lock  *os.File
	count atomic.Int64
}

const ownFolder = ".runner"

// openFolder makes the folder of a runner below that of the code. The error is for the
// operator: another runner may be using it.
func openFolder(code string) (*folder, error) {
	// Others may pass, not look: each environment has a folder that only its user reads.
	if err := os.MkdirAll(code, 0o711); err != nil {
		return nil, err
	}
	path, err := filepath.Abs(code)
	if err == nil {
		path, err = filepath.EvalSymlinks(path) // as node sees it
	}
	if err != nil {
		return nil, err
	}
	f := &folder{path: filepath.Join(path, ownFolder)}
	if f.lock, err = lockFolder(path); err != nil {
		return nil, fmt.Errorf("%s: %w", code, err)
	}
	err = errors.Join(removeAll(f.path), os.Mkdir(f.path, 0o711), os.Chmod(f.path, 0o711),
		os.Mkdir(f.tokens(), 0o700), os.WriteFile(f.loader(), loader, 0o444), os.Chmod(f.loader(), 0o444))
	if err != nil {
		return nil, errors.Join(err, f.lock.Close())
	}
	return f, secretfile.SyncFolder(path)
}

func (f *folder) loader() string { return filepath.Join(f.path, "loader.js") }

func (f *folder) tokens() string { return filepath.Join(f.path, "tokens") }

// environment makes the folder for the code of an environment, which its user can read.
func (f *folder) environment(env string, u User) (string, error) {
	path := filepath.Join(filepath.Dir(f.path), env)
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return "", err
	}
	return path, u.show(path)
}

// temp makes a temporary folder of an instance.
func (f *folder) temp(u User) (string, error) {
	path := filepath.Join(f.path, "temp-"+strconv.FormatInt(f.count.Add(1), 10))
	if err := os.Mkdir(path, 0o700); err != nil {
		return "", err
	}
	return path, u.own(path)
}

func (f *folder) close() error { return errors.Join(removeAll(f.path), f.lock.Close()) }

// removeTime bounds how long a folder is being removed: a process that got away may go on
// to fill it.
const removeTime = 2 * time.Minute

// removeAll removes a folder of which a function has made what it liked: folders in it may
// be closed, or lie deeper than a path can be long and a process have files open. So what
// is in those is brought to the top first. No link leads elsewhere.
func removeAll(path string) error {
	err := os.Remove(path)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := os.Chmod(path, 0o700); err != nil {
		return err
	}
	top, err := os.OpenRoot(path)
	if err != nil {
		return err
	}
	defer top.Close()
	for end := time.Now().Add(removeTime); time.Now().Before(end); {
		names, err := someNames(top, ".")
		for _, name := range names {
			if top.Remove(name) != nil && err == nil {
				err = flatten(top, name)
			}
		}
		if len(names) == 0 && err == nil {
			err = os.Remove(path)
			if err == nil || !errors.Is(err, fs.ErrExist) { // that is what a folder is that is not empty
				return err
			}
			continue
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // what was there may be gone by now
			return err
		}
	}
	return fmt.Errorf("%s is not empty after %v", path, removeTime)
}

// flatten brings some of what is in a folder of top to top, where it cannot be removed.
func flatten(top *os.Root, folder string) error {
	if err := top.Chmod(folder, 0o700); err != nil {
		return err
	}
	names, err := someNames(top, folder)
	for _, name := range names {
		name = filepath.Join(folder, name)
		if err == nil && top.Remove(name) != nil {
			err = errors.Join(top.Chmod(name, 0o700), top.Rename(name, rand.Text()))
		}
	}
	return err
}

// someNames returns names of what is in a folder of top; none if it is empty.
func someNames(top *os.Root, folder string) ([]string, error) {
	f, err := top.Open(folder)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	names, err := f.Readdirnames(1000)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return names, err
}
