package runner

import (
	"os/exec"
	"runtime"
	"syscall"
)

// boundMemory bounds all that a process can write to, Buffers too, wherever it is.
const boundMemory = "ulimit -d %d && "

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

func startGroup(cmd *exec.Cmd, u User) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL, Credential: u.credential()}
	started := make(chan error)
	starter <- func() { started <- cmd.Start() }
	return <-started
}
