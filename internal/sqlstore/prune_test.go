package sqlstore

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/opentcb/opentcb/internal/cloud"
)

// A prune that ends early has deleted whole steps of what is out of bounds, and
// the next one goes on from there.
func TestPruneGoesOn(t *testing.T) {
	file := newFile(t)
	s := open(t, file)
	withEnvironment(t, s)
	var counts []cloud.Observed
	for h := range int64(3 * pruneStep) {
		counts = append(counts,
			cloud.Observed{Account: histAccount, Env: histEnv, Hour: h, Path: "/wxa/one", Count: 1})
	}
	if err := s.AddObserved(t.Context(), counts); err != nil {
		t.Fatal(err)
	}
	left := func() int { return observedAndRefused(t, s)[0] }
	// The second step fails: what the first deleted is gone, nothing else.
	execRaw(t, file, `CREATE TRIGGER stop BEFORE DELETE ON observed_calls WHEN old.hour = 250
		BEGIN SELECT RAISE(ABORT, 'stopped'); END`)
	keys := []cloud.EnvironmentKey{{Account: histAccount, Env: histEnv}}
	if err := s.Prune(t.Context(), 2*pruneStep+50, keys); err == nil || !strings.Contains(err.Error(), "stopped") {
		t.Errorf("Prune of what cannot be deleted: %v", err)
	}
	if n := left(); n != 2*pruneStep {
		t.Errorf("%d counts are left, want %d", n, 2*pruneStep)
	}
	execRaw(t, file, "DROP TRIGGER stop")
	if err := s.Prune(t.Context(), 2*pruneStep+50, keys); err != nil {
		t.Error(err)
	}
	if n := left(); n != pruneStep-50 {
		t.Errorf("%d counts are left, want %d", n, pruneStep-50)
	}
}

// Of environments that have more than their share of the refusals that are kept, the
// oldest go; one that has less loses nothing, however old it is and whatever strangers
// do.
func TestPruneKeepsEachItsShare(t *testing.T) {
	everyStore(t, func(t *testing.T, s *Store, _ func() *Store) {
		const begin, apart = 1_790_000_000_000, 600_000
		put := func(env string, at, count int64) {
			t.Helper()
			must(t, s.writer.write(t.Context(), func(x *tx) error {
				rec := cloud.Record{At: begin + at*apart, Action: "cloudcall", Target: env}
				return x.one("INSERT INTO refused_calls (first_at, batch, env, records, count) VALUES ($1, $2, $3, $4, $5)",
					rec.At, batchID(), env, encodeBatch([]cloud.Record{rec}), count)
			}))
		}
		left := func() map[string]int {
			t.Helper()
			got := map[string]int{}
			must(t, s.Prune(t.Context(), 1, nil))
			must(t, s.Refusals(t.Context(), 0, begin+1000*apart, func(r cloud.Record) error {
				got[r.Target]++
				return nil
			}))
			return got
		}
		wants := func(what string, want map[string]int) {
			t.Helper()
			if got := left(); !maps.Equal(got, want) {
				t.Errorf("%s: %v batches are left, want %v", what, got, want)
			}
		}
		put("env-quiet", 0, 1)
		put("env-busy", 0, cloud.RefusalsKept/10)
		for i := range int64(9) {
			put("", 1+i, cloud.RefusalsKept/10)
		}
		put("", 10, 1)
		wants("one of strangers' too many, as is one batch kept", map[string]int{"env-quiet": 1, "env-busy": 1, "": 10})
		for i := range int64(20) {
			put("", 11+i, cloud.RefusalsKept/10)
		}
		wants("many too many", map[string]int{"env-quiet": 1, "env-busy": 1, "": 9 + 1})
		for i := range int64(20) {
			put("env-busy", 40+i, cloud.RefusalsKept/10)
		}
		wants("two that have too many", map[string]int{"env-quiet": 1, "env-busy": 5 + 1, "": 5 + 1})
	})
}

// The latest batches that hold RefusalsKept records stay however old they are,
// and what may lie among them; what is older goes. The batches say that they
// hold more than they do: to write a million records would take long.
func TestPruneKeepsTheLatestRefusals(t *testing.T) {
	s := open(t, newFile(t))
	const begin, apart = 1_790_000_000_000, 600_000
	put := func(at, count int64) {
		t.Helper()
		err := s.writer.write(t.Context(), func(x *tx) error {
			_, err := x.exec("INSERT INTO refused_calls (first_at, batch, records, count) VALUES ($1, $2, $3, $4)",
				at, batchID(), encodeBatch([]cloud.Record{{At: at, Action: "cloudcall"}}), count)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	prune := func(want ...int64) {
		t.Helper()
		if err := s.Prune(t.Context(), 1, nil); err != nil {
			t.Error(err)
		}
		var got []int64
		err := s.Refusals(t.Context(), 0, begin+1000*apart, func(r cloud.Record) error {
			got = append(got, (r.At-begin)/apart)
			return nil
		})
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("batches %v are left, %v; want %v", got, err, want)
		}
	}
	for i := range int64(10) {
		put(begin+i*apart, cloud.RefusalsKept/10)
	}
	prune(0, 1, 2, 3, 4, 5, 6, 7, 8, 9) // as many as are kept
	put(begin+10*apart, cloud.RefusalsKept/10-1)
	prune(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10) // the last that is kept is of batch 0
	put(begin+11*apart, 2)
	put(begin+11*apart+1, cloud.RefusalsKept/10)
	prune(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 11) // batch 1 is one more than need be
}
