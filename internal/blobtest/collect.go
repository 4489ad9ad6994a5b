package blobtest

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/opentcb/opentcb/internal/blob"
)

func (e exam) collector() blob.Collector {
	e.Helper()
	c, ok := e.store.(blob.Collector)
	if !ok {
		e.Fatalf("%T is no blob.Collector", e.store)
	}
	return c
}

// listed is what List reports of a blob.
type listed struct {
	size     int64
	modified time.Time
}

// list lists all, and checks the order.
func (e exam) list() map[blob.Sum]listed {
	e.Helper()
	found, last := map[blob.Sum]listed{}, blob.Sum{}
	err := e.collector().List(e.Context(), func(sum blob.Sum, size int64, modified time.Time) error {
		if len(found) > 0 && bytes.Compare(last[:], sum[:]) >= 0 {
			e.Errorf("%s is listed after %s", sum, last)
		}
		found[sum], last = listed{size, modified}, sum
		return nil
	})
	if err != nil {
		e.Fatalf("List: %v", err)
	}
	return found
}

func list(e exam) {
	if found := e.list(); len(found) != 0 {
		e.Errorf("%d blobs in an empty store", len(found))
	}
	begun, sizes := time.Now(), map[blob.Sum]int64{}
	for size := range 40 {
		sizes[e.put(bytesOf(uint64(size), size))] = int64(size)
	}
	draft := e.create()
	defer draft.Discard()
	e.write(draft, []byte("no blob yet"))
	if err := e.store.Ping(e.Context()); err != nil {
		e.Error(err)
	}
	got := map[blob.Sum]int64{}
	for sum, l := range e.list() {
		got[sum] = l.size
		if l.modified.Before(begun.Add(-time.Minute)) || l.modified.After(time.Now().Add(time.Minute)) {
			e.Errorf("committed now, modified %v", l.modified)
		}
	}
	if !maps.Equal(got, sizes) {
		e.Errorf("%d blobs are listed, want %d:\n%v\n%v", len(got), len(sizes), got, sizes)
	}
}

func listStops(e exam) {
	for i := range 5 {
		e.put(bytesOf(uint64(i), 10))
	}
	enough, calls := errors.New("enough"), 0
	err := e.collector().List(e.Context(), func(blob.Sum, int64, time.Time) error {
		calls++
		return enough
	})
	if err != enough || calls != 1 {
		e.Errorf("List: %v after %d calls, want the caller's error after one", err, calls)
	}
	ctx, cancel := context.WithCancel(e.Context())
	calls = 0
	err = e.collector().List(ctx, func(blob.Sum, int64, time.Time) error {
		calls++
		cancel()
		return nil
	})
	if e.fails(err, context.Canceled); calls != 1 {
		e.Errorf("%d calls, one before it was cancelled", calls)
	}
	e.fails(e.collector().List(ctx, nil), context.Canceled)
	e.fails(e.collector().Remove(ctx, blob.Sum{7}), context.Canceled)
}

func remove(e exam) {
	kept, gone := bytesOf(1, 100_000), bytesOf(2, 100_000)
	e.put(kept)
	sum := e.put(gone)
	b := e.open(sum)
	defer b.Close()
	for range 2 {
		if err := e.collector().Remove(e.Context(), sum); err != nil {
			e.Fatalf("Remove: %v", err)
		}
		e.refuse(e.Context(), sum, blob.ErrNotFound)
	}
	var got bytes.Buffer
	if _, err := got.ReadFrom(b); err != nil || !bytes.Equal(got.Bytes(), gone) {
		e.Errorf("the reader that had it open read %d bytes, %v", got.Len(), err)
	}
	if sums := slices.Collect(maps.Keys(e.list())); !slices.Equal(sums, []blob.Sum{sumOf(kept)}) {
		e.Errorf("left: %v", sums)
	}
	e.expect(kept)
	e.put(gone)
	e.expect(gone)
}

// commitMakesYoung is what keeps collection from taking code that was stored
// long ago, needed by nobody, and is being uploaded again.
func commitMakesYoung(e exam) {
	data := []byte("again")
	sum := e.put(data)
	before := e.list()[sum].modified
	time.Sleep(1100 * time.Millisecond) // storage may know whole seconds only
	e.put(data)
	if after := e.list()[sum].modified; !after.After(before) {
		e.Errorf("committed again, it is as old as before: %v, %v", before, after)
	}
	e.expect(data)
}

// check reads what is stored, whatever was verified a moment ago.
func check(e exam) {
	data := damaged(0)
	sum := e.put(data)
	e.expect(data)
	if size, err := e.collector().Check(e.Context(), sum); err != nil || size != int64(len(data)) {
		e.Errorf("Check of a sound blob: %d, %v", size, err)
	}
	for _, damage := range damages {
		e.put(data)
		e.Alter(e.T, e.store, sum, func(p []byte) []byte { return damage.change(p) })
		_, err := e.collector().Check(e.Context(), sum)
		if e.fails(err, blob.ErrCorrupt); err == nil {
			e.Errorf("%s: not found by Check", damage.name)
		}
	}
	_, err := e.collector().Check(e.Context(), blob.Sum{7})
	e.fails(err, blob.ErrNotFound)
}
