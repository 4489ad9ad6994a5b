package storetest

import (
	"slices"
	"strconv"

	"github.com/opentcb/opentcb/internal/cloud"
)

// set is a set on an environment of mini1.
func set(env string, open bool, version int64, list ...string) cloud.PermissionSet {
	return cloud.PermissionSet{Account: mini1, Env: env, Open: open, Version: version, Whitelist: list}
}

// set makes a set, with a record.
func (e *exam) set(s cloud.PermissionSet) (cloud.PermissionResult, error) {
	return e.store.SetPermission(e.Context(), s, e.rec("set"))
}

// accepted makes a set that must be accepted, and returns which other
// environments it touched.
func (e *exam) accepted(s cloud.PermissionSet) []string {
	e.Helper()
	rec := e.rec("set " + s.Env)
	res, err := e.store.SetPermission(e.Context(), s, rec)
	e.ok("SetPermission", err)
	if !res.Accepted {
		e.Fatalf("set %+v was refused by %+v", s, res.Current)
	}
	e.wrote(rec)
	slices.Sort(res.Touched)
	return res.Touched
}

// refused makes a set that must be refused, and change nothing at all.
func (e *exam) refused(s cloud.PermissionSet) {
	e.Helper()
	before := e.state()
	rec := e.rec("set " + s.Env)
	res, err := e.store.SetPermission(e.Context(), s, rec)
	e.ok("SetPermission", err)
	if res.Accepted || len(res.Touched) > 0 {
		e.Errorf("set %+v: %+v; want it refused", s, res)
	}
	e.same("the environment that refused", res.Current, e.environment(s.Account, s.Env))
	e.unchanged("a refused set", before)
	e.wroteNot(rec)
}

func oneSwitch(e *exam) {
	e.accepted(set(env1, false, 2, "/wxa/new", "/wxa/newer/*"))
	e.same("the environment that was set", e.environment(mini1, env1), cloud.Environment{
		Account: mini1, ID: env1, Cloud: true, Open: false,
		Whitelist: []string{"/wxa/new", "/wxa/newer/*"}, Version: 4, SetVersion: 2, SetOpen: false,
	})
	for _, id := range []string{env2, env3} {
		if env := e.environment(mini1, id); env.Open || len(env.Whitelist) != 1 || env.SetVersion != -1 {
			e.Errorf("another environment of the account: %+v; want closed, its own whitelist", env)
		}
	}
	for account, id := range map[string]string{mini2: envOther, platform1: envBatch} {
		if env := e.environment(account, id); !env.Open || env.Version != 2 {
			e.Errorf("an environment of another account: %+v; want it as before", env)
		}
	}
	e.accepted(set(env1, false, 4))
	if env := e.environment(mini1, env1); len(env.Whitelist) != 0 {
		e.Errorf("whitelist %v, want none", env.Whitelist)
	}
}

func version(e *exam) {
	e.accepted(set(env1, true, 2, "/a"))
	for _, old := range []int64{0, 1, 2, 3} {
		e.refused(set(env1, true, old, "/b"))
	}
	e.accepted(set(env1, true, 4, "/c"))
	e.accepted(set(env1, true, 1000, "/d"))
	e.refused(set(env1, true, 1003+cloud.MaxLeap, "/e"))
	e.accepted(set(env1, true, 1002+cloud.MaxLeap, "/e"))
	last := set(env1, true, 1004+cloud.MaxLeap, "/f")
	last.Next = cloud.MaxVersion + 2
	e.accepted(last)
	if env := e.environment(mini1, env1); env.Version != cloud.MaxVersion+2 || env.SetVersion != cloud.MaxVersion {
		e.Errorf("%+v, want version %d", env, int64(cloud.MaxVersion+2))
	}
	last.Version, last.Next = cloud.MaxVersion+2, 1<<52
	e.accepted(last)
	e.accepted(set(env1, true, 1<<52, "/g"))
	_, err := e.set(set("no-such-env", true, 2))
	e.fails("no such environment", err, cloud.ErrNotFound)
	_, err = e.set(set(envOther, true, 2))
	e.fails("an environment of another account", err, cloud.ErrNotFound)
}

