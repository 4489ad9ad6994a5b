package sqlstore

import (
	"context"
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
)

// batchLimit is how many changes share one commit at most. A commit costs a
// sync of the disk whatever is in it, so changes that wait for the same sync
// go together.
const batchLimit = 256

// queueTime is how long a change waits for a place in the queue.
const queueTime = 10 * time.Second

// errClosed is the answer to a change that comes after Close.
var errClosed = fmt.Errorf("%w: the store is closed", cloud.ErrUnavailable)

// change is one caller's part of a transaction. It may be run again when
// another part of the same transaction failed, and must then do the same.
type change struct {
	key   string // whose rows it writes; "" for rows that no other change writes
	until time.Time
	do    func(*tx) error
	done  chan error
}

// transaction is one transaction of a database.
type transaction interface {
	statements() *statements
	commit() error
	rollback()
}

// writing is how a database wants to be written to.
type writing struct {
	hands    int                                        // transactions side by side
	limit    int                                        // changes in one
	patience time.Duration                              // an answer is due within it
	begin    func(until time.Time) (transaction, error) // the transaction fails if it has not ended by then
	again    func(err error, tries int) bool            // whether what failed so is run again
}

// writer runs changes, and commits those that wait together as one
// transaction. Changes of one key go through one hand, so that hands do not
// get in each other's way.
type writer struct {
	writing
	queues []chan *change // one for each hand
	seed   maphash.Seed

	mu     sync.RWMutex // held for reading while a change is handed over
	closed bool
	ended  sync.WaitGroup
}

func newWriter(how writing) *writer {
	w := &writer{writing: how, seed: maphash.MakeSeed()}
	for range how.hands {
		queue := make(chan *change, batchLimit)
		w.queues = append(w.queues, queue)
		w.ended.Go(func() { w.run(queue) })
	}
	return w
}

// write runs a change of rows that no other change writes, and returns once it
// is durable. A change that returns an error leaves nothing behind, nor does
// it harm those beside it.
func (w *writer) write(ctx context.Context, do func(*tx) error) error {
	return w.writeFor(ctx, "", do)
}

// writeFor is write for rows that others may be writing: key is the account
// or platform whose they are.
func (w *writer) writeFor(ctx context.Context, key string, do func(*tx) error) error {
	c := &change{key: key, until: time.Now().Add(w.patience), do: do, done: make(chan error, 1)}
	if until, limited := ctx.Deadline(); limited && until.Before(c.until) {
		c.until = until
	}
	if err := w.hand(ctx, w.queueFor(key), c); err != nil {
		return err
	}
	// From here on the outcome is waited for, so that it is known.
	return <-c.done
}

func (w *writer) queueFor(key string) chan *change {
	switch {
	case len(w.queues) == 1:
		return w.queues[0]
	case key == "":
		return w.queues[rand.N(len(w.queues))]
	}
	return w.queues[maphash.String(w.seed, key)%uint64(len(w.queues))]
}

func (w *writer) hand(ctx context.Context, queue chan *change, c *change) error {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if w.closed {
		return errClosed
	}
	if ctx.Err() != nil { // select would choose by chance
		return fmt.Errorf("%w: waiting to write: %w", cloud.ErrUnavailable, ctx.Err())
	}
	select {
	case queue <- c:
		return nil
	default:
	}
	patience := time.NewTimer(min(queueTime, w.patience))
	defer patience.Stop()
	select {
	case queue <- c:
		return nil
	case <-patience.C:
		return fmt.Errorf("%w: too many changes wait to be written", cloud.ErrUnavailable)
	case <-ctx.Done():
		return fmt.Errorf("%w: waiting to write: %w", cloud.ErrUnavailable, ctx.Err())
	}
}

// close lets the changes that were handed over finish.
func (w *writer) close() {
	w.mu.Lock()
	if !w.closed {
		w.closed = true
		for _, queue := range w.queues {
			close(queue)
		}
	}
	w.mu.Unlock()
	w.ended.Wait()
}

func (w *writer) run(queue chan *change) {
	for c := range queue {
		w.commit(w.gather(queue, c))
	}
}

// gather returns the first change and those that wait behind it. It lets the
// calls that are ready to run hand theirs over first: on one processor they
// would otherwise find the writer gone with a batch of one.
func (w *writer) gather(queue chan *change, first *change) []*change {
	batch := []*change{first}
	for before := -1; before < len(queue) && len(queue) < w.limit; {
		before = len(queue)
		runtime.Gosched()
	}
	for len(batch) < w.limit {
		select {
		case c, ok := <-queue:
			if !ok {
				return w.inOrder(batch)
			}
			batch = append(batch, c)
		default:
			return w.inOrder(batch)
		}
	}
	return w.inOrder(batch)
}

// inOrder answers the changes that have waited too long, and puts the others
// in the order of their keys: transactions side by side, also those of other
// servers, then take rows in the same order and never wait in a circle.
func (w *writer) inOrder(batch []*change) []*change {
	if w.hands == 1 {
		return batch
	}
	now := time.Now()
	batch = slices.DeleteFunc(batch, func(c *change) bool {
		if now.Before(c.until) {
			return false
		}
		c.done <- fmt.Errorf("%w: the change has waited too long", cloud.ErrUnavailable)
		return true
	})
	slices.SortStableFunc(batch, func(a, b *change) int { return strings.Compare(a.key, b.key) })
	return batch
}

// commit runs a batch as one transaction. If one change fails, the rest runs
// again without it: failures are rare, and a savepoint for each change would
// cost the others. If the transaction got in the way of another, each change
// runs by itself: it then takes no more rows than it needs.
func (w *writer) commit(batch []*change) {
	for tries := 1; len(batch) > 0; tries++ {
		failed, err := w.try(batch)
		switch {
		case err == nil:
			answer(batch, nil)
			return
		case w.again(err, tries) && len(batch) > 1:
			for _, c := range batch {
				w.commit([]*change{c})
			}
			return
		case w.again(err, tries) && pause(batch[0], tries):
			continue
		case failed < 0:
			answer(batch, err)
			return
		}
		answer(batch[failed:failed+1], err)
		batch = append(batch[:failed:failed], batch[failed+1:]...)
	}
}

// pause waits before a change is run again, each time twice as long as before
// up to a bound, by chance, so that those in each other's way part. It says
// whether there is time left.
func pause(c *change, tries int) bool {
	time.Sleep(rand.N(time.Millisecond << min(tries, 5)))
	return time.Now().Before(c.until)
}

func answer(batch []*change, err error) {
	for _, c := range batch {
		c.done <- err
	}
}

// try runs a batch as one transaction. On an error nothing of it is left, and
// failed is the index of the change that caused it, or -1.
func (w *writer) try(batch []*change) (failed int, err error) {
	until := batch[0].until
	for _, c := range batch {
		if c.until.Before(until) {
			until = c.until
		}
	}
	trans, err := w.begin(until)
	if err != nil {
		return -1, err
	}
	t := &tx{stmts: trans.statements(), recs: make([]cloud.Record, 0, len(batch))}
	failed = -1
	for i, c := range batch {
		if err = guard(c.do, t); err != nil {
			failed = i
			break
		}
	}
	if err == nil {
		err = t.appendRecords(t.recs)
	}
	if err == nil {
		err = trans.commit()
	}
	if err != nil {
		trans.rollback() // a failed commit may or may not have ended the transaction
		return failed, err
	}
	return -1, nil
}

// guard keeps a bug in one change from ending the process.
func guard(do func(*tx) error, t *tx) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in a change: %v\n%s", p, debug.Stack())
		}
	}()
	return do(t)
}
