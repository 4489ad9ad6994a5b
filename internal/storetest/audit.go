package storetest

import (
	"cmp"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
)

func (e *exam) append(recs ...cloud.Record) {
	e.Helper()
	e.ok("AppendRecords", e.store.AppendRecords(e.Context(), recs))
}

func byTime(a, b cloud.Record) int { return cmp.Compare(a.At, b.At) }

// recordsRoundTrip: every member comes back as it was given, whatever is in it.
func recordsRoundTrip(e *exam) {
	var want []cloud.Record
	for _, text := range []string{
		"plain", `a "quoted" \ one`, "two\nlines\tand\x00\x1b[31m", "小程序 📦", "<a&b>", "\u2028\u2029",
		"'; DROP TABLE audit; --", "%s $1 ?",
	} {
		r := e.rec("action")
		r.RID, r.Platform, r.AppID, r.Action, r.Target, r.Detail = text, text, text, text, text, text
		want = append(want, r)
	}
	bare := cloud.Record{At: someTime + 1000, Action: "bare"}
	negative := e.rec("negative")
	negative.Code = -501019
	want = append(want, negative, bare)
	given := slices.Clone(want)
	e.append(given...)
	e.same("what was given", given, want) // not sorted or changed in place
	e.same("records", e.records(all), want)
	e.append()
	e.same("records after none were added", e.records(all), want)
}

// recordsAgain: records that are given again, since it was not known whether
// they were written, are there once; in whatever order, and among others.
func recordsAgain(e *exam) {
	recs := []cloud.Record{e.rec("one"), e.rec("two"), e.rec("late")}
	recs[2].At += time.Hour.Milliseconds()
	want := slices.Clone(recs)
	slices.Reverse(recs)
	e.together(func(int) (bool, error) { return true, e.store.AppendRecords(e.Context(), slices.Clone(recs)) })
	e.append(e.rec("other"))
	e.append(recs...)
	got := slices.DeleteFunc(e.records(all), func(r cloud.Record) bool { return r.Action == "other" })
	e.same("records that were given again and again", got, want)

	refused := []cloud.Record{e.refusal(0), e.refusal(1)}
	for range 3 {
		e.ok("AppendRefusals", e.store.AppendRefusals(e.Context(), refused))
	}
	e.same("refusals that were given again and again", e.refusals(0, math.MaxInt64), refused)
}

func recordsFilter(e *exam) {
	var recs []cloud.Record
	for i := range 40 {
		r := e.rec("action")
		r.At = someTime + int64(i)*1000
		r.Platform, r.AppID = []string{platform1, platform2, ""}[i%3], []string{mini1, mini2}[i%2]
		r.Code = []cloud.Record{{Code: 0}, {Code: 40014}, {Code: -501019}, {Code: 0}}[i%4].Code
		r.Target = platform2 // naming an account in passing does not concern it
		recs = append(recs, r)
		e.append(r)
	}
	for name, f := range map[string]cloud.RecordFilter{
		"all":               {},
		"since":             {Since: someTime + 7000},
		"since in between":  {Since: someTime + 7001},
		"until":             {Until: someTime + 7000},
		"until in between":  {Until: someTime + 7001},
		"since and until":   {Since: someTime + 5000, Until: someTime + 9000},
		"of a platform":     {Account: platform2},
		"of a Mini Program": {Account: mini1},
		"of nobody":         {Account: "wx00000000000000ff"},
		"successes":         {Outcome: cloud.OnlyCode(0)},
		"refusals":          {Outcome: cloud.AnyRefusal},
		"one code":          {Outcome: cloud.OnlyCode(-501019)},
		"everything at once": {
			Since: someTime + 3000, Until: someTime + 30000, Account: mini2, Outcome: cloud.AnyRefusal,
		},
		"before all": {Until: someTime},
		"after all":  {Since: someTime + 40000},
	} {
		want := slices.DeleteFunc(slices.Clone(recs), func(r cloud.Record) bool { return !f.Fits(r) })
		if got := e.records(f); !slices.Equal(got, want) {
			e.Errorf("%s: %d records, want %d\n got %v\nwant %v", name, len(got), len(want), got, want)
		}
	}
}

