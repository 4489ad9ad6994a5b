package runner

import (
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"

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
