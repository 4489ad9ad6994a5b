package cloud_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/tcb"
)

// pushRig are the rules with a machine's clock that tests set: tries go by it, and
// tickets by the service's.
type pushRig struct {
	*rig
	real  time.Time
	under cloud.UnderWay
}

func newPushRig(t *testing.T, urls ...string) *pushRig {
	r := &pushRig{rig: newRig(t), real: time.UnixMilli(5), under: cloud.UnderWay{Addresses: map[string]int{}}}
	r.ok("Close", r.cloud.Close())
	r.cloud = cloud.New(cloud.Config{
		Store: r.store, Blobs: r.blobs, Ring: r.ring, Now: r.now, Real: func() time.Time { return r.real },
	})
	r.Cleanup(func() { r.ok("Close", errors.Join(r.cloud.Close(), r.blobs.Close(), r.store.Close())) })
	var events []cloud.EventSetting
	for _, u := range urls {
		events = append(events, cloud.EventSetting{URL: u, Token: "abc", AESKey: strings.Repeat("a", 43)})
	}
	_, err := r.cloud.ChangePlatform(t.Context(), r.cloud.OperatorCaller(operatorRID), platform1,
		cloud.PlatformChange{Events: cloud.Given(events)})
	r.ok("ChangePlatform", err)
	return r
}

func (r *pushRig) take() []cloud.Push {
	r.Helper()
	taken, err := r.cloud.TakePushes(r.Context(), &r.under)
	r.ok("TakePushes", err)
	return taken
}

func (r *pushRig) end(p cloud.Push, d cloud.Delivered) {
	r.Helper()
	r.ok("EndPush", r.cloud.EndPush(r.Context(), p, d))
	r.under.Add(p, -1)
}

// pauses fails a push as often as it is taken, and returns the pauses between.
func (r *pushRig) pauses(first cloud.Push) (all []time.Duration) {
	r.Helper()
	r.end(first, cloud.Delivered{Status: 500})
	last := r.real
	for range 100 {
		p, err := r.store.Push(r.Context(), first.Platform, first.ID)
		r.ok("Push", err)
		if p.State != cloud.PushWaiting {
			if p.State != cloud.PushGivenUp {
				r.Errorf("it ended as %s", p.State)
			}
			break
		}
		r.real = time.UnixMilli(p.DueAt - 1)
		if early := r.take(); len(early) != 0 {
			r.Fatalf("taken early: %+v", early)
		}
		r.real = time.UnixMilli(p.DueAt)
		taken := r.take()
		if len(taken) != 1 {
			r.Fatalf("%d are taken", len(taken))
		}
		all = append(all, r.real.Sub(last))
		last = r.real
		r.end(taken[0], cloud.Delivered{Fault: "no answer"})
	}
	return all
}

// TestPauses: an event is tried again for a day, a ticket twice.
// Proves: PU-11
func TestPauses(t *testing.T) {
	r := newPushRig(t, "http://one.example")
	r.ok("RecordDueTickets", r.cloud.RecordDueTickets(t.Context()))
	ticket := r.take()[0]
	if got, want := r.pauses(ticket), []time.Duration{5 * time.Second, 30 * time.Second}; !slices.Equal(got, want) {
		t.Errorf("a ticket is tried after %v, want %v", got, want)
	}
	_, err := r.cloud.Authorize(t.Context(), r.cloud.OperatorCaller(operatorRID), platform1, mini1, []int{18})
	r.ok("Authorize", err)
	got := r.pauses(r.take()[0])
	want := []time.Duration{5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute}
	for len(want) < 5+23 {
		want = append(want, time.Hour)
	}
	if !slices.Equal(got, want) {
		t.Errorf("an event is tried after %v", got)
	}
}

