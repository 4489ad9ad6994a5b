package sqlstore

import (
	"errors"
	"strings"
	"syscall"
	"testing"

	"github.com/opentcb/opentcb/internal/cloud"
)

// A database that had no room for a change says so until there is room.
func TestFullDatabaseIsNotReady(t *testing.T) {
	s := open(t, newFile(t))
	room := func(pages string) {
		t.Helper()
		var n int
		err := s.engine.(*sqliteDB).conn.QueryRowContext(t.Context(), "PRAGMA max_page_count = "+pages).Scan(&n)
		if err != nil {
			t.Fatal(err)
		}
	}
	room("1") // as many as there are
	rec := cloud.Record{At: 1, Detail: strings.Repeat("long ", 2000)}
	for n := 0; ; n++ {
		err := s.AppendRecords(t.Context(), []cloud.Record{rec})
		if errors.Is(err, syscall.ENOSPC) && errors.Is(err, cloud.ErrUnavailable) {
			break
		}
		if err != nil || n > 10_000 {
			t.Fatalf("change %d without room: %v", n, err)
		}
		rec.At++
	}
	room("1000000")
	if err := s.Ping(t.Context()); err != nil {
		t.Errorf("with room again: %v", err)
	}
	if s.engine.(*sqliteDB).tx.full {
		t.Error("it is still taken for full")
	}
}
