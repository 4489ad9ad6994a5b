package opentcbtest_test

import (
	"testing"
	"time"

	"github.com/opentcb/opentcb/opentcbtest"
)

// TestReset: what a test has done is gone after a reset, and after the restoring of
// a snapshot that was saved before; clients that are asked for then are good.
func TestReset(t *testing.T) {
	srv := opentcbtest.New(t, opentcbtest.World{})
	functions := func(want int64) {
		t.Helper()
		c := srv.Client(opentcbtest.DefaultPlatform, opentcbtest.DefaultAppID)
		_, n, err := c.ListFunctions(t.Context(), opentcbtest.DefaultEnv, 0, 10)
		if err != nil || n != want {
			t.Errorf("%d functions, %v, want %d", n, err, want)
		}
	}
	create := func(name string) {
		t.Helper()
		c := srv.Client(opentcbtest.DefaultPlatform, opentcbtest.DefaultAppID)
		if err := c.CreateFunction(t.Context(), opentcbtest.DefaultEnv, name); err != nil {
			t.Fatal(err)
		}
	}
	create("one")
	saved := srv.Snapshot("one")
	create("two")
	functions(2)
	saved.Restore()
	functions(1)
	at := time.Date(2026, 1, 31, 15, 4, 5, 0, time.UTC)
	srv.Clock().Freeze(at)
	srv.Clock().Advance(3 * time.Hour)
	if now := srv.Now(); !now.Equal(at.Add(3 * time.Hour)) {
		t.Errorf("the clock shows %v", now)
	}
	functions(1)
	srv.Reset()
	functions(0)
	if now := srv.Clock().Now(); time.Since(now).Abs() > time.Minute {
		t.Errorf("after a reset the clock shows %v", now)
	}
	srv.Clock().Freeze(at)
	srv.Clock().Real()
	functions(0)
}
