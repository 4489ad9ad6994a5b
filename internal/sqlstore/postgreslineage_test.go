package sqlstore

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/testserver"
)

// TestOldPrimary promotes the standby while the primary lives on and takes
// changes. The store leaves the primary by itself, lets go of what waits there,
// and does not return when the new one is lost, nor after a restart.
//
// Proves: EN-13
func TestOldPrimary(t *testing.T) {
	primary := testserver.StartPostgres(t)
	address := primary.Database()
	standby := primary.Standby()
	both := strings.Replace(address, primary.Address(), primary.Address()+","+standby.Address(), 1)
	kept := ""
	open := func(address string) (*Store, error) {
		keep := func(text string) { kept = text }
		return OpenPostgres(t.Context(), address, PostgresOptions{Lineage: kept, KeepLineage: keep})
	}
	s, err := open(both)
	if err != nil {
		t.Fatal(err)
	}
	if err := account(t, s, "wx00000000000000a1"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Account(t.Context(), "wx00000000000000a1"); err != nil { // a connection that reads
		t.Fatal(err)
	}
	c := s.engine.(*postgresDB).commits
	waiting := func() int { c.mu.Lock(); defer c.mu.Unlock(); return len(c.conns) }
	primary.Desert()
	unavailable(t, "a change on the old primary", account(t, s, "wx00000000000000a2"))
	if waiting() != 1 {
		t.Errorf("%d COMMITs wait on the old primary, want 1", waiting())
	}
	standby.Promote()
	for deadline := time.Now().Add(30 * time.Second); waiting() > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("a COMMIT still waits on the old primary")
		}
	}
	primary.Synchronous("")

	for try := 0; ; try++ {
		if err = account(t, s, "wx00000000000000a3"); err == nil {
			break
		}
		if try == 100 {
			t.Fatalf("the store does not find the new primary: %v", err)
		}
		time.Sleep(50 * time.Millisecond)
	}
	only := openPostgres(t, standby.URL("test_1"))
	if _, err := only.Account(t.Context(), "wx00000000000000a3"); err != nil {
		t.Errorf("the change is not on the new primary: %v", err)
	}
	standby.Kill()
	unavailableSoon(t, "a change, with the old primary alone", func() error { return account(t, s, "wx00000000000000a4") })
	unavailableSoon(t, "a read, with the old primary alone", func() error {
		_, err := s.Account(t.Context(), "wx00000000000000a1")
		return err
	})
	if r, ok := errors.AsType[cloud.Reasoned](s.Ping(t.Context())); !ok || !strings.Contains(r.Reason(), "old primary") {
		t.Errorf("the operator is told %v", r)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if again, err := open(both); err == nil || !strings.Contains(err.Error(), "old primary") {
		t.Errorf("opened again, on the old primary: %v, %v", again, err)
	}
	kept = ""
	again, err := open(both)
	if err != nil {
		t.Fatalf("the old primary is refused for no reason: %v", err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

// TestAnotherDatabase puts another cluster at the address of the first: a store
// that runs does not use it, one that is opened anew does.
func TestAnotherDatabase(t *testing.T) {
	l := newLineage("1234 7\n", nil, func(uint32) {})
	if _, err := l.see("1234", "00000006"); err == nil {
		t.Error("an older primary than that of the earlier process")
	}
	if _, err := l.see("99", "00000001"); err != nil {
		t.Errorf("another database after a restart: %v", err)
	}
	if _, err := l.see("1234", "00000007"); err == nil {
		t.Error("another database in one process")
	}
	if n, err := l.see("99", "0000001F"); err != nil || n != 31 {
		t.Errorf("timeline %d, %v; want 31", n, err)
	}
}