// TestTakenOver: what a server took and did not end is taken again within 30 s, and
// its code is another.
// Proves: PU-13
func TestTakenOver(t *testing.T) {
	r := newPushRig(t, "http://one.example")
	r.ok("RecordDueTickets", r.cloud.RecordDueTickets(t.Context()))
	r.end(r.take()[0], cloud.Delivered{OK: true})
	_, err := r.cloud.Authorize(t.Context(), r.cloud.OperatorCaller(operatorRID), platform1, mini1, []int{18})
	r.ok("Authorize", err)
	first := r.take()[0]
	one, err := r.cloud.Letter(t.Context(), first)
	r.ok("Letter", err)
	r.under = cloud.UnderWay{Addresses: map[string]int{}} // another server's
	r.real = r.real.Add(cloud.PushTime)
	if early := r.take(); len(early) != 0 {
		t.Fatalf("taken from a server that may be at it: %+v", early)
	}
	r.real = r.real.Add(29*time.Second - cloud.PushTime)
	second := r.take()
	if len(second) != 1 || second[0].ID != first.ID || second[0].Tries != 2 {
		t.Fatalf("taken over: %+v", second)
	}
	two, err := r.cloud.Letter(t.Context(), second[0])
	if r.ok("Letter", err); one.Secret == two.Secret || !strings.HasPrefix(one.Secret, "queryauthcode@@@") {
		t.Error("both are sent with one code")
	}
	r.end(second[0], cloud.Delivered{OK: true})
	r.ok("EndPush, late", r.cloud.EndPush(t.Context(), first, cloud.Delivered{Status: 500}))
	p, err := r.store.Push(t.Context(), platform1, first.ID)
	if r.ok("Push", err); p.State != cloud.PushDelivered {
		t.Errorf("it is %s", p.State)
	}
}

// TestPlaces: addresses that failed take at most 16 places, new ones leave some, and
// none takes more than four.
// Proves: PU-12
func TestPlaces(t *testing.T) {
	var urls []string
	for i := range 70 {
		urls = append(urls, fmt.Sprintf("http://%d.example", i))
	}
	r := newPushRig(t, urls...)
	r.ok("RecordDueTickets", r.cloud.RecordDueTickets(t.Context()))
	untried := r.take()
	if len(untried) != 40 {
		t.Errorf("%d new ones at once", len(untried))
	}
	for _, p := range untried {
		r.end(p, cloud.Delivered{})
	}
	for _, p := range r.take() {
		r.end(p, cloud.Delivered{OK: p.URL == urls[69]})
	}
	for range 5 {
		_, err := r.cloud.PushTicket(t.Context(), r.cloud.OperatorCaller(operatorRID), platform1)
		r.ok("PushTicket", err)
	}
	for i := range 8 { // events are not superseded by another's
		operator, appid := r.cloud.OperatorCaller(operatorRID), fmt.Sprintf("wx%015xe", i)
		_, _, err := r.cloud.PutMiniProgram(t.Context(), operator, appid, cloud.MiniProgramChange{})
		r.ok("PutMiniProgram", err)
		_, err = r.cloud.Authorize(t.Context(), operator, platform1, appid, []int{18})
		r.ok("Authorize", err)
	}
	counts := map[cloud.Lane]int{}
	of := map[string]int{}
	for _, p := range r.take() {
		counts[p.Lane]++
		of[p.URL]++
	}
	if counts[cloud.Failing] != 16 || counts[cloud.Answering] != 4 || of[urls[69]] != 4 {
		t.Errorf("taken: %v, %d of the one that answers", counts, of[urls[69]])
	}
	for u, n := range of {
		if n > 4 {
			t.Errorf("%d of %s", n, u)
		}
	}
	if more := r.take(); len(more) != 0 {
		t.Errorf("%d more", len(more))
	}
}

// TestTicketsAreSpread: after a time without a server all tickets are due at once, and
// then each at its address's own moment.
// Proves: PU-7
func TestTicketsAreSpread(t *testing.T) {
	var urls []string
	for i := range 60 {
		urls = append(urls, fmt.Sprintf("http://%d.example", i))
	}
	r := newPushRig(t, urls...)
	r.ok("RecordDueTickets", r.cloud.RecordDueTickets(t.Context()))
	r.clock.Add((3 * time.Hour).Milliseconds())
	r.ok("RecordDueTickets", r.cloud.RecordDueTickets(t.Context()))
	minutes := map[int64]int{}
	due, err := r.store.DueTickets(t.Context(), math.MaxInt64-1, math.MaxInt64, 100)
	r.ok("DueTickets", err)
	for _, d := range due {
		minutes[(d.At-r.clock.Load())/60_000]++
	}
	if len(due) != len(urls) || len(minutes) != 10 {
		t.Errorf("the next tickets by minute: %v", minutes)
	}
}

