package testserver

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
)

// programs are those of one version of PostgreSQL, and whom they run as: they
// refuse to run as root.
type programs struct {
	bin        string
	credential *credential // nil: as whom the tests run
}

// find returns the newest version that is installed, or ends the test.
func find(t testing.TB) programs {
	t.Helper()
	skipShort(t)
	bin := newest()
	if bin == "" {
		skip(t, "PostgreSQL is not installed (Debian: apt-get install postgresql)")
	}
	credential, err := unprivileged()
	if err != nil {
		t.Fatal(err)
	}
	return programs{bin, credential}
}

// newest returns the folder of the programs; Debian keeps them off PATH.
func newest() string {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	slices.SortFunc(found, func(a, b string) int { return versionOf(a) - versionOf(b) })
	if len(found) > 0 {
		return filepath.Dir(found[len(found)-1])
	}
	path, err := exec.LookPath("initdb")
	if err != nil {
		return ""
	}
	return filepath.Dir(path)
}

func versionOf(initdb string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(initdb))))
	return n
}

// unprivileged is the user postgres, whom the package makes, or nobody; nil
// where the tests do not run as root.
func unprivileged() (*credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err1 == nil && err2 == nil {
			return &credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
		}
	}
	return nil, fmt.Errorf("there is no user postgres or nobody to run PostgreSQL as")
}

// folder makes a temporary folder of that user's. (t.TempDir is closed to
// other users.)
func (p programs) folder() (string, error) {
	dir, err := os.MkdirTemp("", "testserver-")
	if err != nil || p.credential == nil {
		return dir, err
	}
	return dir, os.Chown(dir, int(p.credential.Uid), int(p.credential.Gid))
}

func (p programs) command(name string, args ...string) *exec.Cmd {
	if filepath.Base(name) == name {
		name = filepath.Join(p.bin, name)
	}
	cmd := exec.Command(name, args...)
	cmd.Dir = "/"
	runAs(cmd, p.credential)
	return cmd
}

func (p programs) run(name string, args ...string) error {
	if out, err := p.command(name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", name, err, out)
	}
	return nil
}
