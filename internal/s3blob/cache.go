package s3blob

import (
	"context"
	"sync"
	"time"

	"github.com/opentcb/opentcb/internal/blob"
)

const (
	cacheRoom = 256 << 20 // bytes
	// maxCached bounds the number of copies, among which eviction searches.
	maxCached = 4096
	// trustFor is how long a copy stands for an object that looks untouched:
	// bits that rot silently in the bucket are found after this (DF-11).
	trustFor = 10 * time.Minute
)

// cache keeps verified copies of objects in a folder: those that were used
// last, up to a number of bytes. It starts empty, because what a process knew
// of the objects that its copies were made from ended with it.
type cache struct {
	dir  *blob.Dir
	room int64
	now  func() time.Time

	mu     sync.Mutex
	copies map[blob.Sum]cached
	bytes  int64
	uses   int64
	held   map[blob.Sum]int // callers that are about to open a copy
}

// cached is what is known of a copy.
type cached struct {
	from identity  // the object that it was made from
	at   time.Time // when that was fetched
	used int64     // the last use, by the count of all uses
}

// openCache opens the folder, and removes the copies and drafts that a process
// before this one left there.
func openCache(ctx context.Context, cfg Config) (*cache, error) {
	dir, err := blob.OpenDir(cfg.Cache, blob.Config{Now: cfg.Now, NoSync: true})
	if err != nil {
		return nil, err
	}
	err = dir.List(ctx, func(sum blob.Sum, _ int64, _ time.Time) error { return dir.Remove(ctx, sum) })
	if err != nil {
		dir.Close()
		return nil, err
	}
	return &cache{
		dir: dir, room: cfg.room, now: cfg.Now,
		copies: map[blob.Sum]cached{}, held: map[blob.Sum]int{},
	}, nil
}

// hold keeps the copy of a blob from being evicted, whether it is there already
// or is about to be fetched. The caller owes a release once it has opened the
// copy: an open file can be read to its end, evicted or not.
func (c *cache) hold(sum blob.Sum) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held[sum]++
}

func (c *cache) release(sum blob.Sum) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held[sum]--; c.held[sum] == 0 {
		delete(c.held, sum)
	}
	c.evict()
}

// source returns the object that a copy was made from, if there is a copy that
// is not too old to be trusted.
func (c *cache) source(sum blob.Sum) (from identity, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v, ok := c.copies[sum]
	if age := c.now().Sub(v.at); !ok || age < 0 || age >= trustFor {
		return identity{}, false
	}
	c.uses++
	v.used = c.uses
	c.copies[sum] = v
	return v.from, true
}

// keep records that a copy of an object is in the folder.
func (c *cache) keep(sum blob.Sum, from identity, at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.uses++
	c.bytes += from.size - c.copies[sum].from.size
	c.copies[sum] = cached{from: from, at: at, used: c.uses}
	c.evict()
}

// evict removes the copies that were not used for the longest time, until the
// others have room. It keeps those that are held.
func (c *cache) evict() {
	for c.bytes > c.room || len(c.copies) > maxCached {
		var oldest blob.Sum
		used := c.uses + 1
		for sum, v := range c.copies {
			if v.used < used && c.held[sum] == 0 {
				oldest, used = sum, v.used
			}
		}
		if used > c.uses {
			return
		}
		c.remove(oldest)
	}
}

// forget removes the copy of a blob that the bucket no longer has.
func (c *cache) forget(sum blob.Sum) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remove(sum)
}

// remove removes a copy. If its file cannot be removed, the next start does it.
func (c *cache) remove(sum blob.Sum) {
	c.bytes -= c.copies[sum].from.size
	delete(c.copies, sum)
	_ = c.dir.Remove(context.Background(), sum)
}
