//go:build unix

package blob

import (
	"errors"
	"os"
	"syscall"
)

// lock takes the lock of a file, which lasts until f is closed or its process
// ends. It reports false if somebody else has it. On a file system without
// locks it reports true.
func lock(f *os.File) bool {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	return !errors.Is(err, syscall.EWOULDBLOCK)
}
