//go:build unix

package runner

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"syscall"
)

// newChannel returns both ends of the way between runner and process.
func newChannel() (own net.Conn, other *os.File, err error) {
	syscall.ForkLock.RLock()
	ends, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(ends[0])
		syscall.CloseOnExec(ends[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	mine := os.NewFile(uintptr(ends[0]), "channel")
	defer mine.Close()
	other = os.NewFile(uintptr(ends[1]), "channel")
	if own, err = net.FileConn(mine); err != nil {
		return nil, nil, errors.Join(err, other.Close())
	}
	return own, other, nil
}

// lockFolder locks a folder of code until the file is closed or the process ends.
func lockFolder(path string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(path, ".runner.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = errors.New("another runner uses the folder: choose another with --code")
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
