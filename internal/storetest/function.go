package storetest

import (
	"fmt"
	"math"
	"sync"
	"sync/atomic"

	"github.com/opentcb/opentcb/internal/cloud"
)

func functionRoundTrip(e *exam) {
	e.same("function of a world file", e.function(mini1, env1, function1), fixtureFunction(env1, function1))
	f := ownedFunction("third")
	rec := e.rec("createfunction")
	ok, err := e.store.CreateFunction(e.Context(), f, rec)
	e.is(true)("CreateFunction", ok, err)
	e.wrote(rec)
	e.same("created", e.function(mini1, env1, "third"), f)

	other := fixtureFunction(env1, "third")
	rec = e.rec("createfunction")
	ok, err = e.store.CreateFunction(e.Context(), other, rec)
	e.is(false)("CreateFunction of one that exists", ok, err)
	e.wroteNot(rec)
	e.same("after creating it again", e.function(mini1, env1, "third"), f)

	for name, of := range map[string][3]string{
		"account": {mini2, env1, "third"}, "environment": {mini1, env2, "third"}, "name": {mini1, env1, "Third"},
	} {
		_, err := e.store.Function(e.Context(), of[0], of[1], of[2])
		e.fails("a function of another "+name, err, cloud.ErrNotFound)
	}
}

func functionList(e *exam) {
	var want []cloud.Function
	for i := range 25 {
		f := ownedFunction(fmt.Sprintf("many-%02d", 24-i))
		f.Env = env3
		ok, err := e.store.CreateFunction(e.Context(), f, e.rec("createfunction"))
		e.is(true)("CreateFunction", ok, err)
		f.Name = fmt.Sprintf("many-%02d", i)
		want = append(want, f)
	}
	for _, page := range []struct{ offset, limit, from, to int64 }{
		{0, 10, 0, 10}, {10, 10, 10, 20}, {20, 10, 20, 25}, {25, 10, 25, 25}, {0, 25, 0, 25}, {24, 20, 24, 25},
		{math.MaxInt64, 20, 25, 25}, {0, 0, 0, 0},
	} {
		got, total, err := e.store.Functions(e.Context(), mini1, env3, page.offset, page.limit)
		e.ok("Functions", err)
		if total != 25 {
			e.Errorf("%d functions in all, want 25", total)
		}
		what := fmt.Sprintf("functions from %d, at most %d", page.offset, page.limit)
		e.same(what, append([]cloud.Function{}, got...), append([]cloud.Function{}, want[page.from:page.to]...))
	}
}

func functionContention(e *exam) {
	won := e.together(func(i int) (bool, error) {
		f := ownedFunction("raced")
		f.Size = int64(i + 1)
		return e.store.CreateFunction(e.Context(), f, e.rec("createfunction"))
	})
	if won != 1 {
		e.Errorf("%d of a crowd created the function", won)
	}
	if n := len(e.records(all)); n != 1 {
		e.Errorf("%d records, want 1", n)
	}
}

// codeWhole: PutCode replaces owner and code, and neither the name nor when
// the function was added.
func codeWhole(e *exam) {
	f := ownedFunction(function1)
	rec := e.rec("UpdateFunctionCode")
	ok, err := e.store.PutCode(e.Context(), f, rec)
	e.is(true)("PutCode", ok, err)
	e.wrote(rec)
	f.AddedAt, f.OwnerEpoch = fixtureFunction(env1, function1).AddedAt, f.ModifiedAt
	e.same("function", e.function(mini1, env1, function1), f)
	e.same("its namesake", e.function(mini1, env2, function1), fixtureFunction(env2, function1))
	e.same("its neighbour", e.function(mini1, env1, function2), fixtureFunction(env1, function2))

	ok, err = e.store.PutCode(e.Context(), f, e.rec("UpdateFunctionCode"))
	e.is(true)("PutCode again by the owner", ok, err)
	e.same("function of the same owner", e.function(mini1, env1, function1), f)

	bare := fixtureFunction(env1, function1)
	bare.OwnerEpoch = f.OwnerEpoch + 1 // since it is of an earlier time
	bare.Handler, bare.InstallDependency = "", false
	ok, err = e.store.PutCode(e.Context(), bare, e.rec("deploy"))
	e.is(true)("PutCode", ok, err)
	e.same("function whose code nobody owns", e.function(mini1, env1, function1), bare)

	rec = e.rec("UpdateFunctionCode")
	ok, err = e.store.PutCode(e.Context(), ownedFunction("no-such"), rec)
	e.is(false)("PutCode of a function that is not there", ok, err)
	e.wroteNot(rec)
	_, err = e.store.Function(e.Context(), mini1, env1, "no-such")
	e.fails("a function that was never created", err, cloud.ErrNotFound)
}

// codeReplayed: an upload that was taken before changes nothing, whether it is the
// latest or not.
func codeReplayed(e *exam) {
	first, second := ownedFunction(function1), ownedFunction(function1)
	first.Upload, second.Upload, second.Sum = "upload-1", "upload-2", sum1
	put := func(name string, f cloud.Function, want error) {
		e.Helper()
		before, rec := e.state(), e.rec("UpdateFunctionCode "+name)
		ok, err := e.store.PutCode(e.Context(), f, rec)
		if want == nil {
			e.is(true)(name, ok, err)
			return
		}
		e.fails(name, err, want)
		e.unchanged(name, before)
		e.wroteNot(rec)
	}
	put("first", first, nil)
	put("first repeated", first, cloud.ErrRepeated)
	put("second", second, nil)
	put("first after the second", first, cloud.ErrReplayed)
	put("second repeated", second, cloud.ErrRepeated)
	put("deployed", fixtureFunction(env1, function1), nil)
	put("second after another's code", second, cloud.ErrReplayed)
	elsewhere := ownedFunction(function2)
	elsewhere.Upload = "upload-1"
	put("first for another function", elsewhere, cloud.ErrReplayed)
}

// codeNeverHalf: a reader sees one code or the other, never the sum of one and
// the owner of the other.
func codeNeverHalf(e *exam) {
	var stop atomic.Bool
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for !stop.Load() {
				f, err := e.store.Function(e.Context(), mini1, env1, function1)
				begun := f.Handler != fixtureFunction(env1, function1).Handler
				if err != nil || begun && (f.Sum != sumOf(f.Owner) || f.Handler != "main-"+f.Owner) {
					e.Errorf("half a code: %+v, %v", f, err)
					return
				}
			}
		})
	}
	e.together(func(i int) (bool, error) {
		f := ownedFunction(function1)
		f.Owner = []string{platform1, platform2}[i%2]
		f.Sum, f.Handler = sumOf(f.Owner), "main-"+f.Owner
		return e.store.PutCode(e.Context(), f, e.rec("UpdateFunctionCode"))
	})
	stop.Store(true)
	readers.Wait()
}

// sumOf is the checksum of a platform's code.
func sumOf(owner string) string {
	if owner == platform1 {
		return sum1
	}
	return sum2
}
