package storetest

import (
	"slices"
	"strconv"

	"github.com/opentcb/opentcb/internal/cloud"
)

// history is what is kept of an environment; a whitelist without entries is nil.
func (e *exam) history(account, env string) []cloud.PermissionChange {
	e.Helper()
	changes, err := e.store.History(e.Context(), account, env)
	e.ok("History", err)
	for i := range changes {
		if len(changes[i].Whitelist) == 0 {
			changes[i].Whitelist = nil
		}
	}
	return changes
}

// keptOf is what the history must keep of an accepted set.
func keptOf(s cloud.PermissionSet, rec cloud.Record, flipped bool) cloud.PermissionChange {
	return cloud.PermissionChange{
		Account: s.Account, Env: s.Env, Version: s.Version + 2, At: rec.At, RID: rec.RID,
		Operator: rec.Operator, By: rec.By, Platform: rec.Platform,
		Open: s.Open, Flipped: flipped, Whitelist: s.Whitelist,
	}
}

// setBy makes a set that must be accepted, with a record, and returns what the
// history must keep of it.
func (e *exam) setBy(rec cloud.Record, flipped bool, s cloud.PermissionSet) cloud.PermissionChange {
	e.Helper()
	res, err := e.store.SetPermission(e.Context(), s, rec)
	e.ok("SetPermission", err)
	if !res.Accepted {
		e.Fatalf("set %+v was refused by %+v", s, res.Current)
	}
	return keptOf(s, rec, flipped)
}

// historyOfSets: every member of every accepted set comes back, and of the
// account's other environments those that flipped the switch.
func historyOfSets(e *exam) {
	want1, want2 := e.history(mini1, env1), e.history(mini1, env2)
	rec := func(operator bool, platform string) cloud.Record {
		r := e.rec("set")
		r.Operator, r.Platform = operator, platform
		return r
	}
	both := func(ch cloud.PermissionChange) { want1, want2 = append(want1, ch), append(want2, ch) }

	want1 = append(want1, e.setBy(rec(false, platform2), false, set(env1, true, 2, "/wxa/小程序", `/a"b\c`, "/*")))
	both(e.setBy(rec(true, platform1), true, set(env1, false, 4, "/wxa/closed")))
	e.refused(set(env1, true, 3, "/refused"))
	e.refused(set(env2, true, 2, "/refused"))
	want2 = append(want2, e.setBy(rec(true, ""), false, set(env2, false, 700)))
	both(e.setBy(rec(false, platform1), true, set(env2, true, 702, "/wxa/open")))
	e.setBy(rec(true, ""), true, cloud.PermissionSet{Account: mini2, Env: envOther, Open: false, Version: 2})
	e.setBy(rec(true, ""), true, cloud.PermissionSet{Account: platform1, Env: envBatch, Open: false, Version: 2})

	e.same("history of the one", e.history(mini1, env1), want1)
	e.same("history of the other", e.history(mini1, env2), want2)
	foreign := func(ch cloud.PermissionChange) bool { return ch.Account != mini2 }
	if got := e.history(mini2, env1); slices.ContainsFunc(got, foreign) {
		e.Errorf("history through another account: %+v", got)
	}
	_, err := e.store.SetPermission(e.Context(), set("no-such-env", true, 2, "/x"), rec(true, ""))
	e.fails("no such environment", err, cloud.ErrNotFound)
	e.store = e.Reopen(e.T, e.store)
	e.same("history after reopening", e.history(mini1, env1), want1)
}

