package s3blob

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/opentcb/opentcb/internal/blob"
)

const (
	copiesRoom = 256 << 20 // bytes
	// maxCopies bounds the open files that copies are.
	maxCopies = 256
)

// verified is a local copy of an object whose bytes match its name.
type verified struct {
	file  *scratch
	id    identity  // of the object it was made from
	at    time.Time // when it was verified
	users int       // readers, and one for being kept
	last  int64     // when it was last asked for, by the count of askings
}

// copies keeps verified copies: those asked for last, up to some bytes. A copy
// that is being read stays on disk until its last reader is gone.
type copies struct {
	room int64

	mu     sync.Mutex
	kept   map[blob.Sum]*verified
	bytes  int64
	asked  int64
	coming map[blob.Sum]*flight
	closed bool
}

// flight is a copy that is being made, for all who want it.
type flight struct {
	done    chan struct{} // closed when copy or err is set
	waiting int
	copy    *verified
	err     error
	gaveUp  bool // err is of the maker's context
}

func newCopies(room int64) *copies {
	return &copies{room: room, kept: map[blob.Sum]*verified{}, coming: map[blob.Sum]*flight{}}
}

// get gives a copy that was verified not long ago, or nil. The caller releases it.
func (c *copies) get(sum blob.Sum, now time.Time) *verified {
	c.mu.Lock()
	defer c.mu.Unlock()
	v := c.kept[sum]
	if v == nil {
		return nil
	}
	if age := now.Sub(v.at); age < 0 || age >= trustFor {
		c.drop(sum)
		return nil
	}
	c.use(v)
	return v
}

func (c *copies) use(v *verified) {
	v.users++
	c.asked++
	v.last = c.asked
}

// fetch gives a copy made by from, once for all who ask at the same time. The
// caller releases it. Who waits for another's fetch shares its failure, lest
// many wait for a bucket that is away one after the other; but not its haste.
func (c *copies) fetch(ctx context.Context, sum blob.Sum, from func(context.Context, blob.Sum) (*verified, error)) (*verified, error) {
	for {
		c.mu.Lock()
		f := c.coming[sum]
		if f == nil {
			return c.lead(ctx, sum, from)
		}
		f.waiting++
		c.mu.Unlock()
		select {
		case <-f.done:
			if !f.gaveUp {
				return f.copy, f.err
			}
		case <-ctx.Done():
			c.leave(f)
			return nil, ctx.Err()
		}
	}
}

// lead makes the copy. The caller has locked mu, which lead unlocks.
func (c *copies) lead(ctx context.Context, sum blob.Sum, from func(context.Context, blob.Sum) (*verified, error)) (*verified, error) {
	f := &flight{done: make(chan struct{}), gaveUp: true}
	c.coming[sum] = f
	c.mu.Unlock()
	defer func() { // also when from panics
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.coming, sum)
		if f.copy != nil {
			c.use(f.copy)
			f.copy.users += f.waiting
			c.keep(sum, f.copy)
		}
		close(f.done)
	}()
	f.copy, f.err = from(ctx, sum)
	f.gaveUp = f.err != nil && ctx.Err() != nil
	return f.copy, f.err
}

// leave is for who no longer waits.
func (c *copies) leave(f *flight) {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-f.done:
		if f.copy != nil {
			c.unuse(f.copy)
		}
	default:
		f.waiting--
	}
}

// keep keeps a copy for the next who asks, in place of the longest unasked.
func (c *copies) keep(sum blob.Sum, v *verified) {
	c.drop(sum)
	if c.closed || v.id.size > c.room {
		return
	}
	for len(c.kept) >= maxCopies || c.bytes+v.id.size > c.room {
		c.drop(c.oldest())
	}
	v.users++
	c.kept[sum] = v
	c.bytes += v.id.size
}

func (c *copies) oldest() (sum blob.Sum) {
	var oldest *verified
	for s, v := range c.kept {
		if oldest == nil || v.last < oldest.last {
			sum, oldest = s, v
		}
	}
	return sum
}

// forget stops keeping a copy, if it is still the one that is kept.
func (c *copies) forget(sum blob.Sum, v *verified) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kept[sum] == v {
		c.drop(sum)
	}
}

func (c *copies) drop(sum blob.Sum) error {
	v := c.kept[sum]
	if v == nil {
		return nil
	}
	delete(c.kept, sum)
	c.bytes -= v.id.size
	return c.unuse(v)
}

// release is for who has read a copy.
func (c *copies) release(v *verified) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.unuse(v)
}

func (c *copies) unuse(v *verified) error {
	if v.users--; v.users > 0 {
		return nil
	}
	return v.file.Close()
}

func (c *copies) close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	var errs []error
	for sum := range c.kept {
		errs = append(errs, c.drop(sum))
	}
	return errors.Join(errs...)
}
