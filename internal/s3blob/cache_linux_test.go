package s3blob

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/opentcb/opentcb/internal/testserver"
)

// TestRoomRunsOut has the kernel refuse what no longer fits on this machine, by
// a limit on the size of files, which needs a process of its own.
func TestRoomRunsOut(t *testing.T) {
	if os.Getenv("S3BLOB_TEST_LIMITED") != "" {
		roomRunsOut(t)
		return
	}
	testserver.StartS3(t).Kill() // skips the test where there is no server
	cmd := exec.Command(os.Args[0], "-test.run=^TestRoomRunsOut$", "-test.v")
	cmd.Env = append(os.Environ(), "S3BLOB_TEST_LIMITED=1")
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "room again") {
		t.Errorf("%v\n%s", err, out)
	}
}

// roomRunsOut proves that a full disk is a fault of storage that passes, for
// what has to be fetched and for what is written, and none for what is cached.
func roomRunsOut(t *testing.T) {
	server := testserver.StartS3(t)
	s := openStore(t, server, config(t, server, server.Bucket()))
	large, small := make([]byte, 100_000), []byte("small")
	cached, unread := mustPut(t, s.Store, small), mustPut(t, s.Store, large)
	reads(t, s.Store, cached, small)
	var room syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &room); err != nil {
		t.Fatal(err)
	}
	limit := func(to uint64) {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: to, Max: room.Max}); err != nil {
			t.Fatal(err)
		}
	}
	limit(4096)
	full := func(name string, do func() error) {
		fails(t, s.cfg, name, func() error {
			err := do()
			if !errors.Is(err, syscall.EFBIG) {
				t.Errorf("%s: %v", name, err)
			}
			return err
		})
	}
	full("Open", func() error { _, err := s.Open(t.Context(), unread); return err })
	full("Commit", func() error {
		d, err := s.Create(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Write(large); !errors.Is(err, syscall.EFBIG) {
			t.Errorf("Write: %v", err)
		}
		return d.Commit(t.Context())
	})
	reads(t, s.Store, cached, small)
	if n := s.drafts(t); n != 0 {
		t.Errorf("%d drafts are left", n)
	}
	limit(0)
	full("Ping", func() error { return s.Ping(t.Context()) })
	limit(room.Cur)
	t.Log("room again")
	reads(t, s.Store, unread, large)
	mustPut(t, s.Store, append(large, 1))
}
