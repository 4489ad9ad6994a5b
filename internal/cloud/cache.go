package cloud

import (
	"sync"
	"time"
)

// cache holds rows by key, at most limit of them. It agrees with every change
// that this process makes: whoever changes a row drops it from the cache after
// the commit and before the answer, and a reader that began before the drop does
// not put back what it read. Where other servers change rows too, a row is used
// only for its life, counted from the moment at which its reading began (UT-15,
// CC-8). It is safe for concurrent use.
type cache[K comparable, V any] struct {
	mu    sync.RWMutex
	rows  map[K]entry[V]
	drops uint64 // how often rows were dropped
	limit int
	life  time.Duration // 0: rows do not grow old
	began time.Time     // ages are measured by the monotonic clock
}

// entry is a row in memory. at is when its reading began, since the cache did.
type entry[V any] struct {
	row V
	at  time.Duration
}

func newCache[K comparable, V any](limit int, life time.Duration) *cache[K, V] {
	return &cache[K, V]{rows: make(map[K]entry[V]), limit: limit, life: life, began: time.Now()}
}

// freshness is which row will do. It matters only where other servers change
// rows: where none does, the row in memory is always the newest.
type freshness bool

const (
	cached freshness = false // one whose reading began less than the rows' life ago
	reread freshness = true  // one that is read again
)

// get returns the row of a key, from memory or by load. Errors are not cached.
func (c *cache[K, V]) get(key K, want freshness, load func() (V, error)) (V, error) {
	c.mu.RLock()
	e, ok := c.rows[key]
	drops := c.drops
	c.mu.RUnlock()
	if ok && (c.life == 0 || want == cached && time.Since(c.began)-e.at < c.life) {
		return e.row, nil
	}
	return c.load(key, drops, load)
}

func (c *cache[K, V]) load(key K, drops uint64, load func() (V, error)) (V, error) {
	var at time.Duration
	if c.life != 0 {
		at = time.Since(c.began)
	}
	row, err := load()
	if err == nil {
		c.put(key, entry[V]{row, at}, drops)
	}
	return row, err
}

// peek returns the row of a key if it is in memory, however old.
func (c *cache[K, V]) peek(key K) (V, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	e, ok := c.rows[key]
	return e.row, ok
}

// put keeps a row that was read when drops stood as given. When the cache is
// full, any other row gives way: the order of a map is random enough.
func (c *cache[K, V]) put(key K, e entry[V], drops uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.drops != drops {
		return
	}
	if _, there := c.rows[key]; !there && len(c.rows) >= c.limit {
		for other := range c.rows {
			delete(c.rows, other)
			break
		}
	}
	c.rows[key] = e
}

// drop forgets rows, all at once: no reader sees some of them old and some new.
func (c *cache[K, V]) drop(keys ...K) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drops++
	for _, key := range keys {
		delete(c.rows, key)
	}
}

// clear forgets every row.
func (c *cache[K, V]) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drops++
	clear(c.rows)
}