// recordsOrder: batches that overlap in time, each in no order, written by a
// crowd, come back oldest first and each once.
func recordsOrder(e *exam) {
	var mu sync.Mutex
	var want []cloud.Record
	e.together(func(i int) (bool, error) {
		source := rand.New(rand.NewPCG(1, uint64(i)))
		var batch []cloud.Record
		for range 20 {
			r := e.rec("action")
			r.At = someTime + source.Int64N(5000)
			batch = append(batch, r)
		}
		mu.Lock()
		want = append(want, batch...)
		mu.Unlock()
		return true, e.store.AppendRecords(e.Context(), batch)
	})
	got := e.records(all)
	if !slices.IsSortedFunc(got, byTime) {
		e.Error("records are not in the order of time")
	}
	e.sameSet(got, want)
	f := cloud.RecordFilter{Since: someTime + 1000, Until: someTime + 4000}
	e.sameSet(e.records(f), slices.DeleteFunc(want, func(r cloud.Record) bool { return !f.Fits(r) }))
}

// sameSet wants the same records, each as often, in any order.
func (e *exam) sameSet(got, want []cloud.Record) {
	e.Helper()
	count := map[cloud.Record]int{}
	for _, r := range got {
		count[r]++
	}
	for _, r := range want {
		count[r]--
	}
	for r, n := range count {
		if n != 0 {
			e.Errorf("record %s: %+d times too often", r.RID, n)
		}
	}
}

// recordsLongTime: one batch may span any time, as after the store was out of
// reach, and a search by time still finds what lies within.
func recordsLongTime(e *exam) {
	var batch []cloud.Record
	for i := range 200 {
		r := e.rec("action")
		r.At = someTime + int64(i)*time.Minute.Milliseconds()/7
		batch = append(batch, r)
	}
	late := e.rec("late")
	late.At = someTime + 24*time.Hour.Milliseconds()
	shuffled := append(slices.Clone(batch), late)
	swap := func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] }
	rand.New(rand.NewPCG(2, 2)).Shuffle(len(shuffled), swap)
	e.append(shuffled...)
	e.same("records", e.records(all), append(slices.Clone(batch), late))
	for i := range len(batch) - 10 {
		f := cloud.RecordFilter{Since: batch[i].At, Until: batch[i+10].At}
		e.same("ten records", e.records(f), batch[i:i+10])
	}
}

// recordsEndEarly: records come while others are still to be read, and an
// error of the reader ends the search and is what it returns.
func recordsEndEarly(e *exam) {
	for i := range 200 {
		r := e.rec("action")
		r.At = someTime + int64(i)*2*time.Minute.Milliseconds()
		e.append(r)
	}
	enough, seen := errors.New("enough"), 0
	err := e.store.Records(e.Context(), all, func(cloud.Record) error {
		if seen++; seen == 3 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) || seen != 3 {
		e.Errorf("Records ended with %v after %d records, want the reader's error after 3", err, seen)
	}
	// A reader may write meanwhile: nothing waits for the end of the search.
	err = e.store.Records(e.Context(), all, func(cloud.Record) error {
		return e.store.AppendRecords(e.Context(), []cloud.Record{e.rec("other")})
	})
	e.ok("writing while reading", err)
}

// recordsOfNothing: a change that did not happen writes no record, also when
// others beside it do happen at the same moment.
func recordsOfNothing(e *exam) {
	stale := e.authorization(platform1, mini1)
	stale.Epoch = 99
	e.together(func(i int) (bool, error) {
		rec := e.rec("happens")
		if i%2 == 0 {
			return true, e.store.AppendRecords(e.Context(), []cloud.Record{rec})
		}
		rec.Action = "never happens"
		if i%4 == 1 {
			return e.store.IssueAuthorizerToken(e.Context(), stale, cloud.Issues{1}, rec)
		}
		return e.store.RedeemAuthCode(e.Context(), stale, "no-such-code", token("refresh"), cloud.Issues{1}, rec)
	})
	recs := e.records(all)
	for _, r := range recs {
		if r.Action != "happens" {
			e.Errorf("a record of what did not happen: %+v", r)
		}
	}
	if len(recs) != crowd/2 {
		e.Errorf("%d records, want %d", len(recs), crowd/2)
	}
}
