package storetest

import (
	"math"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/tcb"
)

// changeEvents replaces the event addresses of a platform.
func (e *exam) changeEvents(platform string, old, now []cloud.EventAddress) error {
	e.Helper()
	a, err := e.store.Account(e.Context(), platform)
	e.ok("Account", err)
	sets, err := e.store.PlatformSets(e.Context(), platform)
	e.ok("PlatformSets", err)
	return e.store.ChangeAccount(e.Context(), cloud.AccountChange{
		Old: &a, New: a, OldSets: sets, Sets: sets, OldEvents: old, Events: now,
	}, e.rec("events"))
}

func (e *exam) events(platform string) []cloud.EventAddress {
	e.Helper()
	all, err := e.store.EventAddresses(e.Context(), platform)
	e.ok("EventAddresses", err)
	return all
}

// eventAddresses: they are kept in their order; the ticket of what is new or changed
// is due, and of nothing else; they go with the platform.
func eventAddresses(e *exam) {
	one, two := cloud.EventAddress{URL: urlOne, Sealed: "sealed"}, cloud.EventAddress{URL: urlTwo, Sealed: "sealed too"}
	e.ok("two addresses", e.changeEvents(platform1, nil, []cloud.EventAddress{two, one}))
	e.ok("of another", e.changeEvents(platform2, nil, []cloud.EventAddress{one}))
	e.same("the addresses", e.events(platform1), []cloud.EventAddress{two, one})
	e.same("due", e.dueTickets(0), []string{platform1 + " " + urlOne, platform1 + " " + urlTwo, platform2 + " " + urlOne})
	due, err := e.store.DueTickets(e.Context(), 0, math.MaxInt64, 100)
	e.ok("DueTickets", err)
	for range 2 { // the second time they are due no more
		e.ok("RecordTickets", e.store.RecordTickets(e.Context(), due, func(cloud.DueTicket) int64 { return 500 }, someTime))
	}
	e.same("tickets", len(e.list(cloud.PushFilter{})), 2)
	e.same("due", e.dueTickets(499), []string(nil))
	e.same("due later", len(e.dueTickets(500)), 3)
	late, err := e.store.DueTickets(e.Context(), 0, 499, 100)
	e.same("due too late", len(late), 3)
	e.ok("DueTickets", err)
	changed := cloud.EventAddress{URL: urlOne, Sealed: "sealed again"}
	e.ok("one is changed, and moved", e.changeEvents(platform1, []cloud.EventAddress{two, one}, []cloud.EventAddress{changed, two}))
	e.same("the addresses", e.events(platform1), []cloud.EventAddress{changed, two})
	e.same("due of what changed", e.dueTickets(0), []string{platform1 + " " + urlOne})
	e.fails("decided on others", e.changeEvents(platform1, []cloud.EventAddress{two}, nil), cloud.ErrStale)
	e.ok("one is taken away", e.changeEvents(platform1, []cloud.EventAddress{changed, two}, []cloud.EventAddress{two}))
	view, err := e.store.PlatformView(e.Context(), platform1)
	e.ok("PlatformView", err)
	e.same("shown", view.Events, []cloud.EventView{{URL: urlTwo}})
	views, err := e.store.PlatformViews(e.Context(), cloud.PlatformFilter{}, cloud.Page{Limit: 10})
	e.ok("PlatformViews", err)
	e.same("in the list", views[0].Events, []cloud.EventView{{URL: urlTwo}})
	e.same("in the list", views[1].Events, []cloud.EventView{{URL: urlOne}})
	world, err := e.store.WorldPlatforms(e.Context(), cloud.Page{Limit: 10})
	e.ok("WorldPlatforms", err)
	e.same("in the world", world[0].With.Events, cloud.Given([]cloud.EventSetting{{URL: urlTwo}}))
}

// eventsOfChanges: each change is an event or is none, and records both or neither.
func eventsOfChanges(e *exam) {
	e.consent(platform1, mini1, "before", 18) // there is no address
	e.atOne()
	e.consent(platform2, mini1, "of another", 64)
	e.consent(platform1, mini1, "same", 18)
	e.consent(platform1, mini1, "more", 49, 18)
	e.consent(platform1, mini1, "order", 18, 49)
	e.revoke(platform1, mini1)
	ok, err := e.store.Revoke(e.Context(), platform1, mini1, e.rec("revoke"))
	e.is(false)("Revoke again", ok, err)
	e.consent(platform1, mini1, "anew", 18)
	e.same("events", e.states(), []string{"updateauthorized superseded", "unauthorized superseded", "authorized waiting"})
	last := e.list(cloud.PushFilter{AppID: cloud.Given(mini1), State: cloud.Given("waiting")})
	want := cloud.Push{
		Platform: platform1, ID: last[0].ID, URL: urlOne, Kind: tcb.EventAuthorized, AppID: mini1,
		At: someTime + e.made.Load(), Lane: cloud.Answering, RefreshMAC: "refresh-of-anew", Sealed: "sealed",
	}
	e.same("the event", last, []cloud.Push{want})
	a, err := e.store.Account(e.Context(), platform1)
	e.ok("Account", err)
	off := a
	off.State = cloud.Disabled
	events := e.events(platform1)
	e.ok("disable", e.store.ChangeAccount(e.Context(),
		cloud.AccountChange{Old: &a, New: off, OldEvents: events, Events: events}, e.rec("disable")))
	e.revoke(platform1, mini1)
	e.same("events of a platform that is disabled", len(e.states()), 3)
	e.same("of one without address", len(e.list(cloud.PushFilter{Kind: cloud.Given(tcb.EventUnauthorized)})), 1)
}