// lastSet: what is needed to know a set that is repeated (UT-7).
func lastSet(e *exam) {
	e.accepted(set(env1, false, 7, "/a", "/b"))
	e.refused(set(env1, false, 7, "/a", "/b"))
	env := e.environment(mini1, env1)
	if env.SetVersion != 7 || env.SetOpen || !slices.Equal(env.Whitelist, []string{"/a", "/b"}) {
		e.Errorf("after a set: %+v; want what it carried", env)
	}
	e.accepted(set(env2, true, 4, "/c"))
	if env := e.environment(mini1, env1); env.SetVersion != 7 || env.SetOpen || !env.Open {
		e.Errorf("after another environment's set: %+v; want what its own last set carried", env)
	}
}

func flip(e *exam) {
	versions := func(want ...int64) {
		e.Helper()
		var got []int64
		for _, id := range []string{env1, env2, env3} {
			got = append(got, e.environment(mini1, id).Version)
		}
		e.same("versions", got, want)
	}
	others := []string{env2, env3}
	slices.Sort(others)
	e.same("touched by a set that leaves the switch", e.accepted(set(env1, true, 2)), []string(nil))
	versions(4, 2, 2)
	e.same("touched by a flip", e.accepted(set(env1, false, 4)), others)
	versions(6, 4, 4)
	e.refused(set(env2, true, 2)) // who read the old switch cannot flip it back
	e.same("touched by closing what is closed", e.accepted(set(env1, false, 6)), []string(nil))
	versions(8, 4, 4)
	e.accepted(set(env3, true, 4))
	versions(10, 6, 6)
}

// permissionContention: of a crowd with one version and different contents
// exactly one is accepted, and what it set is what is there.
func permissionContention(e *exam) {
	for round := range int64(8) {
		version := 2 + 2*round
		won := make([]bool, crowd)
		n := e.together(func(i int) (bool, error) {
			res, err := e.set(set(env1, true, version, "/set/"+strconv.Itoa(i)))
			won[i] = res.Accepted
			return res.Accepted, err
		})
		if n != 1 {
			e.Fatalf("round %d: %d sets were accepted", round, n)
		}
		env := e.environment(mini1, env1)
		want := "/set/" + strconv.Itoa(slices.Index(won, true))
		if env.Version != version+2 || !slices.Equal(env.Whitelist, []string{want}) {
			e.Errorf("round %d: %+v; want what the winner set", round, env)
		}
		if n := int64(len(e.records(all))); n != round+1 {
			e.Errorf("round %d: %d records", round, n)
		}
	}
}

// permissionTurns: where each reads before it sets, all come through, also if
// each flips the switch of all.
func permissionTurns(e *exam) {
	envs := []string{env1, env2, env3}
	won := e.together(func(i int) (bool, error) {
		return retry(e.Context(), func() (bool, error) {
			now, err := e.store.Environment(e.Context(), mini1, envs[i%len(envs)])
			if err != nil {
				return false, err
			}
			res, err := e.set(set(now.ID, !now.Open, now.Version, "/set/"+strconv.Itoa(i)))
			return res.Accepted, err
		})
	})
	if won != crowd {
		e.Errorf("%d of %d sets came through", won, crowd)
	}
	// Each set flipped the switch, so each moved all versions on.
	for _, id := range envs {
		if env := e.environment(mini1, id); env.Version != 2+2*crowd || !env.Open {
			e.Errorf("%+v; want version %d, open after an even number of flips", env, 2+2*crowd)
		}
	}
	if n := len(e.records(all)); n != crowd {
		e.Errorf("%d records, want %d", n, crowd)
	}
}

// permissionSeen: a read that begins after a change has returned sees it.
func permissionSeen(e *exam) {
	e.together(func(i int) (bool, error) {
		id := "env-seen-" + strconv.Itoa(i)
		made := []cloud.Change{cloud.AddEnvironment{Account: mini1, ID: id}}
		if err := e.store.Apply(e.Context(), made, nil); err != nil {
			return false, err
		}
		for version := int64(2); version < 12; version += 2 {
			if _, err := e.set(set(id, true, version, "/at")); err != nil {
				return false, err
			}
			got, err := e.store.Environment(e.Context(), mini1, id)
			if err != nil || got.Version != version+2 || got.SetVersion != version {
				e.Errorf("after the set of version %d: %+v, %v", version, got, err)
			}
		}
		return true, nil
	})
}
