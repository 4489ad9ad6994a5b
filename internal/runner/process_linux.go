package runner

import (
	"context"
	"fmt"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

// boundMemory bounds all that a process can write to, Buffers too, wherever it is.
const boundMemory = "ulimit -d %d && "

// reservedMemory returns what a process of node counts as its memory when it begins, in
// MiB.
func reservedMemory(ctx context.Context, node string) (int, error) {
	text, err := exec.CommandContext(ctx, node, "-p", "/VmData:\\s+(\\d+)/.exec(fs.readFileSync('/proc/self/status'))[1]").Output()
	if err != nil {
		return 0, fmt.Errorf("%s cannot tell its memory: %w", node, err)
	}
	kib, err := strconv.Atoi(strings.TrimSpace(string(text)))
	return kib >> 10, err
}

// starter starts processes on a thread that never ends: the kernel ends them with the
// thread that started them, and so with the runner, however that ends.
var starter = func() chan func() {
	jobs := make(chan func())
	go func() {
		runtime.LockOSThread()
		for do := range jobs {
			do()
		}
	}()
	return jobs
}()

// startSession starts a process in a session of its own: the terminal that the runner was
// started in is not its own, and the kernel gives sessions equal shares of the processor.
func startSession(cmd *exec.Cmd, u User) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL, Credential: u.credential()}
	started := make(chan error)
	starter <- func() { started <- cmd.Start() }
	return <-started
}
