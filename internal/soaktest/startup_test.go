//go:build linux

package soaktest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opentcb/opentcb/internal/testserver"
)

// failing is a start, or another command, that cannot be: what it must exit
// with, and say.
type failing struct {
	name   string
	dir    string
	args   []string
	status int
	says   []string // in any order, in any case
}

// check runs the command. Whoever reads what it says learns what is the matter
// and what to do, and sees nothing of the program's inside.
func (f failing) check(t *testing.T) {
	t.Helper()
	_, said, status := command(t, f.dir, f.args...)
	if status != f.status {
		t.Errorf("%s: exit status %d, want %d\n%s", f.name, status, f.status, said)
	}
	for _, what := range f.says {
		if !strings.Contains(strings.ToLower(said), strings.ToLower(what)) {
			t.Errorf("%s: standard error does not say %q:\n%s", f.name, what, said)
		}
	}
	for _, inside := range []string{"goroutine ", "panic", ".go:", "SQLITE_", "%!"} {
		if strings.Contains(said, inside) {
			t.Errorf("%s: standard error shows the inside, %q:\n%s", f.name, inside, said)
		}
	}
	if lines := strings.Count(said, "\n"); lines > 20 {
		t.Errorf("%s: %d lines on standard error:\n%s", f.name, lines, said)
	}
}

// served is the arguments of serve in a data folder, with free ports.
func served(data string, more ...string) []string {
	return append([]string{"serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--data", data}, more...)
}

