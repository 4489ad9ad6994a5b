//go:build unix

package runner

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
)

// bounds makes a shell bound what a process takes, which that becomes then: no core
// dumps, 1,024 open files, files of 1 GiB.
const bounds = "ulimit -c 0 && ulimit -n 1024 && ulimit -f 2097152 && " + boundMemory + `unset PWD && exec "$0" "$@"`

// startProcess starts a process in a session of its own, as that user, with its memory
// bounded, in MiB.
func startProcess(cmd *exec.Cmd, u User, memory int) error {
	cmd.Args = append([]string{"sh", "-c", fmt.Sprintf(bounds, memory<<10), cmd.Path}, cmd.Args[1:]...)
	cmd.Path = "/bin/sh"
	return startSession(cmd, u)
}

func (u User) credential() *syscall.Credential {
	if !u.Other {
		return nil
	}
	return &syscall.Credential{Uid: u.UID, Gid: u.GID} // and no further groups
}

// killGroup ends a process and those that it has started.
func killGroup(p *os.Process) { _ = syscall.Kill(-p.Pid, syscall.SIGKILL) }

// lowerPriority leaves a process what others want of the processor, as far as the system
// lets it. Where Linux shares the processor between sessions, a nice value counts within
// one alone, and autogroup is that of the session.
func lowerPriority(p *os.Process) {
	const low = 19
	_ = syscall.Setpriority(syscall.PRIO_PGRP, p.Pid, low)
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/autogroup", p.Pid), strconv.AppendInt(nil, low, 10), 0)
}

// keepDescriptors keeps from processes what the runner itself was started with.
func keepDescriptors() error {
	open, err := os.ReadDir("/dev/fd")
	for _, e := range open {
		if fd, err := strconv.Atoi(e.Name()); err == nil && fd > 2 {
			syscall.CloseOnExec(fd)
		}
	}
	return err
}

// readNow reads what is there, without waiting. Where that is nothing, more reports
// whether something may come.
func readNow(fd uintptr, p []byte) (n int, more bool) {
	n, err := syscall.Read(int(fd), p)
	for err == syscall.EINTR {
		n, err = syscall.Read(int(fd), p)
	}
	return max(0, n), err == syscall.EAGAIN
}
