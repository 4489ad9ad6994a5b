package storetest

import (
	"errors"
	"math"
	"slices"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/tcb"
)

const (
	urlOne = "https://one.example/events"
	urlTwo = "https://two.example/events?x=1"
)

func (e *exam) dueTickets(now int64) (all []string) {
	e.Helper()
	due, err := e.store.DueTickets(e.Context(), now, math.MaxInt64, 100)
	e.ok("DueTickets", err)
	for _, d := range due {
		all = append(all, d.Platform+" "+d.URL)
	}
	slices.Sort(all)
	return all
}

// atOne gives platform1 one event address, whose ticket is not due.
func (e *exam) atOne() {
	e.Helper()
	e.ok("one address", e.changeEvents(platform1, e.events(platform1), []cloud.EventAddress{{URL: urlOne, Sealed: "sealed"}}))
	due, err := e.store.DueTickets(e.Context(), someTime, math.MaxInt64, 100)
	e.ok("DueTickets", err)
	e.ok("RecordTickets", e.store.RecordTickets(e.Context(), due, func(cloud.DueTicket) int64 { return math.MaxInt64 }, someTime))
	for _, p := range e.take(0) {
		e.end(p, cloud.PushDelivered, cloud.Answering)
	}
}

// list is the pushes of platform1, the oldest first.
func (e *exam) list(f cloud.PushFilter) []cloud.Push {
	e.Helper()
	all, err := e.store.Pushes(e.Context(), platform1, f, cloud.Page{Limit: 1000})
	e.ok("Pushes", err)
	slices.Reverse(all)
	return all
}

func (e *exam) states() (all []string) {
	e.Helper()
	for _, p := range e.list(cloud.PushFilter{}) {
		if p.Kind != tcb.EventTicket {
			all = append(all, p.Kind+" "+p.State.String())
		}
	}
	return all
}

// take takes whatever is due at a time of the machine's, for 100 ms.
func (e *exam) take(now int64, full ...string) (all []cloud.Push) {
	e.Helper()
	for lane := range cloud.Lanes {
		due, err := e.store.DuePushes(e.Context(), lane, now, full, 100)
		e.ok("DuePushes", err)
		taken, err := e.store.TakePushes(e.Context(), due, now+100)
		e.ok("TakePushes", err)
		all = append(all, taken...)
	}
	return all
}

func (e *exam) end(p cloud.Push, state cloud.PushState, lane cloud.Lane) {
	e.Helper()
	e.ok("EndPush", e.store.EndPush(e.Context(), p, cloud.PushEnd{
		State: state, Lane: lane, DueAt: p.DueAt + 1000,
		Last: cloud.PushTry{At: p.DueAt, Status: 500, Answer: "the answer", Success: true, Fault: "the fault"}, TicketAt: 0,
	}))
}

// pushLife: what is due is taken once, ends as it is said, and is taken again when its
// server says nothing.
func pushLife(e *exam) {
	e.atOne()
	e.consent(platform1, mini1, "c1", 18)
	e.same("due at a full address", len(e.take(10, urlOne)), 0)
	first := e.take(10)
	if len(first) != 1 || first[0].Tries != 1 || first[0].State != cloud.PushUnderWay || first[0].DueAt != 110 {
		e.Fatalf("taken: %+v", first)
	}
	e.same("taken before its time", len(e.take(109)), 0)
	second := e.take(110)
	e.same("taken over", len(second), 1)
	e.end(first[0], cloud.PushDelivered, cloud.Answering) // too late to count
	e.same("its state", e.states(), []string{"updateauthorized waiting"})
	e.end(second[0], cloud.PushWaiting, cloud.Failing)
	p, err := e.store.Push(e.Context(), platform1, second[0].ID)
	e.ok("Push", err)
	want := second[0]
	want.State, want.Lane, want.DueAt = cloud.PushWaiting, cloud.Failing, second[0].DueAt+1000
	want.Last = cloud.PushTry{At: second[0].DueAt, Status: 500, Answer: "the answer", Success: true, Fault: "the fault"}
	e.same("after a try", p, want)
	e.same("before its next try", len(e.take(want.DueAt-1)), 0)
	third := e.take(want.DueAt)
	e.end(third[0], cloud.PushDelivered, cloud.Answering)
	e.end(third[0], cloud.PushGivenUp, cloud.Failing)
	e.same("its end", e.states(), []string{"updateauthorized delivered"})
	e.same("due for ever", len(e.take(math.MaxInt64-1000)), 0)
	e.consent(platform1, mini2, "c2", 18, 64)
	e.same("lane", e.list(cloud.PushFilter{AppID: cloud.Given(mini2)})[0].Lane, cloud.Answering)
	_, err = e.store.Push(e.Context(), platform2, p.ID)
	e.fails("Push of another platform", err, cloud.ErrNotFound)
	e.store = e.Reopen(e.T, e.store)
	e.same("reopened", len(e.take(10)), 1)
}

