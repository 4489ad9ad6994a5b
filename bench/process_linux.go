package main

import (
	"fmt"
	"os/exec"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// startPinned starts cmd on one CPU. The thread that forks takes the CPU on
// itself for the moment, so that the child has it from its first instruction
// and its runtime sees a machine of one core. With anyCPU it has all. The child
// ends with its parent.
func startPinned(cmd *exec.Cmd, cpu int) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if cpu == anyCPU {
		return cmd.Start()
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return fmt.Errorf("reading the affinity: %w", err)
	}
	one.Set(cpu)
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		return fmt.Errorf("pinning to CPU %d (two cores are needed): %w", cpu, err)
	}
	err := cmd.Start()
	if back := unix.SchedSetaffinity(0, &before); back != nil && err == nil {
		return fmt.Errorf("giving the CPU back: %w", back)
	}
	return err
}

// errAgain says that nothing has arrived yet.
const errAgain = syscall.EAGAIN

// discard takes up to n bytes that have arrived off a TCP socket without
// copying them (tcp(7), MSG_TRUNC), so that a load on one core keeps up with a
// server that sends straight from the page cache.
func discard(fd uintptr, scratch []byte, n int) (int, error) {
	if n < len(scratch) {
		scratch = scratch[:n]
	}
	got, _, err := unix.Recvfrom(int(fd), scratch, unix.MSG_TRUNC|unix.MSG_DONTWAIT)
	return got, err
}
