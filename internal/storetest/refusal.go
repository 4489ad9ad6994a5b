package storetest

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
)

func (e *exam) appendRefusals(recs ...cloud.Record) {
	e.Helper()
	e.ok("AppendRefusals", e.store.AppendRefusals(e.Context(), recs))
}

func (e *exam) refusals(since, until int64) []cloud.Record {
	e.Helper()
	var recs []cloud.Record
	e.ok("Refusals", e.store.Refusals(e.Context(), since, until, func(r cloud.Record) error {
		recs = append(recs, r)
		return nil
	}))
	return recs
}

// refusal is the record of a refused cloud call, some milliseconds after
// someTime.
func (e *exam) refusal(ms int64) cloud.Record {
	r := e.rec("cloudcall")
	r.At, r.Detail = someTime+ms, "4\nnot plain\n/wxa/%2e%2e/小程序\x00"
	return r
}

// refusalsRoundTrip: records come back as they went in, and apart from the
// audit record.
func refusalsRoundTrip(e *exam) {
	audit := e.rec("audit")
	e.append(audit)
	want := []cloud.Record{e.refusal(0), e.refusal(1), {At: someTime + 2}, e.refusal(3)}
	want[1].Code, want[1].Operator, want[1].RID = -501019, false, "two\nlines \"quoted\""
	mixed := []cloud.Record{want[2], want[0], want[3], want[1]}
	given := slices.Clone(mixed)
	e.appendRefusals(given...)
	e.same("what was given", given, mixed) // not sorted or changed in place
	e.appendRefusals()
	e.same("refusals", e.refusals(0, math.MaxInt64), want)
	e.same("audit record", e.records(all), []cloud.Record{audit})
	for _, c := range []struct{ since, until, from, to int64 }{
		{0, 4, 0, 4}, {1, 3, 1, 3}, {3, 4, 3, 4}, {4, 9, 4, 4}, {-9, 0, 0, 0}, {2, 2, 2, 2},
	} {
		got := e.refusals(someTime+c.since, someTime+c.until)
		if !slices.Equal(got, want[c.from:c.to]) {
			e.Errorf("refusals from %d until %d: %v\nwant %v", c.since, c.until, got, want[c.from:c.to])
		}
	}
	e.store = e.Reopen(e.T, e.store)
	e.same("refusals after reopening", e.refusals(0, math.MaxInt64), want)
}

// refusalsOrder: batches that overlap and span a long time, written by a
// crowd, come back oldest first and each once.
func refusalsOrder(e *exam) {
	var mu sync.Mutex
	var want []cloud.Record
	e.together(func(i int) (bool, error) {
		source := rand.New(rand.NewPCG(3, uint64(i)))
		var batch []cloud.Record
		for range 20 {
			batch = append(batch, e.refusal(source.Int64N(10*time.Minute.Milliseconds())))
		}
		mu.Lock()
		want = append(want, batch...)
		mu.Unlock()
		return true, e.store.AppendRefusals(e.Context(), batch)
	})
	got := e.refusals(0, math.MaxInt64)
	if !slices.IsSortedFunc(got, byTime) {
		e.Error("refusals are not in the order of time")
	}
	e.sameSet(got, want)
	since, until := int64(someTime+150_000), int64(someTime+450_000)
	outside := func(r cloud.Record) bool { return r.At < since || r.At >= until }
	e.sameSet(e.refusals(since, until), slices.DeleteFunc(want, outside))
}

// refusalsEndEarly: an error of the reader ends the search and is what it
// returns; a reader may write meanwhile.
func refusalsEndEarly(e *exam) {
	for i := range int64(60) {
		e.appendRefusals(e.refusal(i * 2 * time.Minute.Milliseconds()))
	}
	enough, seen := errors.New("enough"), 0
	err := e.store.Refusals(e.Context(), 0, math.MaxInt64, func(cloud.Record) error {
		if seen++; seen == 3 {
			return enough
		}
		return e.store.AppendRefusals(e.Context(), []cloud.Record{e.refusal(-hour)})
	})
	if !errors.Is(err, enough) || seen != 3 {
		e.Errorf("Refusals ended with %v after %d records, want the reader's error after 3", err, seen)
	}
}
