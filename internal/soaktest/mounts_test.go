//go:build linux

package soaktest

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

const insideVar = "OPENTCB_SOAK_INSIDE" // set in a test that runs among mounts of its own

// amongOwnMounts runs a test in a process of its own whose mounts nobody else
// sees: what it mounts is gone with it, however it ends. Who is not root gets
// a user namespace as well.
func amongOwnMounts(t *testing.T, test func(t *testing.T)) {
	if os.Getenv(insideVar) == t.Name() {
		test(t)
		return
	}
	args := []string{"-test.run=^" + t.Name() + "$", "-test.timeout=10m"}
	if testing.Verbose() {
		args = append(args, "-test.v")
	}
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), insideVar+"="+t.Name())
	cmd.SysProcAttr = ownMounts()
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("among mounts of its own (needs root, or leave to make user namespaces): %v\n%s", err, out)
		return
	}
	t.Logf("%s", out)
}

func ownMounts() *syscall.SysProcAttr {
	if os.Geteuid() == 0 {
		return &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	}
	return &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}},
		Pdeathsig:   syscall.SIGKILL,
	}
}

// smallDisk is a folder on a disk of its own of that many bytes.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	must(t, "mount", syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size))
	t.Cleanup(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}

// readOnly makes a folder one that not even root can write in.
func readOnly(t *testing.T, dir string) {
	t.Helper()
	must(t, "bind mount", syscall.Mount(dir, dir, "", syscall.MS_BIND, ""))
	t.Cleanup(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
	must(t, "read-only remount", syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_BIND|syscall.MS_RDONLY, ""))
}