// historyOfMaking: the making of an environment comes first, with the record
// of the same index, its whitelist, and the switch as it is from then on.
func historyOfMaking(e *exam) {
	open, shut := true, false
	recs := []cloud.Record{e.rec("apply 0"), e.rec("apply 1"), e.rec("apply 2"), e.rec("apply 3")}
	recs[2].Operator = false // an apply is always the operator's
	changes := []cloud.Change{
		cloud.PutAccount{Account: cloud.Account{AppID: mini2, Cloud: true}},
		cloud.AddEnvironment{Account: mini1, ID: "env-shut", Open: &shut, Whitelist: []string{"/a", "/b"}},
		cloud.AddEnvironment{Account: mini1, ID: "env-as-is", Whitelist: []string{"/c"}},
		cloud.AddEnvironment{Account: mini1, ID: "env-open", Open: &open, Whitelist: []string{"/d"}},
		cloud.AddEnvironment{Account: mini1, ID: "env-same", Open: &open}, // without a record
	}
	before := e.history(mini1, env1)
	e.ok("Apply", e.store.Apply(e.Context(), changes, recs))
	made := func(env string, rec cloud.Record, open, flipped bool, list ...string) cloud.PermissionChange {
		rec.Operator, rec.Platform = true, ""
		return keptOf(set(env, open, cloud.FirstVersion-2, list...), rec, flipped)
	}
	wasShut := made("env-shut", recs[1], false, true, "/a", "/b")
	asIs := made("env-as-is", recs[2], false, false, "/c")
	opened := made("env-open", recs[3], true, true, "/d")
	e.same("history of who shut", e.history(mini1, "env-shut"), []cloud.PermissionChange{wasShut, opened})
	e.same("history of who left it", e.history(mini1, "env-as-is"), []cloud.PermissionChange{wasShut, asIs, opened})
	e.same("history of who opened", e.history(mini1, "env-open"), []cloud.PermissionChange{wasShut, opened})
	e.same("history without a record", e.history(mini1, "env-same"),
		[]cloud.PermissionChange{made("env-same", cloud.Record{}, true, false), wasShut, opened})
	e.same("history of who was there", e.history(mini1, env1), append(before, wasShut, opened))
}

// historyOrder: an environment's own changes come by version, whatever the
// clock of the server that made them, and those of others by time.
func historyOrder(e *exam) {
	want := e.history(mini1, env1)
	at := func(ms int64) cloud.Record {
		r := e.rec("set")
		r.At = someTime + ms
		return r
	}
	second := e.setBy(at(5), false, set(env1, true, 2, "/second"))
	third := e.setBy(at(5), false, set(env1, true, 4, "/third"))
	fourth := e.setBy(at(5), true, set(env2, false, 700, "/fourth"))
	first := e.setBy(at(4), false, set(env1, false, 800, "/first"))
	e.same("history", e.history(mini1, env1), append(want, second, third, first, fourth))
}

// historyContention: of a crowd whose sets compete, the history has those that
// were accepted, each once, and with it whether it flipped the switch.
func historyContention(e *exam) {
	envs := []string{env1, env2, env3}
	kept := make([]cloud.PermissionChange, crowd)
	e.together(func(i int) (bool, error) {
		return retry(e.Context(), func() (bool, error) {
			now, err := e.store.Environment(e.Context(), mini1, envs[i%len(envs)])
			if err != nil {
				return false, err
			}
			s, rec := set(now.ID, i%4 < 2, now.Version, "/set/"+strconv.Itoa(i)), e.rec("set")
			res, err := e.store.SetPermission(e.Context(), s, rec)
			kept[i] = keptOf(s, rec, false)
			return res.Accepted, err
		})
	})
	flips := 0 // of the switch, through any environment
	for _, env := range envs {
		got := map[string]cloud.PermissionChange{}
		for _, ch := range e.history(mini1, env) {
			if _, twice := got[ch.RID]; twice {
				e.Errorf("history of %s has %s twice", env, ch.RID)
			}
			if ch.Env != env && !ch.Flipped {
				e.Errorf("history of %s has a change of another that did not flip: %+v", env, ch)
			}
			if ch.Env == env && ch.Flipped {
				flips++
			}
			got[ch.RID] = ch
		}
		for _, want := range kept {
			ch, there := got[want.RID]
			want.Flipped = ch.Flipped
			if want.Env == env && !there {
				e.Errorf("history of %s is without %+v", env, want)
			} else if there {
				e.same("a change in the history of "+env, ch, want)
			}
		}
	}
	// Each change in a history moved its environment on by as much.
	now := e.environment(mini1, env1)
	moved := 0
	for _, ch := range e.history(mini1, env1) {
		if ch.RID != "" { // not the fixture's
			moved++
		}
	}
	e.same("version after so many changes", now.Version, int64(cloud.FirstVersion+2*moved))
	e.same("switch after so many flips", now.Open, flips%2 == 0)
}
