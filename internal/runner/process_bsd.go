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

// startGroup starts a process that ends by itself when the runner is gone.
func startGroup(cmd *exec.Cmd, u User) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: u.credential()}
	return cmd.Start()
}