// pushOrder: a newer event ends the tries of the older, and waits for the one that is
// under way.
func pushOrder(e *exam) {
	e.atOne()
	e.consent(platform1, mini1, "c1", 18)
	older := e.take(10)
	e.revoke(platform1, mini1)
	e.consent(platform1, mini2, "c2", 18, 64)
	others := e.take(20)
	if len(others) != 1 || others[0].AppID != mini2 {
		e.Fatalf("taken while an older event is under way: %+v", others)
	}
	e.end(older[0], cloud.PushWaiting, cloud.Failing)
	e.same("tried no more", e.states()[:2], []string{"updateauthorized superseded", "unauthorized waiting"})
	newer := e.take(21)
	e.same("the newer one", []any{len(newer), newer[0].Kind}, []any{1, tcb.EventUnauthorized})
	e.consent(platform1, mini1, "c3", 18)
	e.same("while its server is silent", len(e.take(120)), 1) // that of mini2
	last := e.take(121)                                       // the silent one ends its tries first
	last = append(last, e.take(122)...)
	e.same("then", []any{len(last), last[0].Kind}, []any{1, tcb.EventAuthorized})
	e.end(newer[0], cloud.PushDelivered, cloud.Answering)
	e.same("at last", e.states()[1:], []string{"unauthorized superseded", "updateauthorized waiting", "authorized waiting"})
	old := e.list(cloud.PushFilter{Kind: cloud.Given(tcb.EventUnauthorized)})[0]
	e.fails("the older again", e.store.PushAgain(e.Context(), old, e.rec("again")), cloud.ErrStale)
	e.ok("under way again", e.store.PushAgain(e.Context(), last[0], e.rec("again")))
	e.same("is not taken twice", len(e.take(123)), 0)
	e.end(last[0], cloud.PushDelivered, cloud.Answering)
	e.ok("delivered again", e.store.PushAgain(e.Context(), last[0], e.rec("again")))
	again := e.take(124)
	e.same("again", []any{len(again), again[0].ID, again[0].Tries}, []any{1, last[0].ID, 1})
}

// pushContention: whatever happens at once, each push is taken by one, and the last
// event is the one that is open.
func pushContention(e *exam) {
	e.atOne()
	e.together(func(i int) (bool, error) {
		if i%2 == 0 {
			c := consentOf(platform1, mini1, ridOf(int64(i)), 18+i)
			return true, e.store.Consent(e.Context(), c, e.rec("consent"))
		}
		ok, err := e.store.Revoke(e.Context(), platform1, mini1, e.rec("revoke"))
		return ok, err
	})
	open := e.list(cloud.PushFilter{State: cloud.Given("waiting"), AppID: cloud.Given(mini1)})
	if len(open) != 1 {
		e.Fatalf("open: %+v", open)
	}
	inForce := e.authorization(platform1, mini1).InForce
	e.same("the open one is of the last change", open[0].Kind == tcb.EventUnauthorized, !inForce)
	due, err := e.store.DuePushes(e.Context(), cloud.Answering, 1, nil, 100)
	e.ok("DuePushes", err)
	e.same("taken by", e.together(func(int) (bool, error) {
		taken, err := e.store.TakePushes(e.Context(), due, 100)
		return len(taken) == 1, err
	}), 1)
}

