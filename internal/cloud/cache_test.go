package cloud

import (
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func row(v int) func() (int, error) { return func() (int, error) { return v, nil } }

// want gets a row that must come out as given.
func want(t *testing.T, c *cache[string, int], key string, load func() (int, error), v int) {
	t.Helper()
	if got, err := c.get(key, cached, load); err != nil || got != v {
		t.Errorf("get %s = %d, %v; want %d", key, got, err, v)
	}
}

func TestCacheKeepsRowsUntilTheyAreDropped(t *testing.T) {
	c := newCache[string, int](10, 0)
	want(t, c, "a", row(1), 1)
	want(t, c, "b", row(1), 1)
	want(t, c, "a", row(2), 1)
	c.drop("a")
	want(t, c, "a", row(3), 3)
	want(t, c, "b", row(3), 1)
	c.clear()
	want(t, c, "a", row(4), 4)
	want(t, c, "b", row(4), 4)
}

func TestCacheKeepsNoErrors(t *testing.T) {
	c := newCache[string, int](10, 0)
	gone := errors.New("gone")
	if _, err := c.get("a", cached, func() (int, error) { return 7, gone }); !errors.Is(err, gone) {
		t.Errorf("get = %v, want the error of load", err)
	}
	want(t, c, "a", row(1), 1)
}

// A reader that began before a change must not put back what it read then.
func TestCacheForgetsWhatWasReadBeforeADrop(t *testing.T) {
	for name, forget := range map[string]func(*cache[string, int]){
		"drop":  func(c *cache[string, int]) { c.drop("b", "a") },
		"clear": func(c *cache[string, int]) { c.clear() },
	} {
		c := newCache[string, int](10, 0)
		if got, err := c.get("a", cached, func() (int, error) { forget(c); return 1, nil }); got != 1 || err != nil {
			t.Errorf("%s: the reader itself got %d, %v", name, got, err)
		}
		if got, _ := c.get("a", cached, row(2)); got != 2 {
			t.Errorf("%s: a later reader got %d, which was read before", name, got)
		}
	}
}

func TestCacheIsBounded(t *testing.T) {
	c := newCache[string, int](10, 0)
	for i := range 1000 {
		key := string(rune('a' + i))
		want(t, c, key, row(i), i)
		want(t, c, key, row(-1), i) // the newest row is kept whatever gives way
		if len(c.rows) > 10 {
			t.Fatalf("%d rows are kept, want 10 at most", len(c.rows))
		}
	}
}

// Once a change has returned, no reader that begins then sees what was there
// before.
func TestCacheCoherence(t *testing.T) {
	c := newCache[string, int64](4, 0)
	keys := []string{"a", "b", "c", "d", "e", "f"} // more than fit
	stored := map[string]*atomic.Int64{}
	for _, key := range keys {
		stored[key] = new(atomic.Int64)
	}
	var done atomic.Bool
	var readers, writers sync.WaitGroup
	for _, key := range keys {
		var returned atomic.Int64
		writers.Go(func() {
			for v := int64(1); v <= 200; v++ {
				stored[key].Store(v)
				c.drop(key)
				returned.Store(v)
			}
		})
		for range 2 {
			readers.Go(func() {
				for !done.Load() {
					least := returned.Load()
					got, _ := c.get(key, cached, func() (int64, error) { return stored[key].Load(), nil })
					if got < least {
						t.Errorf("read %d after the change to %d had returned", got, least)
						return
					}
					runtime.Gosched()
				}
			})
		}
	}
	writers.Wait()
	done.Store(true)
	readers.Wait()
}

// UT-15, CC-8: where other servers change rows, one in memory will do for its
// life only, and an error in its place is no row.
func TestCacheOfChangingRows(t *testing.T) {
	t.Parallel()
	const life = 50 * time.Millisecond
	c := newCache[string, int](10, life)
	stored := 1
	var fault error
	get := func(want freshness) (int, error) {
		return c.get("a", want, func() (int, error) { return stored, fault })
	}
	began := time.Now()
	if got, err := get(cached); got != 1 || err != nil {
		t.Fatal(got, err)
	}
	stored = 2
	if got, _ := get(cached); got != 1 && time.Since(began) < life {
		t.Errorf("a cached row was read again: %d", got)
	}
	if got, _ := get(reread); got != 2 {
		t.Errorf("reread: %d", got)
	}
	if got, _ := get(cached); got != 2 {
		t.Errorf("cached, after it was read again: %d", got)
	}
	stored, fault = 3, errors.New("the database is away")
	time.Sleep(life + time.Millisecond)
	if got, err := get(cached); err == nil {
		t.Errorf("a row that has grown old was used: %d", got)
	}
	fault = nil
	if got, err := get(cached); got != 3 || err != nil {
		t.Errorf("later: %d, %v", got, err)
	}
}
