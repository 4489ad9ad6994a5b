package secretfile

import (
	"errors"
	"os"
	"syscall"
	"unsafe"
)

// ErrLocked is that another process has the lock.
var ErrLocked = errors.New("it is locked")

var lockFileEx = syscall.NewLazyDLL("kernel32.dll").NewProc("LockFileEx")

const (
	lockNow            = 1 | 2             // LOCKFILE_FAIL_IMMEDIATELY, LOCKFILE_EXCLUSIVE_LOCK
	errorLockViolation = syscall.Errno(33) // another has it
)

// OpenLocked opens a file with a lock that lasts until it is closed or the
// process ends. Locked is a byte far behind its end, so that it can be read.
func OpenLocked(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	at := syscall.Overlapped{OffsetHigh: 1}
	ok, _, err := lockFileEx.Call(f.Fd(), lockNow, 0, 1, 0, uintptr(unsafe.Pointer(&at)))
	if ok != 0 {
		return f, nil
	}
	if errors.Is(err, errorLockViolation) {
		err = ErrLocked
	}
	return nil, errors.Join(err, f.Close())
}