func devved(more ...string) []string {
	return append([]string{"dev", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"}, more...)
}

// TestStartBeside starts servers where another is: in its data folder, on its
// ports. The first one does not notice.
func TestStartBeside(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	s := start(t, launch{data: data, world: newWorld(t, 1)})
	api, admin := strings.TrimPrefix(s.api, "http://"), strings.TrimPrefix(s.admin, "http://")
	c := login(t, s, 1)[0]
	key, err := c.codeSecret()
	must(t, "getcodesecret", err)
	other := filepath.Join(t.TempDir(), "other")
	for _, f := range []failing{
		{"serve in a data folder in use", "", served(data), 1, []string{data, "--data", "another"}},
		{"dev on a port in use", t.TempDir(), devved("--listen", api), 1, []string{api, "--listen", "in use"}},
		{"serve on a port in use", "", served(other, "--listen", api), 1, []string{api, "--listen", "in use"}},
		{"serve on an admin port in use", "", served(other, "--admin-listen", admin), 1, []string{admin, "--admin-listen", "in use"}},
		{"one port for both", "", served(other, "--listen", freePort(t), "--admin-listen", "same"), 1, []string{"--admin-listen"}},
	} {
		if last := f.args[len(f.args)-1]; last == "same" {
			f.args[len(f.args)-1] = f.args[len(f.args)-3]
		}
		f.check(t)
	}
	if again, err := c.codeSecret(); err != nil || again != key {
		t.Errorf("the first server, after others were started beside it: %v", err)
	}
	s.stop()
	// What could not start has left nothing that is in the way.
	start(t, launch{data: data}).stop()
	start(t, launch{data: other}).stop()
}

// freePort is an address on which nothing listens.
func freePort(t *testing.T) string {
	t.Helper()
	return fmt.Sprintf("127.0.0.1:%d", testserver.FreePort(t))
}

// TestStartUnwritable starts servers where they cannot write.
func TestStartUnwritable(t *testing.T) { amongOwnMounts(t, testStartUnwritable) }

func testStartUnwritable(t *testing.T) {
	locked := t.TempDir()
	readOnly(t, locked)
	file := filepath.Join(t.TempDir(), "file")
	must(t, "a file", os.WriteFile(file, []byte("not a folder\n"), 0o600))
	devFile := t.TempDir()
	must(t, "a file", os.WriteFile(filepath.Join(devFile, ".opentcb"), nil, 0o600))
	for _, f := range []failing{
		{"serve, data in a read-only folder", "", served(filepath.Join(locked, "data")), 1, []string{locked, "read-only", "--data"}},
		{"serve, data is a read-only folder", "", served(locked), 1, []string{locked, "--data"}},
		{"serve, data is a file", "", served(file), 1, []string{file, "--data"}},
		{"serve, data is below a file", "", served(filepath.Join(file, "data")), 1, []string{file, "--data"}},
		{"dev in a read-only folder", locked, devved(), 1, []string{".opentcb", "read-only"}},
		{"dev where .opentcb is a file", devFile, devved(), 1, []string{".opentcb"}},
	} {
		f.check(t)
	}
}

// TestWrongUsage gives flags and arguments that cannot be: exit status 2, and
// the word that is wrong.
func TestWrongUsage(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	for _, f := range []failing{
		{"no such command", "", []string{"sevre"}, 2, []string{"sevre", "help"}},
		{"no such flag", "", served(data, "--datta", "x"), 2, []string{"--datta", "help"}},
		{"a duration that is none", "", served(data, "--link-ttl", "banana"), 2, []string{"banana", "--link-ttl"}},
		{"an address that is none", "", []string{"serve", "--data", data, "--listen", "nowhere"}, 2, []string{"nowhere", "--listen"}},
		{"a public address that is none", "", served(data, "--public-url", "example.com/x"), 2, []string{"--public-url"}},
		{"no connections at all", "", served(data, "--max-connections", "0"), 2, []string{"--max-connections"}},
		{"serve with an argument", "", served(data, "extra"), 2, []string{"extra"}},
		{"ticket of nobody", "", []string{"ticket"}, 2, []string{"help"}},
		{
			"authorize with sets that are none", "",
			[]string{"authorize", platformID, appid(0), "--sets", "x", "--admin-token", "some-token"}, 2,
			[]string{"--sets"},
		},
		{"apply without a file", "", []string{"apply"}, 2, []string{"help"}},
	} {
		f.check(t)
	}
	if names := files(t, filepath.Dir(data)); len(names) > 0 {
		t.Errorf("wrong usage made files: %q", names)
	}
}

// TestOutOfReach runs commands without a server to talk to.
func TestOutOfReach(t *testing.T) {
	nobody := "http://127.0.0.1:1" // a port that nobody is given
	token := []string{"--admin", nobody, "--admin-token", "some-token"}
	missing := filepath.Join(t.TempDir(), "missing")
	for _, f := range []failing{
		{"ticket", "", append([]string{"ticket", platformID}, token...), 1, []string{nobody, "--admin"}},
		{"audit", "", append([]string{"audit"}, token...), 1, []string{nobody, "--admin"}},
		{
			"no token", "", []string{"ticket", platformID, "--admin", nobody, "--data", missing}, 2,
			[]string{missing, "--data", "OPENTCB_ADMIN_TOKEN"},
		},
		{"apply of no file", "", append([]string{"apply", missing}, token...), 2, []string{missing}},
	} {
		f.check(t)
	}
}

// TestBadWorld starts a server with a world file that names what does not
// exist: every fault is told with its line, and nothing is changed.
func TestBadWorld(t *testing.T) {
	dir := t.TempDir()
	data, world := filepath.Join(dir, "data"), filepath.Join(dir, "world.yaml")
	must(t, "a world file", os.WriteFile(world, []byte(`platforms:
  - {appid: wx00000000000000c1, secret: s}
environments:
  - {id: test-1, appid: wx00000000000000a1}
authorizations:
  - {platform: wx00000000000000c1, appid: wx00000000000000a2, permission_sets: [49]}
  - {platform: wx00000000000000c3, appid: wx00000000000000a3, permission_sets: [49]}
functions:
  - {env: test-2, name: login}
`), 0o600))
	failing{"a world of things that do not exist", "", served(data, "--world", world), 1, []string{
		world, "line 4", "wx00000000000000a1", "line 6", "wx00000000000000a2", "line 7", "wx00000000000000c3", "line 9", "test-2",
	}}.check(t)
	failing{"no world file", "", served(data, "--world", world+"x"), 1, []string{world + "x"}}.check(t)

	s := start(t, launch{data: data})
	_, said, status := command(t, "", "ticket", platformID, "--admin", s.admin, "--data", data)
	if status != 1 || !strings.Contains(said, platformID) {
		t.Errorf("a world file that was refused has made a platform: ticket exits with %d: %s", status, said)
	}
	s.stop()
}
