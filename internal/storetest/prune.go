package storetest

import (
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
)

func (e *exam) prune(before int64, envs ...cloud.EnvironmentKey) {
	e.Helper()
	e.ok("Prune", e.store.Prune(e.Context(), before, envs))
}

// key1 names env1.
var key1 = cloud.EnvironmentKey{Account: mini1, Env: env1}

// setMany makes n sets on env1 and as many on env2, of which every seventh on
// env2 flips the switch.
func (e *exam) setMany(n int) {
	e.Helper()
	open := true
	for i := range n {
		if i%7 == 6 {
			open = !open
		}
		for _, env := range []string{env2, env1} {
			now := e.environment(mini1, env)
			res, err := e.set(set(env, open, now.Version, "/set/"+strconv.Itoa(i)))
			if err != nil || !res.Accepted {
				e.Fatalf("set %d on %s: %+v, %v", i, env, res, err)
			}
		}
	}
}

// pruneHistory: the latest changes of a named environment stay, and all that
// is of others; an environment with no more than are kept loses nothing.
func pruneHistory(e *exam) {
	e.setMany(cloud.HistoryKept - 1) // with its making as many as are kept
	full := e.history(mini1, env1)
	e.prune(someTime, key1)
	e.same("history of no more than are kept", e.history(mini1, env1), full)

	e.setMany(45)
	full, other := e.history(mini1, env1), e.history(mini1, env2)
	e.prune(math.MaxInt64)
	e.prune(math.MaxInt64,
		cloud.EnvironmentKey{Account: mini2, Env: env1}, cloud.EnvironmentKey{Account: mini1, Env: env3})
	e.same("history after others were pruned", e.history(mini1, env1), full)

	e.prune(someTime, key1)
	own := func(ch cloud.PermissionChange) bool { return ch.Env == env1 }
	flips := func(ch cloud.PermissionChange) bool { return ch.Env != env1 }
	latest := slices.DeleteFunc(slices.Clone(full), flips)
	latest = latest[len(latest)-cloud.HistoryKept:]
	got := e.history(mini1, env1)
	kept := slices.DeleteFunc(slices.Clone(got), flips)
	if n := len(kept); n < cloud.HistoryKept || n > cloud.HistoryKept+20 {
		e.Errorf("%d of the environment's own changes are kept, want %d or a little more", n, cloud.HistoryKept)
	}
	e.same("the latest", kept[max(0, len(kept)-cloud.HistoryKept):], latest)
	e.same("flips of others", slices.DeleteFunc(got, own), slices.DeleteFunc(full, own))
	e.same("history of an environment that was not named", e.history(mini1, env2), other)

	e.store = e.Reopen(e.T, e.store)
	e.accepted(set(env1, true, e.environment(mini1, env1).Version, "/after"))
	if got := e.history(mini1, env1); got[len(got)-1].Whitelist[0] != "/after" {
		e.Errorf("the latest change after pruning: %+v", got[len(got)-1])
	}
}

// pruneObserved: the hours before the time go, of the named environments.
func pruneObserved(e *exam) {
	var counts []cloud.Observed
	for h := range int64(6) {
		for p := range 120 { // more rows than one step deletes
			counts = append(counts, observedAt(h, "/path/"+strconv.Itoa(1000+p), 1+h))
		}
	}
	others := slices.Clone(counts[:100])
	for i := range others {
		others[i].Env = env2
	}
	e.addObserved(counts...)
	e.addObserved(others...)
	e.prune(someTime, key1)
	e.same("counts after none were too old", e.observed(mini1, env1, 0), counts)
	e.prune(someTime+4*hour, key1)
	e.same("counts", e.observed(mini1, env1, 0), counts[4*120:])
	e.same("counts of an environment that was not named", e.observed(mini1, env2, 0), others)
	e.prune(math.MaxInt64,
		cloud.EnvironmentKey{Account: mini2, Env: env1}, cloud.EnvironmentKey{Account: mini1, Env: "no-such-env"})
	e.same("counts after others were pruned", e.observed(mini1, env1, 0), counts[4*120:])
	e.same("the audit record", len(e.records(all)), 0)
}

// pruneOldRefusals: what is before the time goes, but for a few minutes.
func pruneOldRefusals(e *exam) {
	audit := e.rec("audit")
	audit.At = someTime - 24*hour
	e.append(audit)
	var want []cloud.Record
	for i := range int64(700) { // more batches than one step deletes
		want = append(want, e.refusal(i*90*1000))
	}
	e.appendRefusals(want...)
	e.prune(someTime)
	e.same("refusals after none were too old", e.refusals(0, math.MaxInt64), want)
	for _, at := range []int{1, 450, 450, 700} {
		before := someTime + int64(at)*90*1000
		e.prune(before)
		got := e.refusals(0, math.MaxInt64)
		if bound := before - 5*time.Minute.Milliseconds(); len(got) > 0 && got[0].At < bound {
			e.Errorf("a refusal of %d is left, pruned before %d", got[0].At, before)
		}
		if got := e.refusals(before, math.MaxInt64); !slices.Equal(got, want[at:]) {
			e.Errorf("%d refusals in bounds, want %d", len(got), len(want)-at)
		}
	}
	e.same("the audit record", e.records(all), []cloud.Record{audit})
}

// pruneBeside: pruning while others set and count loses nothing in bounds.
func pruneBeside(e *exam) {
	e.setMany(30)
	e.together(func(i int) (bool, error) {
		switch i % 4 {
		case 0:
			return true, e.store.Prune(e.Context(), someTime+hour, []cloud.EnvironmentKey{key1})
		case 1:
			counts := []cloud.Observed{observedAt(0, "/old", 1), observedAt(1, "/new", 1)}
			return true, e.store.AddObserved(e.Context(), counts)
		case 2:
			return true, e.store.AppendRefusals(e.Context(), []cloud.Record{e.refusal(0), e.refusal(hour)})
		}
		return retry(e.Context(), func() (bool, error) {
			now, err := e.store.Environment(e.Context(), mini1, env1)
			if err != nil {
				return false, err
			}
			res, err := e.set(set(env1, now.Open, now.Version, "/beside"))
			return res.Accepted, err
		})
	})
	own := slices.DeleteFunc(e.history(mini1, env1), func(ch cloud.PermissionChange) bool { return ch.Env != env1 })
	e.same("changes in the history", len(own), 1+30+crowd/4)
	e.same("counts in bounds", e.observed(mini1, env1, someTime+hour),
		[]cloud.Observed{observedAt(1, "/new", crowd/4)})
	e.same("refusals in bounds", len(e.refusals(someTime+hour, math.MaxInt64)), crowd/4)
}
