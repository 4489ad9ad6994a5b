package storetest

import "github.com/opentcb/opentcb/internal/cloud"

var wholeList = cloud.Page{Limit: 10}

// miniPrograms: a list is in the order of its keys, each page begins after the
// last item of the one before, and no platform is in it.
func miniPrograms(e *exam) {
	one := cloud.MiniProgram{AppID: mini1, Cloud: true, Counts: cloud.Counts{
		Environments: 3, Functions: 3, Authorizations: 2, InForce: 2,
	}}
	two := cloud.MiniProgram{
		AppID: mini2, Name: "Second", Principal: "Zhang", Disabled: true,
		Counts: cloud.Counts{Environments: 1, Authorizations: 1},
	}
	e.apply(cloud.PutAccount{Account: cloud.Account{AppID: mini2}})
	ok, err := e.store.Revoke(e.Context(), platform1, mini2, e.rec("revoke"))
	e.is(true)("Revoke", ok, err)
	old := e.account(mini2)
	e.changeAccount("two", cloud.AccountChange{Old: &old, New: cloud.Account{
		AppID: mini2, Name: "Second", Principal: "Zhang", State: cloud.Disabled,
	}}, nil)

	only := func(item ...cloud.MiniProgram) []cloud.MiniProgram { return item }
	for name, c := range map[string]struct {
		filter cloud.MiniProgramFilter
		page   cloud.Page
		want   []cloud.MiniProgram
	}{
		"all":        {page: wholeList, want: only(one, two)},
		"first":      {page: cloud.Page{Limit: 1}, want: only(one)},
		"second":     {page: cloud.Page{After: one.Key(), Limit: 1}, want: only(two)},
		"end":        {page: cloud.Page{After: two.Key(), Limit: 10}},
		"after none": {page: cloud.Page{After: []string{mini1 + "a"}, Limit: 10}, want: only(two)},
		"opened":     {cloud.MiniProgramFilter{Cloud: cloud.Given(true)}, wholeList, only(one)},
		"closed":     {cloud.MiniProgramFilter{Cloud: cloud.Given(false)}, wholeList, only(two)},
		"in use":     {cloud.MiniProgramFilter{Disabled: cloud.Given(false)}, wholeList, only(one)},
		"disabled":   {cloud.MiniProgramFilter{Disabled: cloud.Given(true)}, wholeList, only(two)},
		"named":      {cloud.MiniProgramFilter{Name: cloud.Given("Second")}, wholeList, only(two)},
		"no name":    {cloud.MiniProgramFilter{Name: cloud.Given("")}, wholeList, only(one)},
		"principal":  {cloud.MiniProgramFilter{Principal: cloud.Given("Zhang"), Name: cloud.Given("Second")}, wholeList, only(two)},
		"nobody's":   {cloud.MiniProgramFilter{Principal: cloud.Given("Li")}, wholeList, nil},
	} {
		got, err := e.store.MiniPrograms(e.Context(), c.filter, c.page)
		e.ok("MiniPrograms", err)
		e.same(name, got, c.want)
	}
	got, err := e.store.MiniProgram(e.Context(), mini1)
	e.ok("MiniProgram", err)
	e.same("one", got, one)
	_, err = e.store.MiniProgram(e.Context(), platform1)
	e.fails("a platform is no Mini Program", err, cloud.ErrNotFound)
}

