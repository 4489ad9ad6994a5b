package cloud

import "sync"

// cache holds rows by key, at most limit of them. It is coherent with every
// change of this process: who changes a row drops it after the commit and
// before the answer, and a reader that began before the drop does not put
// back what it read.
type cache[K comparable, V any] struct {
	mu    sync.RWMutex
	rows  map[K]V
	drops uint64 // how often rows were dropped
	limit int
}

func newCache[K comparable, V any](limit int) *cache[K, V] {
	return &cache[K, V]{rows: make(map[K]V), limit: limit}
}

// get returns the row of a key, from memory or by load. Errors are not kept.
func (c *cache[K, V]) get(key K, load func() (V, error)) (V, error) {
	c.mu.RLock()
	row, ok := c.rows[key]
	drops := c.drops
	c.mu.RUnlock()
	if ok {
		return row, nil
	}
	row, err := load()
	if err == nil {
		c.put(key, row, drops)
	}
	return row, err
}

// peek returns the row of a key if it is in memory.
func (c *cache[K, V]) peek(key K) (V, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	row, ok := c.rows[key]
	return row, ok
}

// put keeps a row that was read when drops stood as given. When the cache is
// full some other row gives way: a map's order is random enough.
func (c *cache[K, V]) put(key K, row V, drops uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.drops != drops {
		return
	}
	if len(c.rows) >= c.limit {
		for other := range c.rows {
			delete(c.rows, other)
			break
		}
	}
	c.rows[key] = row
}

// drop forgets rows: all at once, so that no reader sees some of them old and
// some new.
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
