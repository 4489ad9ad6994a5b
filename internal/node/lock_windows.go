package node

import (
	"errors"
	"os"
	"syscall"
)

// errLocked is that another process has the lock.
var errLocked = errors.New("it is locked")

// errSharingViolation is what Windows answers who opens a file that another
// process does not share.
const errSharingViolation = syscall.Errno(32)

// openLocked opens a file and shares it with nobody, until it is closed or the
// process ends.
func openLocked(path string) (*os.File, error) {
	name, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		return nil, err
	}
	h, err := syscall.CreateFile(name, syscall.GENERIC_READ|syscall.GENERIC_WRITE, 0, nil,
		syscall.OPEN_ALWAYS, syscall.FILE_ATTRIBUTE_NORMAL, 0)
	if errors.Is(err, errSharingViolation) {
		return nil, errLocked
	}
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(h), path), nil
}
