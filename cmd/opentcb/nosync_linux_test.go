package main

import (
	"bytes"
	"context"
	"errors"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/opentcb/opentcb/internal/admin"
)

// TestEphemeralSyncsNothing: a server whose data does not stay works where nothing can be
// synced; another cannot.
//
// Proves: RS-3
func TestEphemeralSyncsNothing(t *testing.T) {
	forbidSyncs(t)
	dir, token := t.TempDir(), "an-admin-token-of-this-test"
	t.Setenv("TMPDIR", dir)
	serve := []string{"serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--admin-token", token}
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	lasting := exec.CommandContext(ctx, "opentcb", append(serve, "--data", "data")...)
	lasting.Dir = dir
	if out, err := lasting.CombinedOutput(); err == nil || !strings.Contains(string(out), unix.EIO.Error()) {
		t.Fatalf("a server whose data stays: %v, %s", err, out)
	}
	for _, more := range [][]string{{"--ephemeral"}, {"--ephemeral", "--test-mode", "--seed", "1"}} {
		_, ready := process(t, dir, append(serve, more...)...)
		c := admin.Client{URL: ready["admin"], Token: token}
		_, err := c.Apply(t.Context(), []byte("platforms: [{appid: "+demoPlatform+", secret: s}]"), nil)
		_, errCode := c.AddCode(t.Context(), bytes.NewReader(codeOfRun(1)))
		if err := errors.Join(err, errCode); err != nil {
			t.Errorf("%q: %v", more, err)
		}
		if len(more) == 1 {
			continue
		}
		_, err = c.AdvanceClock(t.Context(), "1h")
		_, errSave := c.SaveSnapshot(t.Context(), "one")
		if err := errors.Join(err, errSave, c.RestoreSnapshot(t.Context(), "one"), c.Reset(t.Context())); err != nil {
			t.Errorf("%q: %v", more, err)
		}
	}
}

// forbidSyncs has the system refuse every sync of the processes that the test starts.
func forbidSyncs(t *testing.T) {
	t.Helper()
	runtime.LockOSThread() // for good: the thread, which the filter is of, ends with the test
	calls := []uint32{unix.SYS_FSYNC, unix.SYS_FDATASYNC, unix.SYS_MSYNC, unix.SYS_SYNC, unix.SYS_SYNCFS}
	filter := []unix.SockFilter{{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS}} // the number of a call
	for i, call := range calls {
		filter = append(filter, unix.SockFilter{
			Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: call, Jt: uint8(len(calls) - i),
		})
	}
	filter = append(filter, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
		unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EIO)})
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	_, _, errno := unix.Syscall(
		unix.SYS_PRCTL, unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&program)))
	if err != nil || errno != 0 {
		t.Fatalf("no filter of calls: %v, %v", err, errno)
	}
}
