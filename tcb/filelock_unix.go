//go:build unix

package tcb

import (
	"errors"
	"os"
	"syscall"
)

// tryLock takes a lock that is released when the file is closed or the process
// ends, and reports whether it got it.
func tryLock(f *os.File) (bool, error) {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}