// platforms: likewise, and the functions of others that are a platform's are
// counted.
func platforms(e *exam) {
	ok, err := e.store.PutCode(e.Context(), ownedFunction(function1), e.rec("UpdateFunctionCode"))
	e.is(true)("PutCode", ok, err)
	one := cloud.PlatformView{AppID: platform1, Counts: cloud.PlatformCounts{
		Counts: cloud.Counts{Environments: 1, Authorizations: 2, InForce: 2}, OwnedFunctions: 1,
	}}
	two := cloud.PlatformView{
		AppID: platform2, Name: "Second", Disabled: true, Removing: true, PermissionSets: []int{64, 49},
		Counts: cloud.PlatformCounts{Counts: cloud.Counts{Authorizations: 1}},
	}
	ok, err = e.store.Revoke(e.Context(), platform2, mini1, e.rec("revoke"))
	e.is(true)("Revoke", ok, err)
	old := e.account(platform2)
	ch := cloud.AccountChange{Old: &old, New: old, Sets: []int{64, 49}}
	ch.New.Name, ch.New.State = "Second", cloud.Removing
	e.changeAccount("two", ch, nil)
	only := func(item ...cloud.PlatformView) []cloud.PlatformView { return item }
	for name, c := range map[string]struct {
		filter cloud.PlatformFilter
		page   cloud.Page
		want   []cloud.PlatformView
	}{
		"all":      {page: wholeList, want: only(one, two)},
		"first":    {page: cloud.Page{Limit: 1}, want: only(one)},
		"second":   {page: cloud.Page{After: one.Key(), Limit: 1}, want: only(two)},
		"disabled": {cloud.PlatformFilter{Disabled: cloud.Given(true)}, wholeList, only(two)},
		"in use":   {cloud.PlatformFilter{Disabled: cloud.Given(false)}, wholeList, only(one)},
		"named":    {cloud.PlatformFilter{Name: cloud.Given("Second")}, wholeList, only(two)},
	} {
		got, err := e.store.PlatformViews(e.Context(), c.filter, c.page)
		e.ok("PlatformViews", err)
		e.same(name, got, c.want)
	}
	got, err := e.store.PlatformView(e.Context(), platform2)
	e.ok("PlatformView", err)
	e.same("two", got, two)
	_, err = e.store.PlatformView(e.Context(), mini1)
	e.fails("a Mini Program is no platform", err, cloud.ErrNotFound)
}

// environmentViews: environments by id, each with what it belongs to.
func environmentViews(e *exam) {
	ok, err := e.store.SetPermission(e.Context(), cloud.PermissionSet{
		Account: mini1, Env: env1, Open: false, Version: 2, Whitelist: []string{"/wxa/new"}, Alias: new("prod"),
		Runtime: new("http://runtime"),
	}, e.rec("set"))
	e.ok("SetPermission", err)
	e.same("accepted", ok.Accepted, true)
	rec := e.rec("alias")
	e.ok("SetAlias", e.store.SetAlias(e.Context(), platform1, envBatch, "batch", rec))
	e.wrote(rec)
	rec = e.rec("alias")
	e.fails("SetAlias of another's", e.store.SetAlias(e.Context(), mini2, env1, "x", rec), cloud.ErrNotFound)
	e.wroteNot(rec)

	e.runtimes()
	batch := cloud.EnvironmentView{
		ID: envBatch, Platform: platform1, Alias: "batch", Runtime: "http://batch/below", Open: true,
		APIWhitelist: []string{"/wxa/batch"}, Version: 2,
	}
	one := cloud.EnvironmentView{
		ID: env1, AppID: mini1, Alias: "prod", Runtime: "http://runtime", APIWhitelist: []string{"/wxa/new"}, Version: 4, Functions: 2,
	}
	three := cloud.EnvironmentView{ID: env3, AppID: mini1, APIWhitelist: []string{"/wxa/three"}, Version: 4}
	for name, c := range map[string]struct {
		filter cloud.EnvironmentFilter
		page   cloud.Page
		want   []string
	}{
		"all":             {page: wholeList, want: []string{envBatch, env1, envOther, env3, env2}},
		"first":           {page: cloud.Page{Limit: 1}, want: []string{envBatch}},
		"third":           {page: cloud.Page{After: one.Key(), Limit: 1}, want: []string{envOther}},
		"of one":          {cloud.EnvironmentFilter{AppID: cloud.Given(mini1)}, wholeList, []string{env1, env3, env2}},
		"of a platform":   {cloud.EnvironmentFilter{Platform: cloud.Given(platform1)}, wholeList, []string{envBatch}},
		"not its own":     {cloud.EnvironmentFilter{AppID: cloud.Given(platform1)}, wholeList, nil},
		"alias":           {cloud.EnvironmentFilter{Alias: cloud.Given("prod")}, wholeList, []string{env1}},
		"alias of others": {cloud.EnvironmentFilter{Alias: cloud.Given("prod"), AppID: cloud.Given(mini2)}, wholeList, nil},
	} {
		views, err := e.store.EnvironmentViews(e.Context(), c.filter, c.page)
		e.ok("EnvironmentViews", err)
		var got []string
		for _, v := range views {
			got = append(got, v.ID)
		}
		e.same(name, got, c.want)
	}
	for _, want := range []cloud.EnvironmentView{batch, one, three} {
		got, err := e.store.EnvironmentView(e.Context(), want.ID)
		e.ok("EnvironmentView", err)
		e.same(want.ID, got, want)
	}
	_, err = e.store.EnvironmentView(e.Context(), "none")
	e.fails("no environment", err, cloud.ErrNotFound)
}

