package storetest

import (
	"context"
	"maps"
	"strings"

	"github.com/opentcb/opentcb/internal/cloud"
)

// account returns an account's row.
func (e *exam) account(appid string) cloud.Account {
	e.Helper()
	a, err := e.store.Account(e.Context(), appid)
	e.ok("Account", err)
	return a
}

// changeAccount carries out a change, and wants its record to be there only if it
// happened.
func (e *exam) changeAccount(what string, ch cloud.AccountChange, want error) {
	e.Helper()
	rec := e.rec("change " + what)
	err := e.store.ChangeAccount(e.Context(), ch, rec)
	e.fails(what, err, want)
	if want == nil {
		e.wrote(rec)
	} else {
		e.wroteNot(rec)
	}
}

// become gives an account another state.
func (e *exam) become(appid string, state cloud.State) {
	e.Helper()
	old := e.account(appid)
	ch := cloud.AccountChange{Old: &old, New: old}
	ch.New.State = state
	e.changeAccount("state", ch, nil)
}

// disable disables a platform, and gives it permission sets.
func (e *exam) disable(ctx context.Context, rec cloud.Record) error {
	ch := cloud.AccountChange{Old: &cloud.Account{AppID: platform2, IsPlatform: true, Cloud: true}, Sets: []int{49}}
	ch.New = *ch.Old
	ch.New.State = cloud.Disabled
	return e.store.ChangeAccount(ctx, ch, rec)
}

// accountRoundTrip: a change is made of what it was decided on, and of nothing else.
func accountRoundTrip(e *exam) {
	made := cloud.Account{
		AppID: "wx00000000000000b1", Cloud: true, Name: "Corner shop", Principal: "Zhang San", CreatedAt: someTime,
	}
	e.changeAccount("added", cloud.AccountChange{New: made}, nil)
	e.same("account", e.account(made.AppID), made)
	e.changeAccount("added again", cloud.AccountChange{New: made}, cloud.ErrStale)
	other := made
	other.Name, other.Principal, other.Cloud, other.State = "", "Li Si", false, cloud.Disabled
	for what, old := range map[string]cloud.Account{
		"another name": {Name: "Shop", Principal: made.Principal, Cloud: true}, "closed": {Name: made.Name, Principal: made.Principal},
		"disabled": {Name: made.Name, Principal: made.Principal, Cloud: true, State: cloud.Disabled},
	} {
		old.AppID, old.CreatedAt = made.AppID, made.CreatedAt
		e.changeAccount(what, cloud.AccountChange{Old: &old, New: other}, cloud.ErrStale)
		e.same("account after "+what, e.account(made.AppID), made)
	}
	gone := cloud.Account{AppID: "wx00000000000000b2"}
	e.changeAccount("not there", cloud.AccountChange{Old: &gone, New: gone}, cloud.ErrStale)
	e.changeAccount("changed", cloud.AccountChange{Old: &made, New: other}, nil)
	e.same("account", e.account(made.AppID), other)
	e.same("the other account", e.account(mini1), cloud.Account{AppID: mini1, Cloud: true})
}

// accountOfPlatform: a platform's secret and permission sets change with it, and
// tokens of before are void, also those of a platform that is made anew.
func accountOfPlatform(e *exam) {
	made := cloud.Account{AppID: "wx00000000000000cc", IsPlatform: true, Cloud: true, CreatedAt: someTime}
	e.changeAccount("added", cloud.AccountChange{New: made, SecretMAC: "mac", VoidAt: someTime, Sets: []int{49, 18}}, nil)
	e.same("platform", e.platform(made.AppID), cloud.Platform{AppID: made.AppID, SecretMAC: "mac", VoidBefore: someTime})
	sets := func(appid string, want ...int) {
		e.Helper()
		got, err := e.store.PlatformSets(e.Context(), appid)
		e.ok("PlatformSets", err)
		e.same("sets of "+appid, got, want)
	}
	sets(made.AppID, 49, 18)
	sets(platform1)
	ch := cloud.AccountChange{Old: &made, New: made, OldSets: []int{49}, Sets: []int{64}}
	e.changeAccount("other sets than decided on", ch, cloud.ErrStale)
	sets(made.AppID, 49, 18)
	ch.OldSets, ch.SecretMAC = []int{49, 18}, "new"
	e.changeAccount("sets and secret", ch, nil)
	sets(made.AppID, 64)
	want := cloud.Platform{AppID: made.AppID, SecretMAC: "new", VoidBefore: someTime}
	e.same("platform", e.platform(made.AppID), want)
	e.changeAccount("no sets", cloud.AccountChange{Old: &made, New: made, OldSets: []int{64}}, nil)
	sets(made.AppID)
}

// accountStates: whether an account is in use shows in all that is below it.
func accountStates(e *exam) {
	shows := func(what string, third, mini bool) {
		e.Helper()
		a := e.authorization(platform1, mini1)
		e.same("authorization, "+what, []bool{a.PlatformDisabled, a.AppDisabled}, []bool{third, mini})
		e.same("platform, "+what, e.platform(platform1).Disabled, third)
		e.same("environments, "+what,
			[]bool{e.environment(platform1, envBatch).Disabled, e.environment(mini1, env1).Disabled}, []bool{third, mini})
		other := e.authorization(platform2, mini1)
		e.same("the other authorization, "+what, []bool{other.PlatformDisabled, other.AppDisabled}, []bool{false, mini})
	}
	before := e.state()
	shows("before", false, false)
	e.become(platform1, cloud.Disabled)
	shows("platform disabled", true, false)
	e.become(mini1, cloud.Disabled)
	shows("both disabled", true, true)
	e.accepted(set(env1, false, 2, "/new")) // the switch of a disabled account can still be flipped
	e.become(platform1, cloud.InUse)
	shows("Mini Program disabled", false, true)
	e.become(mini1, cloud.Removing)
	shows("being removed", false, true)
	e.same("state", e.account(mini1).State, cloud.Removing)
	e.fails("a world file on what is being removed", e.store.Apply(e.Context(), []cloud.Change{
		cloud.PutAccount{Account: cloud.Account{AppID: mini1, Cloud: true}},
	}, nil), cloud.ErrStale)
	e.become(mini1, cloud.InUse)
	shows("after", false, false)
	maps.DeleteFunc(before, func(name string, _ any) bool { return strings.Contains(name, mini1+"env-") }) // the set's
	e.unchanged("undoing", before)
}
