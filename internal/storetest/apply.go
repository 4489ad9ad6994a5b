package storetest

import (
	"slices"

	"github.com/opentcb/opentcb/internal/cloud"
)

func applyRoundTrip(e *exam) {
	recs := []cloud.Record{e.rec("apply 1"), e.rec("apply 2"), e.rec("apply 3")}
	e.ok("Apply", e.store.Apply(e.Context(), fixture, recs))
	e.same("records", e.records(all), recs)
	e.same("authorization", e.authorization(platform1, mini1), cloud.Authorization{
		Platform: platform1, AppID: mini1, InForce: true, Epoch: 1,
		Sets: []int{64, 49}, RefreshMAC: "refresh-of-c1-a1", RefreshKept: true,
	})
	if env := e.environment(platform1, envBatch); !slices.Equal(env.Whitelist, []string{"/wxa/batch"}) {
		e.Errorf("batch environment: %+v", env)
	}
	e.ok("Apply of nothing", e.store.Apply(e.Context(), nil, nil))
}

// applyAgain: what replaces a row replaces what it says, and nothing else.
func applyAgain(e *exam) {
	ok, err := e.store.IssueComponentToken(e.Context(), platform1, nil, cloud.Issues{someTime}, e.rec("token"))
	e.is(true)("IssueComponentToken", ok, err)
	a := e.authorization(platform1, mini1)
	ok, err = e.store.IssueAuthorizerToken(e.Context(), a, cloud.Issues{someTime + 1}, e.rec("token"))
	e.is(true)("IssueAuthorizerToken", ok, err)
	code := fixtureFunction(env1, function1)
	code.Sum, code.Size, code.AddedAt, code.ModifiedAt = sum2, 2222, someTime+7, someTime+8
	e.apply(
		cloud.PutPlatform{Platform: cloud.Platform{AppID: platform1, SecretMAC: "new-mac"}},
		cloud.PutAccount{Account: cloud.Account{AppID: mini2, Cloud: false}},
		cloud.PutAuthorization{Platform: platform1, AppID: mini1, OldEpoch: 1, WasInForce: true, Sets: []int{7}},
		cloud.PutFunction{Function: code},
	)
	e.same("platform", e.platform(platform1),
		cloud.Platform{AppID: platform1, SecretMAC: "new-mac", Issued: cloud.Issues{someTime}})
	a.Sets, a.Issued = []int{7}, cloud.Issues{someTime + 1}
	e.same("authorization", e.authorization(platform1, mini1), a)
	account, err := e.store.Account(e.Context(), mini2)
	e.ok("Account", err)
	e.same("account", account, cloud.Account{AppID: mini2})
	code.AddedAt = someTime - 2000
	e.same("function", e.function(mini1, env1, function1), code)

	e.apply(cloud.PutPlatform{KeepSecret: true, Platform: cloud.Platform{AppID: platform1, FixedTicket: "new-ticket"}})
	e.same("platform whose secret stays", e.platform(platform1), cloud.Platform{
		AppID: platform1, SecretMAC: "new-mac", FixedTicket: "new-ticket", Issued: cloud.Issues{someTime},
	})

	e.apply(cloud.PutAuthorization{
		Platform: platform1, AppID: mini1, OldEpoch: 1, WasInForce: true, Sets: []int{7}, Refresh: token("fixed"),
	})
	a.RefreshMAC = "fixed"
	e.same("authorization with a fixed refresh token", e.authorization(platform1, mini1), a)
}

// newWorld is changes of every kind, each of which shows in state.
var newWorld = []cloud.Change{
	cloud.PutPlatform{Platform: cloud.Platform{AppID: platform1, SecretMAC: "other-mac", FixedTicket: "other-ticket"}},
	cloud.PutAccount{Account: cloud.Account{AppID: mini1, Cloud: false}},
	cloud.AccountChange{Old: &cloud.Account{AppID: mini1}, New: cloud.Account{AppID: mini1, Name: "First"}},
	cloud.AddEnvironment{Account: mini1, ID: "env-new", Open: new(bool), Whitelist: []string{"/new"}},
	cloud.PutAuthorization{Platform: platform2, AppID: mini2, Sets: []int{49}, Refresh: token("other-refresh")},
	cloud.PutFunction{Function: ownedFunction("new"), Configs: []cloud.SealedConfig{
		{Account: mini1, Env: env1, Name: "new", Kind: 3, Sealed: "sealed"},
	}},
	cloud.NoteFileCode{Account: mini1, Env: env1, Name: function1, Sum: sum1},
}