// authorizationViews: authorizations by Mini Program and platform.
func authorizationViews(e *exam) {
	ok, err := e.store.Revoke(e.Context(), platform1, mini1, e.rec("revoke"))
	e.is(true)("Revoke", ok, err)
	one, two, other := platform1+mini1, platform2+mini1, platform1+mini2
	for name, c := range map[string]struct {
		filter cloud.AuthorizationFilter
		page   cloud.Page
		want   []string
	}{
		"all":       {page: wholeList, want: []string{one, two, other}},
		"second":    {page: cloud.Page{After: []string{mini1, platform1}, Limit: 1}, want: []string{two}},
		"third":     {page: cloud.Page{After: []string{mini1, platform2}, Limit: 9}, want: []string{other}},
		"platform":  {cloud.AuthorizationFilter{Platform: cloud.Given(platform1)}, wholeList, []string{one, other}},
		"appid":     {cloud.AuthorizationFilter{AppID: cloud.Given(mini1)}, wholeList, []string{one, two}},
		"in force":  {cloud.AuthorizationFilter{InForce: cloud.Given(true)}, wholeList, []string{two, other}},
		"cancelled": {cloud.AuthorizationFilter{InForce: cloud.Given(false)}, wholeList, []string{one}},
	} {
		rows, err := e.store.Authorizations(e.Context(), c.filter, c.page)
		e.ok("Authorizations", err)
		var got []string
		for _, a := range rows {
			got = append(got, a.Platform+a.AppID)
			want := e.authorization(a.Platform, a.AppID)
			want.RefreshKept = false
			e.same("row", a, want)
		}
		e.same(name, got, c.want)
	}
}

// functionPages: an environment's functions by name.
func functionPages(e *exam) {
	for name, c := range map[string]struct {
		env  string
		page cloud.Page
		want []string
	}{
		"all": {env1, wholeList, []string{function1, function2}}, "first": {env1, cloud.Page{Limit: 1}, []string{function1}},
		"second":  {env1, cloud.Page{After: []string{function1}, Limit: 1}, []string{function2}},
		"another": {env2, wholeList, []string{function1}}, "none": {env3, wholeList, nil},
	} {
		page, err := e.store.FunctionPage(e.Context(), mini1, c.env, c.page)
		e.ok("FunctionPage", err)
		var got []string
		for _, f := range page {
			got = append(got, f.Name)
			e.same("row", f, e.function(mini1, c.env, f.Name))
		}
		e.same(name, got, c.want)
	}
}

// runtimes gives an environment a runtime of its own, takes it away, and gives another.
func (e *exam) runtimes() {
	for _, runtime := range []string{"http://first", "", "http://batch/below"} {
		rec := e.rec("runtime")
		e.ok("SetRuntime", e.store.SetRuntime(e.Context(), platform1, envBatch, runtime, rec))
		e.wrote(rec)
		e.same("runtime", e.environment(platform1, envBatch).Runtime, runtime)
	}
	rec := e.rec("runtime")
	e.fails("SetRuntime of another's", e.store.SetRuntime(e.Context(), mini2, env1, "http://x", rec), cloud.ErrNotFound)
	e.wroteNot(rec)
}
