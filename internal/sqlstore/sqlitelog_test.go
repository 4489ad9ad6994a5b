package sqlstore

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
)

// copied copies files of a database, by their suffixes, as cp does.
func copied(t *testing.T, file string, suffixes ...string) string {
	t.Helper()
	to := newFile(t)
	for _, suffix := range suffixes {
		b, err := os.ReadFile(file + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to+suffix, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return to
}

// add adds an account.
func add(t *testing.T, s *Store, appid string) {
	t.Helper()
	changes := []cloud.Change{cloud.PutAccount{Account: cloud.Account{AppID: appid, Cloud: true}}}
	if err := s.Apply(t.Context(), changes, []cloud.Record{{At: 1}}); err != nil {
		t.Fatal(err)
	}
}

// refused wants a database to be refused for want of its log.
func refused(t *testing.T, what, file string) {
	t.Helper()
	for range 2 { // the first attempt changes nothing
		s, err := OpenSQLite(t.Context(), file)
		if err == nil {
			s.Close()
		}
		if !errors.Is(err, errWithoutLog) || !strings.Contains(err.Error(), "use opentcb backup") {
			t.Errorf("%s: %v, want it refused as a copy without its log", what, err)
		}
	}
}

// whole wants a database to open and to have these accounts.
func whole(t *testing.T, what, file string, appids ...string) {
	t.Helper()
	s, err := OpenSQLite(t.Context(), file)
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	defer s.Close()
	for _, appid := range appids {
		if _, err := s.Account(t.Context(), appid); err != nil {
			t.Errorf("%s: account %s: %v", what, appid, err)
		}
	}
}

const first, second = "wx00000000000000a1", "wx00000000000000a2"

// A database file without its log is that of an earlier moment: whoever copies
// it alone is told, whatever the log had at that time.
func TestCopyWithoutItsLogIsRefused(t *testing.T) {
	file := newFile(t)
	s := open(t, file)
	refused(t, "of a database that was just made", copied(t, file, ""))
	add(t, s, first)
	refused(t, "after a change", copied(t, file, ""))
	whole(t, "with its log", copied(t, file, "", "-wal"), first)

	// SQLite copies a full log by itself. Another program can make it, too.
	execRaw(t, file, "PRAGMA wal_checkpoint(PASSIVE)")
	s.engine.(*sqliteDB).folds.tried = time.Time{}
	add(t, s, second)
	refused(t, "after a change that followed a full log", copied(t, file, ""))
	whole(t, "with its log, later", copied(t, file, "", "-wal"), first, second)

	vacuumed := newFile(t)
	execRaw(t, file, "VACUUM INTO '"+vacuumed+"'")
	whole(t, "made by SQLite", vacuumed, first, second)

	killed := copied(t, file, "", "-wal")
	execRaw(t, killed, "SELECT 1 FROM meta") // SQLite's own tools bring file and log together
	whole(t, "of a killed server, opened by another tool", killed, first, second)

	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(file + "-wal"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the log after the end: %v, want none", err)
	}
	whole(t, "at the end", copied(t, file, ""), first, second)
}

func TestRemovedLogIsNoticed(t *testing.T) {
	file := newFile(t)
	s := open(t, file)
	add(t, s, first)
	killed := copied(t, file, "", "-wal")
	for what, change := range map[string]func(wal string) error{
		"removed": os.Remove,
		"emptied": func(wal string) error { return os.Truncate(wal, 0) },
	} {
		again := copied(t, killed, "", "-wal")
		if err := change(again + "-wal"); err != nil {
			t.Fatal(err)
		}
		refused(t, "log "+what, again)
	}
	if err := os.Remove(killed); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenSQLite(t.Context(), killed); err == nil || !strings.Contains(err.Error(), "its log is there") {
		t.Errorf("the file was removed and the log not: %v", err)
	}
	if info, err := os.Stat(killed + "-wal"); err != nil || info.Size() == 0 {
		t.Errorf("the log is gone: %v", err)
	}
}

// What an earlier version left: a file of one page, and everything in the log.
func TestFileOfOnePageIsRefused(t *testing.T) {
	file := newFile(t)
	db := raw(t, file)
	if _, err := db.Exec("CREATE TABLE accounts (appid TEXT)"); err != nil {
		t.Fatal(err)
	}
	alone := copied(t, file, "")
	if info, err := os.Stat(alone); err != nil || info.Size() != 4096 {
		t.Fatalf("%v, %v: want one page", info.Size(), err)
	}
	refused(t, "of one page", alone)
}

// At rest the file has everything.
func TestLogIsCopiedAtRest(t *testing.T) {
	file := newFile(t)
	s := open(t, file)
	add(t, s, first)
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		var n int
		alone := copied(t, file, "")
		err := raw(t, alone).QueryRow("SELECT count(*) FROM accounts WHERE appid = $1", first).Scan(&n)
		if err == nil && n == 1 {
			refused(t, "at rest", alone)
			break
		}
		if time.Now().After(end) {
			t.Fatalf("%d accounts in the file, %v", n, err)
		}
	}
	wal, err := os.Stat(file + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	for range 3 { // a look at its health is no change
		if err := s.Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	s.engine.(*sqliteDB).rest()
	if again, err := os.Stat(file + "-wal"); err != nil || !again.ModTime().Equal(wal.ModTime()) {
		t.Errorf("the log was copied again without a change: %v", err)
	}
}

// A dump reads on for as long as it takes, and holds the log.
func TestLogIsNotCopiedUnderADump(t *testing.T) {
	file := newFile(t)
	s := open(t, file)
	add(t, s, first)
	rows := 0
	err := s.Dump(t.Context(), func(string, []string, []any) error {
		if rows++; rows == 1 {
			add(t, s, second)
			s.engine.(*sqliteDB).rest()
			refused(t, "under a dump", copied(t, file, ""))
		}
		return nil
	})
	if err != nil || rows == 0 {
		t.Errorf("%d rows, %v", rows, err)
	}
	whole(t, "after it", copied(t, file, "", "-wal"), first, second)
}

// A process that is killed while it makes a database leaves none.
func TestNewDatabaseIsWholeOrNotThere(t *testing.T) {
	file := newFile(t)
	for _, suffix := range []string{"", "-wal", "-journal"} {
		if err := os.WriteFile(file+".new"+suffix, []byte("left behind"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := CreateSQLite(t.Context(), file, "key"); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(filepath.Dir(file))
	if err != nil || len(entries) != 1 || entries[0].Name() != filepath.Base(file) {
		t.Errorf("%v, %v: want the database alone", entries, err)
	}
	if id, err := open(t, file).KeyID(t.Context()); id != "key" || err != nil {
		t.Errorf("KeyID = %q, %v", id, err)
	}
}