// misfits are changes that do not fit the fixture: as if something had come
// between the plan and its execution.
func misfits(e *exam) map[string]cloud.Change {
	ok, err := e.store.PutCode(e.Context(), ownedFunction(function2), e.rec("UpdateFunctionCode"))
	e.is(true)("PutCode", ok, err)
	platform, account := cloud.Platform{AppID: mini1, SecretMAC: "mac"}, cloud.Account{AppID: platform1, Cloud: true}
	blank := fixtureFunction(env1, function1)
	blank.Sum, blank.Size = "", 0
	return map[string]cloud.Change{
		"an account that is another":                    cloud.AccountChange{Old: &cloud.Account{AppID: mini1, Name: "x"}},
		"a platform that is gone, and its secret":       cloud.PutPlatform{KeepSecret: true, Platform: cloud.Platform{AppID: "wx00000000000000ee"}},
		"a platform that is a Mini Program":             cloud.PutPlatform{Platform: platform},
		"a Mini Program that is a platform":             cloud.PutAccount{Account: account},
		"an environment that is there":                  cloud.AddEnvironment{Account: mini1, ID: env1},
		"an environment that another account has":       cloud.AddEnvironment{Account: mini2, ID: env1},
		"code of a function that a platform owns":       cloud.PutFunction{Function: fixtureFunction(env1, function2)},
		"a function without code where there is a code": cloud.PutFunction{Function: blank},
		"a function to configure that is there": cloud.PutFunction{
			Function: fixtureFunction(env1, function1),
			Configs:  []cloud.SealedConfig{{Account: mini1, Env: env1, Name: function1, Kind: 3, Sealed: "sealed"}},
		},
		"an authorization that was cancelled": cloud.PutAuthorization{
			Platform: platform1, AppID: mini2, Sets: []int{7}, OldEpoch: 1, WasInForce: false,
		},
		"an authorization of another epoch": cloud.PutAuthorization{
			Platform: platform1, AppID: mini2, Sets: []int{7}, OldEpoch: 2, WasInForce: true,
		},
		"an authorization that has become": cloud.PutAuthorization{Platform: platform1, AppID: mini2, Sets: []int{7}},
	}
}

func applyStale(e *exam) {
	for name, misfit := range misfits(e) {
		before, rec := e.state(), e.rec("apply")
		e.fails(name, e.store.Apply(e.Context(), []cloud.Change{misfit}, []cloud.Record{rec}), cloud.ErrStale)
		e.unchanged(name, before)
		e.wroteNot(rec)
	}
}

// applyAllOrNothing: a change that fails in the midst of others leaves nothing
// of them, wherever it stands.
func applyAllOrNothing(e *exam) {
	misfit := misfits(e)["an environment that another account has"]
	before := e.state()
	for at := range len(newWorld) + 1 {
		rec := e.rec("apply")
		err := e.store.Apply(e.Context(), slices.Insert(slices.Clone(newWorld), at, misfit), []cloud.Record{rec})
		e.fails("Apply", err, cloud.ErrStale)
		e.unchanged("Apply failed", before)
		e.wroteNot(rec)
		_, err = e.store.EnvironmentAccount(e.Context(), "env-new")
		e.fails("environment of an Apply that failed", err, cloud.ErrNotFound)
		e.same("configurations of an Apply that failed", len(e.funcConfigs(env1, "", "zzz")), 0)
	}
	e.apply(newWorld...) // without the misfit it goes
	e.same("configurations", e.funcConfigs(env1, "", "zzz"), []cloud.SealedConfig{
		{Account: mini1, Env: env1, Name: "new", Kind: 3, Sealed: "sealed"},
	})
	f := fixtureFunction(env1, function1)
	f.FileSum = sum1
	e.same("function whose code a file has too", e.function(mini1, env1, function1), f)
	e.apply(cloud.NoteFileCode{Account: mini1, Env: env1, Name: function1, Sum: sum2})
	e.same("function that has other code", e.function(mini1, env1, function1), f)
}

// applySwitch: an environment that comes with a switch sets it for the whole
// account, and moves the others on if that flips it (UT-5, UT-8).
func applySwitch(e *exam) {
	open, shut := true, false
	e.apply(cloud.AddEnvironment{Account: mini1, ID: "env-shut", Open: &shut})
	if env := e.environment(mini1, env1); env.Open || env.Version != 4 {
		e.Errorf("%+v; want closed, version 4", env)
	}
	e.same("the new environment", e.environment(mini1, "env-shut").Version, int64(2))
	e.apply(cloud.AddEnvironment{Account: mini1, ID: "env-as-is"})
	e.apply(cloud.AddEnvironment{Account: mini1, ID: "env-shut-too", Open: &shut})
	if env := e.environment(mini1, env1); env.Open || env.Version != 4 {
		e.Errorf("%+v; want closed, version 4 still", env)
	}
	e.apply(cloud.AddEnvironment{Account: mini1, ID: "env-open", Open: &open})
	for id, version := range map[string]int64{env1: 6, "env-shut": 4, "env-as-is": 4, "env-open": 2} {
		if env := e.environment(mini1, id); !env.Open || env.Version != version {
			e.Errorf("%+v; want open, version %d", env, version)
		}
	}
	if env := e.environment(mini2, envOther); !env.Open || env.Version != 2 {
		e.Errorf("another account's environment: %+v", env)
	}
}
