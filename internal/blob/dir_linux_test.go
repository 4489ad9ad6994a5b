package blob_test

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/opentcb/opentcb/internal/blob"
)

// asNobody runs f with the file rights of a user that owns nothing, on this
// thread alone, so that it refuses what it should to root as well.
func asNobody(t *testing.T, f func()) {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	set := func(uid int) { syscall.RawSyscall(syscall.SYS_SETFSUID, uintptr(uid), 0, 0) }
	set(65534)
	defer set(os.Geteuid())
	f()
}

func TestUnwritableFolder(t *testing.T) {
	path := t.TempDir()
	for _, name := range []string{filepath.Dir(path), path} {
		if err := os.Chmod(name, 0o555); err != nil {
			t.Fatal(err)
		}
		defer os.Chmod(name, 0o755)
	}
	var err error
	asNobody(t, func() { _, err = blob.OpenDir(path, blob.Config{}) })
	if !errors.Is(err, fs.ErrPermission) {
		t.Fatalf("OpenDir: %v", err)
	}
	for _, want := range []string{path, "chown", "choose another folder"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in: %v", want, err)
		}
	}
}

// TestRoomRunsOut has the kernel refuse what no longer fits, by a limit on the
// size of files, which needs a process of its own.
func TestRoomRunsOut(t *testing.T) {
	if os.Getenv("BLOB_TEST_LIMITED") != "" {
		roomRunsOut(t)
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestRoomRunsOut$", "-test.v")
	cmd.Env = append(os.Environ(), "BLOB_TEST_LIMITED=1")
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "room again") {
		t.Errorf("%v\n%s", err, out)
	}
}

func roomRunsOut(t *testing.T) {
	f := openFolder(t, t.TempDir())
	before := put(t, f, "before")
	var room syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &room); err != nil {
		t.Fatal(err)
	}
	limit := func(to uint64) {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: to, Max: room.Max}); err != nil {
			t.Fatal(err)
		}
	}
	large := strings.Repeat("large ", 20_000)
	limit(50_000)
	d, err := f.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if n, err := d.Write([]byte(large)); n != 50_000 || !errors.Is(err, syscall.EFBIG) {
		t.Errorf("Write: %d, %v", n, err)
	}
	if err := d.Commit(t.Context()); !errors.Is(err, syscall.EFBIG) {
		t.Errorf("Commit of a draft with a hole: %v", err)
	}
	if n := f.drafts(t); n != 0 {
		t.Errorf("%d drafts are left", n)
	}
	if _, err := f.Open(t.Context(), d.Sum()); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("Open of what was refused: %v", err)
	}
	limit(0)
	if err := f.Ping(t.Context()); !errors.Is(err, syscall.EFBIG) {
		t.Errorf("Ping: %v", err)
	}
	limit(room.Cur)
	t.Log("room again")
	if err := f.Ping(t.Context()); err != nil {
		t.Errorf("Ping: %v", err)
	}
	for _, sum := range []blob.Sum{before, put(t, f, large)} {
		b, err := f.Open(t.Context(), sum)
		if err != nil {
			t.Fatal(err)
		}
		b.Close()
	}
}
