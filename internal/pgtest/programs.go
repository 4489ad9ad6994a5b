package pgtest

import (
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
)

// programs are those of one version of PostgreSQL, and whom they run as: they
// refuse to run as root.
type programs struct {
	bin        string
	credential *syscall.Credential // nil: as the tests do
}

// find returns the newest version that is installed.
func find(t testing.TB) programs {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // Debian has them nowhere else
	if path, err := exec.LookPath("initdb"); err == nil && len(found) == 0 {
		found = append(found, path)
	}
	if len(found) == 0 {
		if os.Getenv("OPENTCB_TEST_ALL") != "" {
			t.Fatal("PostgreSQL is not installed: install Debian's package postgresql")
		}
		t.Skip("PostgreSQL is not installed: install Debian's package postgresql to run this test")
	}
	slices.Sort(found)
	p := programs{bin: filepath.Dir(found[len(found)-1])}
	if os.Getuid() == 0 {
		p.credential = unprivileged(t)
	}
	return p
}

// unprivileged is the user postgres, whom the package makes, or nobody.
func unprivileged(t testing.TB) *syscall.Credential {
	t.Helper()
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, _ := strconv.ParseUint(u.Uid, 10, 32)
		gid, _ := strconv.ParseUint(u.Gid, 10, 32)
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	t.Fatal("there is no user postgres or nobody to run PostgreSQL as")
	return nil
}

// folder is a temporary folder of that user.
func (p programs) folder(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "pgtest-") // t.TempDir is closed to other users
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if p.credential != nil {
		if err := os.Chown(dir, int(p.credential.Uid), int(p.credential.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func (p programs) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(p.bin, name), args...)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.credential, Pdeathsig: syscall.SIGKILL}
	return cmd
}

func (p programs) run(t testing.TB, name string, args ...string) {
	t.Helper()
	if out, err := p.command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}
