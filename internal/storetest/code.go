package storetest

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/opentcb/opentcb/internal/cloud"
)

// hold holds the code that the fixture and the parts of the exam use.
func (e *exam) hold(sums ...string) {
	e.Helper()
	for _, sum := range sums {
		e.ok("HoldCode", e.store.HoldCode(e.Context(), sum, someTime))
	}
}

func (e *exam) codeRow(sum string) cloud.CodeRow {
	e.Helper()
	rows, err := e.store.CodeRows(e.Context(), "", "~", 1000)
	e.ok("CodeRows", err)
	for _, row := range rows {
		if row.Sum == sum {
			return row
		}
	}
	return cloud.CodeRow{}
}

func sumNumber(n int) string { return fmt.Sprintf("%064x", n) }

// codeLife follows code from its holding to its removal.
func codeLife(e *exam) {
	sum := sumNumber(0xc0de)
	e.hold(sum)
	held := e.codeRow(sum)
	e.same("held code", held, cloud.CodeRow{Sum: sum, UsedAt: someTime})
	e.hold(sum)
	again := e.codeRow(sum)
	if again.UsedAt == held.UsedAt {
		e.Error("holding code again at the same moment does not show in its row")
	}
	rec := e.rec("gc")
	ok, err := e.store.DoomCode(e.Context(), held, someTime+5, rec)
	e.is(false)("DoomCode of a row that has changed", ok, err)
	e.wroteNot(rec)

	f := ownedFunction(function1)
	f.Sum = sum
	ok, err = e.store.PutCode(e.Context(), f, e.rec("UpdateFunctionCode"))
	e.is(true)("PutCode", ok, err)
	used := e.codeRow(sum)
	e.same("used code", used, cloud.CodeRow{Sum: sum, UsedAt: f.ModifiedAt, Used: true})
	users, err := e.store.CodeUsers(e.Context(), sum, 10)
	e.ok("CodeUsers", err)
	e.same("users", users, []cloud.Function{{Account: f.Account, Env: f.Env, Name: f.Name, Sum: sum}})
	ok, err = e.store.DoomCode(e.Context(), used, someTime+5, rec)
	e.is(false)("DoomCode of code in use", ok, err)

	next := ownedFunction(function1)
	next.ModifiedAt = f.ModifiedAt + 1000
	ok, err = e.store.PutCode(e.Context(), next, e.rec("UpdateFunctionCode"))
	e.is(true)("PutCode", ok, err)
	replaced := e.codeRow(sum)
	e.same("replaced code", replaced, cloud.CodeRow{Sum: sum, UsedAt: next.ModifiedAt})
	ok, err = e.store.DoomCode(e.Context(), used, someTime+5, rec)
	e.is(false)("DoomCode of code that was replaced since", ok, err)

	ok, err = e.store.DoomCode(e.Context(), replaced, someTime+6, rec)
	e.is(true)("DoomCode", ok, err)
	e.wrote(rec)
	e.fails("holding doomed code", e.store.HoldCode(e.Context(), sum, someTime+7), cloud.ErrStale)
	e.ok("ForgetCode", e.store.ForgetCode(e.Context(), sum, someTime+5)) // another's removal
	e.same("doomed code", e.codeRow(sum), cloud.CodeRow{Sum: sum, UsedAt: next.ModifiedAt, DoomedAt: someTime + 6})
	e.ok("ForgetCode", e.store.ForgetCode(e.Context(), sum, someTime+6))
	e.same("forgotten code", e.codeRow(sum), cloud.CodeRow{})
	e.hold(sum)
}

// codeRows: seen code is noted once, and rows come in order, page by page.
func codeRows(e *exam) {
	var sums []string
	for n := range 25 {
		sums = append(sums, sumNumber(n))
	}
	e.hold(sums[3])
	e.ok("SeeCode", e.store.SeeCode(e.Context(), sums, someTime+100))
	e.ok("SeeCode again", e.store.SeeCode(e.Context(), sums[:5], someTime+200))
	var got []string
	after := ""
	for {
		rows, err := e.store.CodeRows(e.Context(), after, sums[20], 10)
		e.ok("CodeRows", err)
		for _, row := range rows {
			want := int64(someTime + 100)
			if row.Sum == sums[3] {
				want = someTime
			}
			e.same("row", row, cloud.CodeRow{Sum: row.Sum, UsedAt: want})
			got = append(got, row.Sum)
			after = row.Sum
		}
		if len(rows) < 10 {
			break
		}
	}
	e.same("rows", strings.Join(got, " "), strings.Join(sums[:21], " "))
}

// codeNotHeld: a row never names code that collection may have taken away.
func codeNotHeld(e *exam) {
	before := e.state()
	f := ownedFunction(function1)
	f.Sum = sumNumber(1)
	rec := e.rec("UpdateFunctionCode")
	_, err := e.store.PutCode(e.Context(), f, rec)
	e.fails("PutCode of code that nobody held", err, cloud.ErrStale)
	merchant := fixtureFunction(env1, "new")
	merchant.Sum = sumNumber(1)
	err = e.store.Apply(e.Context(), []cloud.Change{cloud.PutFunction{Function: merchant}}, []cloud.Record{rec})
	e.fails("Apply of code that nobody held", err, cloud.ErrStale)
	e.hold(sumNumber(1))
	ok, err := e.store.DoomCode(e.Context(), e.codeRow(sumNumber(1)), someTime, e.rec("gc"))
	e.is(true)("DoomCode", ok, err)
	_, err = e.store.PutCode(e.Context(), f, rec)
	e.fails("PutCode of code that is doomed", err, cloud.ErrStale)
	e.wroteNot(rec)
	e.unchanged("code that could not be used", before)
}

// codeContention: of those who take code into use and those who doom it only
// one side ever wins.
func codeContention(e *exam) {
	for round := range 20 {
		sum := sumNumber(1000 + round)
		e.hold(sum)
		row := e.codeRow(sum)
		var doomed bool
		var used [4]bool
		var wg sync.WaitGroup
		wg.Go(func() {
			var err error
			if doomed, err = e.store.DoomCode(e.Context(), row, someTime, e.rec("gc")); err != nil {
				e.Errorf("DoomCode: %v", err)
			}
		})
		for i := range used {
			wg.Go(func() {
				f := ownedFunction([]string{function1, function2}[i%2])
				f.Sum = sum
				ok, err := e.store.PutCode(e.Context(), f, e.rec("UpdateFunctionCode"))
				if err != nil && !errors.Is(err, cloud.ErrStale) {
					e.Errorf("PutCode: %v", err)
				}
				used[i] = ok
			})
		}
		wg.Wait()
		anyUsed := used[0] || used[1] || used[2] || used[3]
		now := e.codeRow(sum)
		if doomed == anyUsed || now.Used != anyUsed || (now.DoomedAt != 0) != doomed {
			e.Errorf("round %d: doomed %t, used %v, and the row is %+v", round, doomed, used, now)
		}
	}
}