// TestCrowdedPlaces: an address has one place until it has answered, and when half of
// all are taken. One that answered and held up others counts among those that fail.
// Proves: PU-12
func TestCrowdedPlaces(t *testing.T) {
	var urls []string
	for i := range 34 {
		urls = append(urls, fmt.Sprintf("http://%d.example", i))
	}
	r := newPushRig(t, urls...)
	for i := range 4 {
		operator, appid := r.cloud.OperatorCaller(operatorRID), fmt.Sprintf("wx%015xe", i)
		_, _, err := r.cloud.PutMiniProgram(t.Context(), operator, appid, cloud.MiniProgramChange{})
		r.ok("PutMiniProgram", err)
		_, err = r.cloud.Authorize(t.Context(), operator, platform1, appid, []int{18})
		r.ok("Authorize", err)
	}
	of := func(taken []cloud.Push, lane cloud.Lane) map[string]int {
		all := map[string]int{}
		for _, p := range taken {
			if p.Lane == lane {
				all[p.URL]++
			}
		}
		return all
	}
	first := r.take()
	if len(first) != 34 || len(of(first, cloud.Untried)) != 34 {
		t.Errorf("taken of new ones: %v", of(first, cloud.Untried))
	}
	for _, p := range first {
		r.end(p, cloud.Delivered{OK: true, Slow: p.URL == urls[0]})
	}
	second := r.take()
	if len(second) != 34 || len(of(second, cloud.Answering)) != 33 || of(second, cloud.Failing)[urls[0]] != 1 {
		t.Errorf("taken when half are: %v, %v", of(second, cloud.Answering), of(second, cloud.Failing))
	}
}

// TestNoUse: a push whose address or consent is gone is given up, and a disabled
// platform's waits.
// Proves: PU-9
func TestNoUse(t *testing.T) {
	r := newPushRig(t, "http://one.example", "http://two.example")
	operator := r.cloud.OperatorCaller(operatorRID)
	r.ok("RecordDueTickets", r.cloud.RecordDueTickets(t.Context()))
	tickets := r.take()
	change := func(with cloud.PlatformChange) {
		t.Helper()
		_, err := r.cloud.ChangePlatform(t.Context(), operator, platform1, with)
		r.ok("ChangePlatform", err)
	}
	change(cloud.PlatformChange{Disabled: cloud.Given(true)})
	if _, err := r.cloud.Letter(t.Context(), tickets[0]); err == nil || errors.Is(err, cloud.ErrNoPush) {
		t.Errorf("of a platform that is disabled: %v", err)
	}
	change(cloud.PlatformChange{Disabled: cloud.Given(false)})
	for _, p := range tickets { // an address has one place until it has answered
		r.end(p, cloud.Delivered{OK: true})
	}
	_, err := r.cloud.Authorize(t.Context(), operator, platform1, mini1, []int{18})
	r.ok("Authorize", err)
	event := r.take()[0]
	change(cloud.PlatformChange{Events: cloud.Given([]cloud.EventSetting{{URL: "http://two.example"}})})
	for _, p := range []cloud.Push{tickets[0], event} {
		p, err := r.store.Push(t.Context(), p.Platform, p.ID)
		r.ok("Push", err)
		if _, err := r.cloud.Letter(t.Context(), p); p.URL == "http://one.example" != errors.Is(err, cloud.ErrNoPush) {
			t.Errorf("%s to %s: %v", p.Kind, p.URL, err)
		}
	}
	back := cloud.EventSetting{URL: "http://one.example", Token: "abc", AESKey: strings.Repeat("b", 43)}
	change(cloud.PlatformChange{Events: cloud.Given([]cloud.EventSetting{back})})
	r.ok("Revoke", r.cloud.Revoke(t.Context(), operator, platform1, mini1))
	event, err = r.store.Push(t.Context(), platform1, event.ID)
	r.ok("Push", err)
	if _, err := r.cloud.Letter(t.Context(), event); !errors.Is(err, cloud.ErrNoPush) {
		t.Errorf("of a consent that counts no more: %v", err)
	}
	r.end(event, cloud.Delivered{NoUse: true, Fault: "of no use"})
	p, err := r.store.Push(t.Context(), platform1, event.ID)
	if r.ok("Push", err); p.State != cloud.PushSuperseded {
		t.Errorf("it is %s", p.State)
	}
}

// TestEventOfConsent: sets are compared, not their order.
// Proves: PU-8
func TestEventOfConsent(t *testing.T) {
	for _, c := range []struct {
		inForce  bool
		was, now []int
		want     string
	}{
		{false, nil, []int{18}, tcb.EventAuthorized},
		{false, []int{18}, []int{18}, tcb.EventAuthorized},
		{true, []int{18, 49}, []int{49, 18}, ""},
		{true, []int{18, 49}, []int{49}, tcb.EventUpdateAuthorized},
		{true, []int{18}, []int{49}, tcb.EventUpdateAuthorized},
	} {
		if got := cloud.EventOfConsent(c.inForce, c.was, c.now); got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}
