package sqlstore

import (
	"errors"
	"testing"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/testserver"
)

func TestUsage(t *testing.T) { usage(t, open(t, newFile(t))) }

func TestUsageOnPostgres(t *testing.T) {
	usage(t, openPostgres(t, testserver.PostgresURL(t)))
}

// usage measures a store: code counts once, however many functions have it; the
// time of a backup is kept; and what cannot be done is counted.
//
// Proves: LV-2
func usage(t *testing.T, s *Store) {
	ctx := t.Context()
	measure := func() Sizes {
		t.Helper()
		z, err := s.Sizes(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return z
	}
	if z := measure(); z.Database == 0 || z.Code != 0 {
		t.Errorf("an empty store: %+v", z)
	}
	changes := []cloud.Change{
		cloud.PutAccount{Account: cloud.Account{AppID: "wx00000000000000a1", Cloud: true}},
		cloud.AddEnvironment{Account: "wx00000000000000a1", ID: "env-1"},
	}
	for name, code := range map[string]struct {
		sum  string
		size int64
	}{"one": {"1111", 100}, "two": {"1111", 100}, "three": {"2222", 50}, "none": {"", 0}} {
		if code.sum != "" {
			if err := s.HoldCode(ctx, code.sum, 1); err != nil {
				t.Fatal(err)
			}
		}
		f := cloud.Function{Account: "wx00000000000000a1", Env: "env-1", Name: name, Sum: code.sum, Size: code.size}
		changes = append(changes, cloud.PutFunction{Function: f})
	}
	if err := s.Apply(ctx, changes, nil); err != nil {
		t.Fatal(err)
	}
	if z := measure(); z.Code != 150 {
		t.Errorf("two pieces of 100 and 50 bytes are %d", z.Code)
	}
	if c, err := s.Count(ctx); err != nil || c.Functions == 0 || c.MiniPrograms == 0 || c.Environments == 0 {
		t.Errorf("counted %+v, %v", c, err)
	}
	var delivered cloud.Push
	err := s.writer.write(ctx, func(t *tx) (err error) {
		for _, url := range []string{"http://a", "http://b", "http://c"} {
			if delivered, err = t.recordPush(cloud.Push{Platform: "wx00000000000000c1", URL: url, Kind: "unauthorized"}, 1); err != nil {
				return err
			}
		}
		_, err = t.exec("UPDATE pushes SET state = $1 WHERE id = $2", cloud.PushDelivered, delivered.ID)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if c, err := s.Count(ctx); err != nil || c.Pushes != 2 {
		t.Errorf("of three pushes, one of which is delivered, %d wait, %v", c.Pushes, err)
	}
	for _, at := range []int64{0, 1_790_000_000_000, 1_790_000_000_001} {
		if at != 0 {
			if err := s.NoteBackup(ctx, at); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := s.LastBackup(ctx); err != nil || got != at {
			t.Errorf("the last backup was at %d, %v; want %d", got, err, at)
		}
	}
	for name, pool := range s.Pools() {
		if pool.MaxOpenConnections == 0 {
			t.Errorf("the connections for %s have no bound", name)
		}
	}
	if n := s.Faults(); n != 0 {
		t.Errorf("%d faults", n)
	}
}

// TestFaultsAreCounted closes the readers beneath a store, and lets a change fail.
//
// Proves: LV-2
func TestFaultsAreCounted(t *testing.T) {
	s := open(t, newFile(t))
	if _, err := s.Platform(t.Context(), "wx00000000000000c1"); !errors.Is(err, cloud.ErrNotFound) || s.Faults() != 0 {
		t.Errorf("a row that is not there is %d faults: %v", s.Faults(), err)
	}
	errWrite := s.writer.write(t.Context(), func(*tx) error { return cloud.ErrUnavailable })
	if err := s.engine.(*sqliteDB).readers.Close(); err != nil {
		t.Fatal(err)
	}
	_, errRead := s.Platform(t.Context(), "wx00000000000000c1")
	if n := s.Faults(); n != 2 || errRead == nil || errWrite == nil {
		t.Errorf("%d faults of a read (%v) and a change (%v)", n, errRead, errWrite)
	}
}
