//go:build linux

package soaktest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opentcb/opentcb/internal/testserver"
)

// TestStartOnBadDisk starts servers on a disk that is full or read-only, with
// and without a database of before.
func TestStartOnBadDisk(t *testing.T) { amongOwnMounts(t, testStartOnBadDisk) }

func testStartOnBadDisk(t *testing.T) {
	full := []string{"no space", "make room", "--data"}
	for _, size := range []string{"16k", "200k"} { // of which nothing, or a part of a database finds room
		data := filepath.Join(smallDisk(t, size), "data")
		failing{"a first start on a full disk", "", served(data), 1, append(full, data)}.check(t)
	}
	disk := smallDisk(t, "4m")
	data := filepath.Join(disk, "data")
	start(t, launch{data: data}).stop()
	filler := filepath.Join(disk, "filler")
	fill(t, filler)
	failing{"a start on a disk that is full now", "", served(data), 1, append(full, data)}.check(t)
	must(t, "making room", os.Remove(filler))
	start(t, launch{data: data}).stop()
	readOnly(t, data)
	failing{"a start on a disk that is read-only now", "", served(data), 1, []string{data, "read-only", "mount", "--data"}}.check(t)
}

// TestStartOnDamagedDatabase wants to hear which file is damaged, and what to
// do.
func TestStartOnDamagedDatabase(t *testing.T) {
	for name, damage := range map[string]func(database []byte) []byte{
		"its beginning is something else": func(b []byte) []byte { return append([]byte("something else, of some length"), b[30:]...) },
		"its end is missing":              func(b []byte) []byte { return b[:8192] },
		"a part is zero":                  func(b []byte) []byte { clear(b[4096 : 20*4096]); return b },
	} {
		data := filepath.Join(t.TempDir(), "data")
		start(t, launch{data: data}).stop()
		file := filepath.Join(data, "opentcb.db")
		text, err := os.ReadFile(file)
		must(t, "reading the database", err)
		must(t, "damaging the database", os.WriteFile(file, damage(text), 0o600))
		failing{"a database of which " + name, "", served(data), 1, []string{file, "damaged", "restore a backup"}}.check(t)
	}
}

// TestStartOnPostgres starts servers on databases that cannot be used.
func TestStartOnPostgres(t *testing.T) {
	postgres := testserver.StartPostgres(t)
	postgres.Exec("CREATE ROLE stranger LOGIN PASSWORD '" + testserver.Password + "'")
	good := postgres.Database() + "?sslmode=disable"
	of := func(old, new string) string { return strings.Replace(good, old, new, 1) }
	const nobody = "127.0.0.1:1" // a port that nobody is given
	const who = "opentcb:" + testserver.Password
	for _, c := range []struct {
		name, database string
		says           []string
	}{
		{"nothing listens", of(postgres.Address(), nobody), []string{nobody, "refused", "does PostgreSQL run there"}},
		{"no such host", of(postgres.Address(), "nobody.invalid:5432"), []string{"nobody.invalid:5432", "no such host", "address"}},
		{"the password is wrong", of(who, "opentcb:wrong"), []string{postgres.Address(), "refuses the password", "%40"}},
		{"no such user", of(who, "nobody:wrong"), []string{postgres.Address(), "refuses the password", "--database"}},
		{"no such database", of("/test_", "/missing_"), []string{"missing_1", "CREATE DATABASE"}},
		{"the user is not its owner", of(who, "stranger:"+testserver.Password), []string{"test_1", "OWNER TO"}},
		{"a setting that is none", good + "&no_such_setting=1", []string{"no_such_setting", "take it out"}},
		{"it takes no changes", good + "&default_transaction_read_only=on", []string{"takes no changes", "primary"}},
		{"it has no TLS", strings.Replace(good, "disable", "require", 1), []string{"no TLS", "sslmode=disable"}},
	} {
		data := filepath.Join(t.TempDir(), "data")
		args := served(data, "--database", c.database, "--blobs", "file://"+t.TempDir())
		failing{"serve on Postgres where " + c.name, "", args, 1, c.says}.check(t)
		if _, said, _ := command(t, "", args...); strings.Contains(said, testserver.Password) {
			t.Errorf("%s: the password is shown:\n%s", c.name, said)
		}
	}
}

// TestOperatorIsTold: a command tells why the server cannot do it, as /readyz
// does.
func TestOperatorIsTold(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) {
		data := filepath.Join(t.TempDir(), "data")
		s := start(t, launch{data: data, world: newWorld(t, 1)})
		must(t, "moving the database away", os.Rename(filepath.Join(data, "opentcb.db"), filepath.Join(data, "away")))
		s.tells(t, "removed or replaced", "put the file back")
	})
	t.Run("Postgres", func(t *testing.T) {
		postgres := testserver.StartPostgres(t)
		data := filepath.Join(t.TempDir(), "data")
		s := start(t, launch{data: data, world: newWorld(t, 1), args: []string{
			"--database", postgres.Database() + "?sslmode=disable", "--blobs", "file://" + t.TempDir(),
		}})
		postgres.Kill()
		s.tells(t, "the database cannot be reached")
	})
}

// tells has a command change something that cannot be stored, and wants to hear
// why.
func (s *server) tells(t *testing.T, says ...string) {
	t.Helper()
	failing{
		"a change that cannot be stored", "",
		[]string{"revoke", platformID, appid(0), "--admin", s.admin, "--data", s.data}, 1, says,
	}.check(t)
}
