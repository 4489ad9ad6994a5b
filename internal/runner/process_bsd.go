//go:build unix && !linux

package runner

import (
	"context"
	"os/exec"
	"syscall"
)

// boundMemory bounds nothing: only the heap has a limit. %.0d takes the number.
const boundMemory = "%.0d"

func reservedMemory(context.Context, string) (int, error) { return 0, nil }

// startSession starts a process in a session of its own: the terminal that the runner was
// started in is not its own. It ends by itself when the runner is gone.
func startSession(cmd *exec.Cmd, u User) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: u.credential()}
	return cmd.Start()
}
