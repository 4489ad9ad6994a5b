package storetest

import (
	"cmp"
	"math"
	"net/netip"
	"slices"

	"github.com/opentcb/opentcb/internal/cloud"
)

func someLimits(from int64) cloud.Limits {
	return cloud.Limits{
		Quotas: cloud.Quotas{
			Interfaces: map[string]cloud.Quota{"getcodesecret": {Day: 1000, Minute: 50}, "listfunctions": {Day: 7}},
			All:        cloud.Quota{Minute: cloud.MaxQuota},
		},
		IPWhitelist: []cloud.Network{
			cloud.Network(netip.MustParsePrefix("192.0.2.0/24")), cloud.Network(netip.MustParsePrefix("2001:db8::1/128")),
		},
		CountedFrom: from,
	}
}

// bound gives a platform limits instead of others.
func (e *exam) bound(what, appid string, old, next cloud.Limits, want error) {
	e.Helper()
	a := e.account(appid)
	e.changeAccount(what, cloud.AccountChange{Old: &a, New: a, OldLimits: old, Limits: next}, want)
}

func (e *exam) hasLimits(what, appid string, want cloud.Limits) {
	e.Helper()
	got, err := e.store.Limits(e.Context(), appid)
	e.ok("Limits", err)
	e.same("limits, "+what, got, want)
	shown := e.platform(appid).Limits
	if bounded := e.authorization(appid, mini1).PlatformBounded; bounded != (shown != nil) {
		e.Errorf("%s: the authorization says that the platform is bounded: %t", what, bounded)
	}
	if shown == nil {
		shown = &cloud.Limits{}
	}
	e.same("limits of the platform, "+what, *shown, want)
	view, err := e.store.PlatformView(e.Context(), appid)
	e.ok("PlatformView", err)
	e.same("limits that are shown, "+what, cloud.Limits{Quotas: view.Quotas, IPWhitelist: view.IPWhitelist, CountedFrom: want.CountedFrom}, want)
}

// limitsRoundTrip: limits come and go with the account's change, which is decided on
// those that are there.
func limitsRoundTrip(e *exam) {
	none, some := cloud.Limits{}, someLimits(someTime)
	e.hasLimits("before", platform1, none)
	e.bound("set", platform1, none, some, nil)
	e.hasLimits("set", platform1, some)
	e.hasLimits("of the other", platform2, none)
	e.bound("set on none", platform1, none, some, cloud.ErrStale)
	later := some
	later.CountedFrom++
	e.bound("set on those of another time", platform1, later, none, cloud.ErrStale)
	world, err := e.store.WorldPlatforms(e.Context(), wholeList)
	e.ok("WorldPlatforms", err)
	e.same("quotas of the world", world[0].With.Quotas, cloud.Given(some.Quotas))
	e.same("addresses of the world", world[0].With.IPWhitelist, cloud.Given(some.IPWhitelist))
	e.same("the other of the world", world[1].With, cloud.PlatformChange{})
	addresses := cloud.Limits{IPWhitelist: some.IPWhitelist, CountedFrom: someTime}
	e.bound("addresses alone", platform1, some, addresses, nil)
	e.hasLimits("addresses alone", platform1, addresses)
	e.store = e.Reopen(e.T, e.store)
	e.hasLimits("after reopening", platform1, addresses)
	e.bound("none", platform1, addresses, none, nil)
	e.hasLimits("none", platform1, none)
}

// quotaClears: as many a month as are given, for each platform, and each begins to
// count anew.
func quotaClears(e *exam) {
	some := someLimits(someTime + 1000)
	e.bound("set", platform1, cloud.Limits{}, some, nil)
	clears := func(want bool, platform string, month int64) {
		e.Helper()
		rec := e.rec("clear_quota")
		ok, err := e.store.ClearQuota(e.Context(), platform, month, 2, rec)
		e.is(want)("ClearQuota", ok, err)
		if want {
			e.wrote(rec)
		} else {
			e.wroteNot(rec)
		}
	}
	from := func() int64 { return e.platform(platform1).Limits.CountedFrom }
	clears(true, platform1, 24300)
	e.same("counted from", from(), some.CountedFrom+1) // the record is of before
	clears(true, platform1, 24300)
	clears(false, platform1, 24300)
	e.same("counted from", from(), some.CountedFrom+2)
	clears(true, platform2, 24300) // which has no quotas
	clears(true, platform1, 24301)
	clears(true, platform1, 24301)
	clears(false, platform1, 24301)
	e.same("counted from", from(), some.CountedFrom+4)
	some.CountedFrom += 4
	e.hasLimits("cleared", platform1, some)
}

// quotaClearContention: of a crowd as many clear as may.
func quotaClearContention(e *exam) {
	done := e.together(func(int) (bool, error) {
		return e.store.ClearQuota(e.Context(), platform1, 1, 10, e.rec("clear_quota"))
	})
	if done != 10 {
		e.Errorf("%d cleared, want 10", done)
	}
}

// quotaCounts: of each server the latest counts, of those platforms, and none of
// before quotas were set or cleared.
func quotaCounts(e *exam) {
	for _, p := range []string{platform1, platform2} {
		e.bound("set", p, cloud.Limits{}, someLimits(someTime), nil)
	}
	row := func(platform, server string, from, at, calls int64) cloud.QuotaCounts {
		return cloud.QuotaCounts{Platform: platform, Server: server, CountedFrom: from, At: at,
			Counts: map[string]cloud.QuotaCount{
				"":              {Day: 1, OfDay: calls, Minute: 2, OfMinute: calls},
				"getcodesecret": {Day: 3, OfDay: 4, Minute: 5, OfMinute: 6},
			}}
	}
	put := func(rows ...cloud.QuotaCounts) {
		e.Helper()
		e.ok("PutQuotaCounts", e.store.PutQuotaCounts(e.Context(), rows))
	}
	has := func(what string, platforms []string, since int64, want ...cloud.QuotaCounts) {
		e.Helper()
		got, err := e.store.QuotaCounts(e.Context(), platforms, since)
		e.ok("QuotaCounts", err)
		slices.SortFunc(got, func(a, b cloud.QuotaCounts) int {
			return cmp.Or(cmp.Compare(a.Platform, b.Platform), cmp.Compare(a.Server, b.Server))
		})
		e.same(what, got, want)
	}
	one, two := row(platform1, "s1", someTime, 10, 1), row(platform1, "s2", someTime, 20, 2)
	other := row(platform2, "s1", someTime, 10, 3)
	put(one, other)
	put(two)
	put()
	has("counts of one", []string{platform1}, 0, one, two)
	has("counts of both", []string{platform2, platform1}, 0, one, two, other)
	has("counts of none", nil, 0)
	has("later counts", []string{platform1, platform2}, 11, two)
	one.Counts[""], one.At = cloud.QuotaCount{OfDay: 17}, 30
	put(one, row(platform1, "s3", someTime-1, 30, 1), row(mini1, "s1", 0, 30, 1))
	has("counts that were replaced", []string{platform1, mini1}, 0, one, two)
	e.store = e.Reopen(e.T, e.store)
	has("counts after reopening", []string{platform1}, 0, one, two)
	many := make([]string, 100) // in several queries
	for i := range many {
		many[i] = mini2
	}
	has("counts among many", append(many, platform2), 0, other)
	e.prune(15)
	has("counts after pruning", []string{platform1, platform2}, math.MinInt64, one, two)
}
