package storetest

import "github.com/opentcb/opentcb/internal/cloud"

// worldPages: everything is in the order of its keys, and pages go on where the one
// before ended. What is cancelled or being removed is left out.
func worldPages(e *exam) {
	e.apply(cloud.PutAccount{Account: cloud.Account{AppID: mini2, Cloud: false}},
		cloud.PutAlias{Account: mini1, Env: env1, Alias: "prod"},
		cloud.PutRuntime{Account: mini1, Env: env1, Runtime: "http://runtime"})
	closed := e.account(mini2)
	shop := closed
	shop.Name, shop.Principal, shop.State = "Shop", "Zhang", cloud.Disabled
	e.changeAccount("described", cloud.AccountChange{Old: &closed, New: shop}, nil)
	old := e.account(platform1)
	ch := cloud.AccountChange{Old: &old, New: old, Sets: []int{64, 49}}
	ch.New.Name, ch.New.State = "First", cloud.Disabled
	e.changeAccount("named", ch, nil)
	ok, err := e.store.Revoke(e.Context(), platform1, mini2, e.rec("revoke"))
	e.is(true)("Revoke", ok, err)

	with := cloud.PlatformChange{
		Name: cloud.Given("First"), Disabled: cloud.Given(true), PermissionSets: cloud.Given([]int{64, 49}),
	}
	platforms, err := e.store.WorldPlatforms(e.Context(), wholeList)
	e.ok("WorldPlatforms", err)
	e.same("platforms", platforms, []cloud.WorldPlatform{{AppID: platform1, With: with}, {AppID: platform2}})
	minis, err := e.store.WorldMiniPrograms(e.Context(), wholeList)
	e.ok("WorldMiniPrograms", err)
	e.same("Mini Programs", minis, []cloud.WorldMiniProgram{{AppID: mini1}, {AppID: mini2, Cloud: new(false),
		With: cloud.MiniProgramChange{
			Name: cloud.Given("Shop"), Principal: cloud.Given("Zhang"), Disabled: cloud.Given(true),
		}}})
	grants, err := e.store.WorldAuthorizations(e.Context(), wholeList)
	e.ok("WorldAuthorizations", err)
	e.same("authorizations", grants, []cloud.WorldAuthorization{
		{AppID: mini1, Platform: platform1, Sets: []int{64, 49}}, {AppID: mini1, Platform: platform2, Sets: []int{18}},
	})
	e.exportedFunctions()

	e.same("environments", e.exportedEnvironments(), []string{env1, env3, env2, envOther, envBatch})
	old = e.account(mini1)
	removing := old
	removing.State = cloud.Removing
	e.changeAccount("removing", cloud.AccountChange{Old: &old, New: removing}, nil)
	e.same("environments of what stays", e.exportedEnvironments(), []string{envOther, envBatch})
	grants, err = e.store.WorldAuthorizations(e.Context(), wholeList)
	e.ok("WorldAuthorizations", err)
	e.same("authorizations of what stays", len(grants), 0)
}

// exportedFunctions: a page has as many functions as it may, however many kinds of
// configuration they have.
func (e *exam) exportedFunctions() {
	e.Helper()
	var configs []cloud.SealedConfig
	for i, c := range []cloud.SealedConfig{{Env: env1, Kind: 1}, {Env: env1, Kind: 3}, {Env: env2, Kind: 2}} {
		c.Account, c.Name, c.Sealed = mini1, function1, "sealed"+string(rune('0'+i))
		ok, err := e.store.PutFuncConfig(e.Context(), c, e.rec("put"))
		e.is(true)("PutFuncConfig", ok, err)
		configs = append(configs, c)
	}
	want := []cloud.WorldFunction{
		{Account: mini1, Env: env1, Name: function1, Configs: configs[:2]}, {Account: mini1, Env: env1, Name: function2},
		{Account: mini1, Env: env2, Name: function1, Configs: configs[2:]},
	}
	whole, err := e.store.WorldFunctions(e.Context(), wholeList)
	e.ok("WorldFunctions", err)
	e.same("functions", whole, want)
	for at, after := range [][]string{nil, {mini1, env1, function1}, {mini1, env1, function2}} {
		page, err := e.store.WorldFunctions(e.Context(), cloud.Page{After: after, Limit: 1})
		e.ok("WorldFunctions", err)
		e.same("a page of functions", page, want[at:at+1])
	}
}

// exportedEnvironments returns the ids of the environments that are exported, each as it
// is.
func (e *exam) exportedEnvironments() (ids []string) {
	e.Helper()
	all, err := e.store.WorldEnvironments(e.Context(), wholeList)
	e.ok("WorldEnvironments", err)
	for _, env := range all {
		ids = append(ids, env.ID)
		if now := e.environment(env.Account, env.ID); now.Open != *env.Open || env.Batch != (env.ID == envBatch) {
			e.Errorf("%+v is exported as %+v", now, env)
		} else {
			e.same("alias", env.Alias.Given, env.ID == env1)
			e.same("runtime", env.Runtime.Given, env.ID == env1)
			e.same("whitelist", env.Whitelist, now.Whitelist)
		}
	}
	return ids
}
