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
