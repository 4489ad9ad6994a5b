//go:build unix

package secretfile

import (
	"errors"
	"os"
	"syscall"
)

// ErrLocked is that another process has the lock.
var ErrLocked = errors.New("it is locked")

// OpenLocked opens a file with a lock that lasts until it is closed or the
// process ends.
func OpenLocked(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = ErrLocked
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