// ticketPushes: on the operator's word each address has one; a newer ticket ends the
// tries of an older; when one arrived is known.
func ticketPushes(e *exam) {
	e.ok("addresses", e.changeEvents(platform1, nil, []cloud.EventAddress{{URL: urlTwo}, {URL: urlOne}}))
	rec := e.rec("push")
	made, err := e.store.PushTickets(e.Context(), platform1, rec)
	e.ok("PushTickets", err)
	e.wrote(rec)
	if len(made) != 2 || made[0].URL != urlTwo || made[1].URL != urlOne || made[0].At != rec.At || made[0].ID == "" {
		e.Fatalf("made: %+v", made)
	}
	again, err := e.store.PushTickets(e.Context(), platform1, e.rec("push"))
	e.ok("PushTickets", err)
	taken := e.take(1)
	e.same("taken", len(taken), 2)
	e.same("the older", e.list(cloud.PushFilter{})[0].State, cloud.PushSuperseded)
	at, err := e.store.TicketSent(e.Context(), platform1)
	e.same("sent", []any{at, err}, []any{int64(0), nil})
	e.ok("EndPush", e.store.EndPush(e.Context(), taken[0], cloud.PushEnd{State: cloud.PushDelivered, TicketAt: someTime}))
	at, err = e.store.TicketSent(e.Context(), platform1)
	e.same("sent", []any{at, err}, []any{int64(someTime), nil})
	none, err := e.store.PushTickets(e.Context(), platform2, e.rec("push"))
	e.same("of one without address", []any{len(none), err}, []any{0, nil})
	after := cloud.Page{After: []string{again[1].ID}, Limit: 2}
	page, err := e.store.Pushes(e.Context(), platform1, cloud.PushFilter{}, after)
	e.ok("Pushes", err)
	e.same("a page", []string{page[0].ID, page[1].ID}, []string{again[0].ID, made[1].ID})
}

// prunePushes: what is over goes when it is old, or more than is kept; what is open
// stays.
func prunePushes(e *exam) {
	e.atOne()
	for range 4 {
		_, err := e.store.PushTickets(e.Context(), platform1, e.rec("push"))
		e.ok("PushTickets", err)
	}
	e.consent(platform1, mini1, "c1", 18)
	all := e.list(cloud.PushFilter{})
	e.same("before", len(all), 6) // the first is delivered, three are superseded, two are open
	e.ok("PrunePushes", e.store.PrunePushes(e.Context(), time.Now().Add(-time.Hour), 100))
	e.same("nothing is old", len(e.list(cloud.PushFilter{})), 6)
	e.ok("PrunePushes", e.store.PrunePushes(e.Context(), time.Now().Add(-time.Hour), 3))
	e.same("three are kept", e.list(cloud.PushFilter{}), all[3:])
	e.ok("PrunePushes", e.store.PrunePushes(e.Context(), time.Now().Add(time.Hour), 100))
	e.same("those that are open", e.list(cloud.PushFilter{}), all[4:])
}

// removedPushes: the end of a Mini Program is an event, and nothing is left of a
// platform that is removed.
func removedPushes(e *exam) {
	e.atOne()
	for _, appid := range []string{mini1, platform1} {
		a, err := e.store.Account(e.Context(), appid)
		e.ok("Account", err)
		gone := a
		gone.State = cloud.Removing
		ch := cloud.AccountChange{Old: &a, New: gone}
		if a.IsPlatform {
			ch.OldEvents = e.events(appid)
			ch.Events = ch.OldEvents
		}
		e.ok("mark", e.store.ChangeAccount(e.Context(), ch, e.rec("mark")))
		counted := func(int64) cloud.Record { return e.rec("removal") }
		_, _, err = e.store.RemoveAuthorizations(e.Context(), gone, 100, counted)
		e.ok("RemoveAuthorizations", err)
		e.same("events after "+appid, e.states(), []string{"unauthorized waiting"})
		if a.IsPlatform {
			key := cloud.EnvironmentKey{Account: appid, Env: envBatch}
			e.ok("RemoveEnvironment", e.store.RemoveEnvironment(e.Context(), key, true, e.rec("env")))
			e.ok("RemoveAccount", e.store.RemoveAccount(e.Context(), gone, e.rec("gone")))
			e.same("left", []int{len(e.events(appid)), len(e.list(cloud.PushFilter{}))}, []int{0, 0})
			if _, err := e.store.Platform(e.Context(), appid); !errors.Is(err, cloud.ErrNotFound) {
				e.Error(err)
			}
		}
	}
}
