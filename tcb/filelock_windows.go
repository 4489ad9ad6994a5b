package tcb

import (
	"errors"
	"os"
	"syscall"
	"unsafe"
)

var lockFileEx = syscall.NewLazyDLL("kernel32.dll").NewProc("LockFileEx")

const (
	lockNow            = 1 | 2             // LOCKFILE_FAIL_IMMEDIATELY, LOCKFILE_EXCLUSIVE_LOCK
	errorLockViolation = syscall.Errno(33) // another has it
)

// tryLock takes a lock that is released when the file is closed or the process
// ends, and reports whether it got it.
func tryLock(f *os.File) (bool, error) {
	ok, _, err := lockFileEx.Call(f.Fd(), lockNow, 0, 1, 0, uintptr(unsafe.Pointer(&syscall.Overlapped{})))
	if ok != 0 {
		return true, nil
	}
	if errors.Is(err, errorLockViolation) {
		return false, nil
	}
	return false, err
}
