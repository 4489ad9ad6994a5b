package storetest

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/opentcb/opentcb/internal/cloud"
)

// hour is one in milliseconds.
const hour = 3_600_000

// observedAt is the count of a path of env1 in an hour after someTime.
func observedAt(hours int64, path string, count int64) cloud.Observed {
	return cloud.Observed{
		Account: mini1, Env: env1, Hour: someTime + hours*hour, Path: path, Code: 85107, Count: count,
	}
}

func (e *exam) addObserved(counts ...cloud.Observed) {
	e.Helper()
	e.ok("AddObserved", e.store.AddObserved(e.Context(), counts))
}

// observed are the counts of an environment, in an order of its own.
func (e *exam) observed(account, env string, since int64) []cloud.Observed {
	e.Helper()
	counts, err := e.store.Observed(e.Context(), account, env, since)
	e.ok("Observed", err)
	slices.SortFunc(counts, func(a, b cloud.Observed) int {
		return cmp.Or(cmp.Compare(a.Hour, b.Hour), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Code, b.Code))
	})
	return counts
}

// observedSums: counts come back as given, and add up where hour, path and
// outcome are the same, in one call or several.
func observedSums(e *exam) {
	first := observedAt(0, "/wxa/one", 3)
	later, other, allowed, apart := first, first, first, first
	later.Hour += hour
	other.Path = "/wxa/'; DROP TABLE observed_calls; --/小程序"
	allowed.Code = 0
	apart.Path, apart.Code, apart.Count = "", -501019, 1<<40
	e.addObserved(first, later, other, allowed, apart)
	e.addObserved()
	want := []cloud.Observed{apart, other, allowed, first, later}
	e.same("counts", e.observed(mini1, env1, 0), want)

	e.addObserved(first, later, first)
	want[3].Count, want[4].Count = 9, 6
	e.same("counts that were added to", e.observed(mini1, env1, 0), want)

	for _, key := range []cloud.EnvironmentKey{{Account: mini1, Env: env2}, {Account: mini2, Env: envOther}} {
		e.same("counts of another", e.observed(key.Account, key.Env, 0), []cloud.Observed(nil))
		c := first
		c.Account, c.Env, c.Count = key.Account, key.Env, 11
		e.addObserved(c)
		e.same("its own counts", e.observed(key.Account, key.Env, 0), []cloud.Observed{c})
	}
	gone := first
	gone.Env = "env-gone"
	e.addObserved(gone, first)
	want[3].Count += first.Count
	e.same("counts of an environment that is gone", e.observed(mini1, "env-gone", 0), []cloud.Observed(nil))
	e.same("counts after those of others", e.observed(mini1, env1, 0), want)
	e.store = e.Reopen(e.T, e.store)
	e.same("counts after reopening", e.observed(mini1, env1, 0), want)
}

// observedSince: the hour that begins at the time given is the first.
func observedSince(e *exam) {
	var counts []cloud.Observed
	for h := range int64(5) {
		counts = append(counts, observedAt(h, "/wxa/one", 1+h))
	}
	e.addObserved(counts...)
	for name, c := range map[string]struct {
		since int64
		want  []cloud.Observed
	}{
		"before all":  {someTime - 1, counts},
		"of an hour":  {someTime + 2*hour, counts[2:]},
		"within one":  {someTime + 2*hour + 1, counts[3:]},
		"after all":   {someTime + 5*hour, nil},
		"of the last": {someTime + 4*hour, counts[4:]},
	} {
		e.same("counts since a time "+name, e.observed(mini1, env1, c.since), c.want)
	}
}

// observedContention: a crowd adds to the same counts and to its own, as many
// at once as are ever written, and nothing is lost.
func observedContention(e *exam) {
	const paths = 500
	e.together(func(i int) (bool, error) {
		own := observedAt(1, "/own/"+strconv.Itoa(i), 1+int64(i))
		counts := []cloud.Observed{own}
		for p := range paths - 1 {
			if p%crowd == i || p < 20 {
				counts = append(counts, observedAt(0, "/path/"+strconv.Itoa(p), 2))
			}
		}
		return true, e.store.AddObserved(e.Context(), counts)
	})
	got := e.observed(mini1, env1, 0)
	if len(got) != paths-1+crowd {
		e.Errorf("%d counts, want %d", len(got), paths-1+crowd)
	}
	for _, c := range got {
		want := int64(2)
		if n, err := strconv.ParseInt(c.Path[len("/own/"):], 10, 64); err == nil {
			want = 1 + n
		} else if n, _ := strconv.Atoi(c.Path[len("/path/"):]); n < 20 {
			want = 2 * crowd
		}
		e.same("count of "+c.Path, c.Count, want)
	}
}
