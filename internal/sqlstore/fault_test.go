package sqlstore

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/opentcb/opentcb/internal/cloud"
)

func pragma(t *testing.T, s *Store, text string) {
	t.Helper()
	if _, err := s.engine.(*sqliteDB).conn.ExecContext(t.Context(), "PRAGMA "+text); err != nil {
		t.Fatal(err)
	}
}

// unavailable wants an error after which trying again may help (EN-13).
func unavailable(t *testing.T, what string, err error) {
	t.Helper()
	if !errors.Is(err, cloud.ErrUnavailable) {
		t.Errorf("%s: %v, want ErrUnavailable", what, err)
	}
}

// A full disk refuses what has no room, keeps what was answered, and goes on
// when there is room again.
func TestDiskFull(t *testing.T) {
	s := open(t, newFile(t))
	if err := s.writer.write(t.Context(), put("before")); err != nil {
		t.Fatal(err)
	}
	pragma(t, s, "max_page_count = 1") // no more than there are
	big := func(x *tx) error {
		_, err := x.exec("INSERT INTO meta (name, value) VALUES ('big', $1)", strings.Repeat("x", 1<<20))
		return err
	}
	unavailable(t, "a change without room", s.writer.write(t.Context(), big))
	for i, err := range batch(t, s, put("one"), big, put("two")) {
		if i == 1 {
			unavailable(t, "a change without room beside others", err)
		}
	}
	rec := cloud.Record{At: 2, Action: strings.Repeat("x", 1<<20)}
	unavailable(t, "a record without room", s.AppendRecords(t.Context(), []cloud.Record{rec}))

	pragma(t, s, "max_page_count = 100000")
	if err := s.writer.write(t.Context(), put("after")); err != nil {
		t.Errorf("with room again: %v", err)
	}
	names, recorded := facts(t, s)
	for _, want := range []string{"before", "after"} {
		if !strings.Contains(strings.Join(names, " "), want) {
			t.Errorf("there are %v, without %q", names, want)
		}
	}
	if strings.Join(names, " ") != strings.Join(recorded, " ") {
		t.Errorf("there are %v, recorded %v", names, recorded)
	}
	var sound string
	if err := readers(s).QueryRow("PRAGMA integrity_check").Scan(&sound); err != nil || sound != "ok" {
		t.Errorf("the database is not sound: %s, %v", sound, err)
	}
}

// Another program that holds the database is waited for, and then is the reason
// of a refusal.
func TestLocked(t *testing.T) {
	file := newFile(t)
	s := open(t, file)
	pragma(t, s, "busy_timeout = 20")
	other := raw(t, file)
	hold, err := other.Begin()
	if err != nil {
		t.Fatal(err)
	}
	unavailable(t, "a change while another program writes", s.writer.write(t.Context(), put("locked")))
	unavailable(t, "Ping while another program writes", s.Ping(t.Context()))
	if _, err := s.Platform(t.Context(), "wx00000000000000c1"); !errors.Is(err, cloud.ErrNotFound) {
		t.Errorf("a read while another program writes: %v, want ErrNotFound", err)
	}
	if err := hold.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := s.writer.write(t.Context(), put("free")); err != nil {
		t.Errorf("a change after the other program: %v", err)
	}
	if names, _ := facts(t, s); len(names) != 1 || names[0] != "free" {
		t.Errorf("there are %v, want what was answered", names)
	}
}

func TestReadOnly(t *testing.T) {
	s := open(t, newFile(t))
	pragma(t, s, "query_only = 1")
	unavailable(t, "a change where nothing can be written", s.writer.write(t.Context(), put("one")))
	pragma(t, s, "query_only = 0")
	if err := s.writer.write(t.Context(), put("two")); err != nil {
		t.Error(err)
	}
}

// A bug is not taken for what may pass: the caller would try again for ever.
func TestBugsAreNotUnavailable(t *testing.T) {
	s := open(t, newFile(t))
	for name, do := range map[string]func(*tx) error{
		"broken constraint": failing["broken constraint"].do,
		"invalid statement": failing["invalid statement"].do,
		"panic":             failing["panic"].do,
	} {
		if err := s.writer.write(t.Context(), do); err == nil || errors.Is(err, cloud.ErrUnavailable) {
			t.Errorf("%s: %v, want an error that does not pass", name, err)
		}
	}
}

// TestRemovedFile removes the database under an open store: what SQLite would
// go on writing to nowhere is refused instead.
func TestRemovedFile(t *testing.T) {
	file := newFile(t)
	s := open(t, file)
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	unavailable(t, "Ping", s.Ping(t.Context()))
	account := cloud.PutAccount{Account: cloud.Account{AppID: "wx00000000000000a1"}}
	unavailable(t, "Apply", s.Apply(t.Context(), []cloud.Change{account}, nil))
}

// TestClosedStore: what reads and changes after Close return says that trying
// again may help, as they would with the next server.
func TestClosedStore(t *testing.T) {
	s := open(t, newFile(t))
	if _, err := s.Account(t.Context(), "wx00000000000000a1"); !errors.Is(err, cloud.ErrNotFound) {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := s.Account(t.Context(), "wx00000000000000a1")
	unavailable(t, "a read", err)
}
