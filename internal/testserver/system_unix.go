//go:build unix

package testserver

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
)

// credential is whom a program runs as.
type credential = syscall.Credential

func runAs(cmd *exec.Cmd, c *credential) { cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c} }

// signal is what is sent to the processes of a server.
type signal = syscall.Signal

const (
	interrupt = syscall.SIGINT // "fast shutdown"
	kill      = syscall.SIGKILL
	freeze    = syscall.SIGSTOP
	thaw      = syscall.SIGCONT
)

func send(pid int, s signal) error { return syscall.Kill(pid, s) }

// lockFile waits until no other process is building.
func lockFile(name string) (func() error, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for err = syscall.EINTR; errors.Is(err, syscall.EINTR); {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f.Close, nil
}
