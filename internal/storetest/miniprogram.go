package storetest

import "github.com/opentcb/opentcb/internal/cloud"

// miniPrograms: a list is in the order of its keys, each page begins after the
// last item of the one before, and no platform is in it.
func miniPrograms(e *exam) {
	one := cloud.MiniProgram{AppID: mini1, Cloud: true, Counts: cloud.Counts{
		Environments: 3, Functions: 3, Authorizations: 2, InForce: 2,
	}}
	two := cloud.MiniProgram{AppID: mini2, Counts: cloud.Counts{Environments: 1, Authorizations: 1}}
	e.apply(cloud.PutAccount{Account: cloud.Account{AppID: mini2}})
	ok, err := e.store.Revoke(e.Context(), platform1, mini2, e.rec("revoke"))
	e.is(true)("Revoke", ok, err)

	none := cloud.MiniProgramFilter{}
	for name, c := range map[string]struct {
		filter cloud.MiniProgramFilter
		page   cloud.Page
		want   []cloud.MiniProgram
	}{
		"all":        {none, cloud.Page{Limit: 10}, []cloud.MiniProgram{one, two}},
		"first":      {none, cloud.Page{Limit: 1}, []cloud.MiniProgram{one}},
		"second":     {none, cloud.Page{After: one.Key(), Limit: 1}, []cloud.MiniProgram{two}},
		"end":        {none, cloud.Page{After: two.Key(), Limit: 10}, nil},
		"after none": {none, cloud.Page{After: []string{"wx00000000000000a1a"}, Limit: 10}, []cloud.MiniProgram{two}},
		"opened":     {cloud.MiniProgramFilter{Cloud: cloud.Given(true)}, cloud.Page{Limit: 10}, []cloud.MiniProgram{one}},
		"closed":     {cloud.MiniProgramFilter{Cloud: cloud.Given(false)}, cloud.Page{Limit: 10}, []cloud.MiniProgram{two}},
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
