package sqlstore

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/storetest"
)

// open opens a database, made if it is not there, for one test.
func open(t testing.TB, file string) *Store {
	t.Helper()
	s, err := OpenSQLite(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

// readers are the connections that a store reads by.
func readers(s *Store) *sql.DB {
	if p, ok := s.engine.(*postgresDB); ok {
		return p.readers.DB
	}
	return s.engine.(*sqliteDB).readers
}

// vouching is a store whose rows are vouched for.
func vouching(t testing.TB, s *Store) *Store {
	t.Helper()
	enforced, _, err := s.Guard(t.Context(), testVoucher{}, VouchNone)
	if err != nil || !enforced {
		t.Fatalf("a new database is not guarded: %t, %v", enforced, err)
	}
	return s
}

// testVoucher vouches with a sum that is easy to make.
type testVoucher struct{}

func (testVoucher) Vouch(text []byte) string { return fmt.Sprintf("%x", sha256.Sum256(text)) }

func (v testVoucher) CheckVouch(text []byte, vouched string) error {
	if v.Vouch(text) != vouched {
		return errors.New("false")
	}
	return nil
}

func newFile(t testing.TB) string { return filepath.Join(t.TempDir(), "opentcb.db") }

// fileOf asks a database where it is.
func fileOf(t testing.TB, s *Store) string {
	t.Helper()
	var file string
	const query = "SELECT file FROM pragma_database_list WHERE name = 'main'"
	if err := s.read(t.Context()).row(query, nil, &file); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestStore(t *testing.T) {
	files := map[cloud.Store]string{}
	add := func(t *testing.T, file string) cloud.Store {
		s := vouching(t, open(t, file))
		files[s] = file
		return s
	}
	storetest.Run(t, func(t *testing.T) cloud.Store { return add(t, newFile(t)) }, storetest.Hooks{
		Reopen: func(t *testing.T, s cloud.Store) cloud.Store {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			return add(t, files[s])
		},
	})
}

// raw opens a database file behind the store's back.
func raw(t testing.TB, file string) *sql.DB {
	t.Helper()
	db, err := SQLiteOptions{}.connect(file, 1, "_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func execRaw(t testing.TB, file string, statements ...string) {
	t.Helper()
	db := raw(t, file)
	defer db.Close()
	for _, text := range statements {
		if _, err := db.Exec(text); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
}

func TestNewerSchemaIsRefused(t *testing.T) {
	file := newFile(t)
	if err := open(t, file).Close(); err != nil {
		t.Fatal(err)
	}
	execRaw(t, file, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (10000, TRUE)")
	_, err := OpenSQLite(t.Context(), file)
	if err == nil || !strings.Contains(err.Error(), "schema 10000") ||
		!strings.Contains(err.Error(), "run the newer program") {
		t.Errorf("OpenSQLite of a newer schema: %v", err)
	}
}

// A process that was killed while it migrated left any number of steps done,
// the last of them perhaps without its mark.
func TestMigrationGoesOnAfterKill(t *testing.T) {
	whole := newFile(t)
	if err := open(t, whole).Close(); err != nil {
		t.Fatal(err)
	}
	schema, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	type left struct{ done, marked int }
	all := []left{{0, 0}, {1, 1}}
	for done := range migrationNames() {
		all = append(all, left{done + 1, done})
	}
	for _, steps := range all {
		file := newFile(t)
		if err := os.WriteFile(file, schema, 0o600); err != nil {
			t.Fatal(err)
		}
		undo(t, file, steps.done, steps.marked)
		s, err := OpenSQLite(t.Context(), file)
		if err != nil {
			t.Errorf("%+v: %v", steps, err)
			continue
		}
		changes := []cloud.Change{cloud.PutPlatform{Platform: cloud.Platform{AppID: "wx00000000000000c1"}}}
		if err := s.Apply(t.Context(), changes, []cloud.Record{{At: 1}}); err != nil {
			t.Errorf("%+v: %v", steps, err)
		}
		if err := everyTable(t, s); err != nil {
			t.Errorf("%+v: %v", steps, err)
		}
		s.Close()
	}
}

// everyTable reads each table.
func everyTable(t *testing.T, s *Store) error {
	t.Helper()
	_, err := s.KeyID(t.Context())
	for _, table := range Tables() {
		var n int
		err = errors.Join(err, s.read(t.Context()).row("SELECT count(*) FROM "+table.Name, nil, &n))
	}
	return err
}

// undo takes a whole schema back to where so many migrations were done and
// marked.
func undo(t *testing.T, file string, done, marked int) {
	t.Helper()
	made := regexp.MustCompile(`(?m)^CREATE (TABLE|INDEX) IF NOT EXISTS (\w+)`)
	added := regexp.MustCompile(`(?m)^ALTER TABLE (\w+) ADD COLUMN (\w+)`)
	statements := []string{fmt.Sprintf("DELETE FROM goose_db_version WHERE version_id > %d", marked)}
	for _, name := range slices.Backward(migrationNames()[done:]) {
		text, err := migrations.ReadFile("migrations/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if column := added.FindStringSubmatch(string(text)); column != nil {
			statements = append(statements, "ALTER TABLE "+column[1]+" DROP COLUMN "+column[2])
			continue
		}
		what := made.FindStringSubmatch(string(text))
		if what == nil {
			t.Fatalf("%s makes neither a table nor an index", name)
		}
		statements = append(statements, "DROP "+what[1]+" "+what[2])
	}
	execRaw(t, file, statements...)
}

func TestBindKey(t *testing.T) {
	file := newFile(t)
	s := open(t, file)
	for range 2 {
		if err := s.BindKey(t.Context(), "key-one"); err != nil {
			t.Fatal(err)
		}
	}
	s.Close()
	s = open(t, file)
	if err := s.BindKey(t.Context(), "key-one"); err != nil {
		t.Errorf("the same key after reopening: %v", err)
	}
	err := s.BindKey(t.Context(), "key-two")
	if err == nil || !strings.Contains(err.Error(), "key-one") || !strings.Contains(err.Error(), "--master-key-file") {
		t.Errorf("another key: %v; want it refused, with what to do", err)
	}
}

// The database holds MACs and sealed keys: only its owner may read it (CS-10).
func TestFilesAreTheOwnersAlone(t *testing.T) {
	file := newFile(t)
	s := open(t, file)
	if err := s.BindKey(t.Context(), "key"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{file, file + "-wal", file + "-shm"} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != 0o600 {
			t.Errorf("%s has mode %o, want 600", filepath.Base(name), info.Mode())
		}
	}
}

func TestPathWithSigns(t *testing.T) {
	for _, name := range []string{
		"a b", "a?mode=memory", "100%", "a%20b", "a#b", "a&_pragma=query_only(1)", "a;b", "小程序", `a"b'c`, "a\\b",
		"file:x",
	} {
		folder := filepath.Join(t.TempDir(), name)
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(folder, name+".db")
		s := open(t, file)
		if err := s.BindKey(t.Context(), "key"); err != nil {
			t.Errorf("%q: %v", name, err)
		}
		if got := fileOf(t, s); got != file {
			t.Errorf("the database is in %q, want %q", got, file)
		}
		if _, err := os.Stat(file + "-wal"); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestRelativePath(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := open(t, "opentcb.db").Ping(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat("opentcb.db"); err != nil {
		t.Error(err)
	}
}

func TestWhatIsNoDatabaseIsRefused(t *testing.T) {
	folder := t.TempDir()
	text := filepath.Join(folder, "text.db")
	if err := os.WriteFile(text, []byte(strings.Repeat("This is no database. ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string]string{
		"a text": text, "a folder": folder, "in no folder": filepath.Join(folder, "no", "such.db"),
	} {
		s, err := OpenSQLite(t.Context(), file)
		if err == nil {
			s.Close()
			t.Errorf("%s was opened as a database", name)
		} else if !strings.Contains(err.Error(), file) {
			t.Errorf("%s: the error does not name the file: %v", name, err)
		}
	}
	if got, _ := os.ReadFile(text); !strings.HasPrefix(string(got), "This is no database.") {
		t.Error("a file that is no database was changed")
	}
}

// Every change is synced before it is answered (UT-16): what can be seen of
// that here is how the connections are set.
func TestSettings(t *testing.T) {
	s := open(t, newFile(t))
	read := func(q interface {
		QueryRowContext(context.Context, string, ...any) *sql.Row
	}, pragma string) (v string) {
		if err := q.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&v); err != nil {
			t.Fatal(err)
		}
		return v
	}
	for pragma, want := range map[string]string{
		"journal_mode": "wal", "synchronous": "2", "busy_timeout": "5000", "query_only": "0",
	} {
		if got := read(s.engine.(*sqliteDB).conn, pragma); got != want {
			t.Errorf("writer: %s is %s, want %s", pragma, got, want)
		}
	}
	if got := read(readers(s), "query_only"); got != "1" {
		t.Errorf("readers: query_only is %s, want 1", got)
	}
}

// For a day, an authorization code that ran out is answered otherwise than one
// that never was. After that nothing is kept of it.
func TestOldCodesGo(t *testing.T) {
	s := open(t, newFile(t))
	must(t, s.Apply(t.Context(), []cloud.Change{
		cloud.PutPlatform{Platform: cloud.Platform{AppID: platform}},
		cloud.PutAccount{Account: cloud.Account{AppID: mini, Cloud: true}},
	}, nil))
	consent := func(mac string, at int64) {
		t.Helper()
		must(t, s.Consent(t.Context(), consentOf(mac, at+3_600_000, 49), cloud.Record{At: at}))
	}
	const begin, day = 1_790_000_000_000, 24 * 3_600_000
	consent("first", begin)
	consent("second", begin+3_600_000+day)
	if _, err := s.AuthCode(t.Context(), platform, "first"); err != nil {
		t.Errorf("a code that ran out a day ago: %v", err)
	}
	consent("third", begin+3_600_000+day+1)
	if _, err := s.AuthCode(t.Context(), platform, "first"); !errors.Is(err, cloud.ErrNotFound) {
		t.Errorf("a code that ran out over a day ago: %v, want ErrNotFound", err)
	}
	if _, err := s.AuthCode(t.Context(), platform, "second"); err != nil {
		t.Errorf("a fresher code: %v", err)
	}
}
