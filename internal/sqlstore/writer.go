package sqlstore

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
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
	do   func(*tx) error
	done chan error
}

// transaction is one transaction of a database.
type transaction interface {
	statements() *statements
	commit() error
	rollback()
}

// writer runs changes, and commits those that wait together as one
// transaction. It has as many hands as the database takes transactions at
// once.
type writer struct {
	begin func() (transaction, error)
	again func(error) bool // a transaction that failed so may be run again
	queue chan *change

	mu     sync.RWMutex // held for reading while a change is handed over
	closed bool
	hands  sync.WaitGroup
}

func newWriter(hands int, begin func() (transaction, error), again func(error) bool) *writer {
	w := &writer{begin: begin, again: again, queue: make(chan *change, batchLimit)}
	for range hands {
		w.hands.Go(w.run)
	}
	return w
}

// write runs a change and returns once it is durable. A change that returns
// an error leaves nothing behind, nor does it harm those beside it.
func (w *writer) write(ctx context.Context, do func(*tx) error) error {
	c := &change{do: do, done: make(chan error, 1)}
	if err := w.hand(ctx, c); err != nil {
		return err
	}
	// From here on the outcome is waited for, so that it is known.
	return <-c.done
}

func (w *writer) hand(ctx context.Context, c *change) error {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if w.closed {
		return errClosed
	}
	if ctx.Err() != nil { // select would choose by chance
		return fmt.Errorf("%w: waiting to write: %w", cloud.ErrUnavailable, ctx.Err())
	}
	select {
	case w.queue <- c:
		return nil
	default:
	}
	patience := time.NewTimer(queueTime)
	defer patience.Stop()
	select {
	case w.queue <- c:
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
		close(w.queue)
	}
	w.mu.Unlock()
	w.hands.Wait()
}

func (w *writer) run() {
	for c := range w.queue {
		w.commit(w.gather(c))
	}
}

// gather returns the first change and those that wait behind it. It lets the
// calls that are ready to run hand theirs over first: on one processor they
// would otherwise find the writer gone with a batch of one.
func (w *writer) gather(first *change) []*change {
	batch := []*change{first}
	for before := -1; before < len(w.queue) && len(w.queue) < batchLimit; {
		before = len(w.queue)
		runtime.Gosched()
	}
	for len(batch) < batchLimit {
		select {
		case c, ok := <-w.queue:
			if !ok {
				return batch
			}
			batch = append(batch, c)
		default:
			return batch
		}
	}
	return batch
}

// againTries is how often a transaction is run that gets in the way of others,
// and againPause how long it waits at most the first time; each time twice as
// long.
const (
	againTries = 12
	againPause = time.Millisecond
)

// commit runs a batch as one transaction. If one change fails, the rest runs
// again without it: failures are rare, and a savepoint for each change would
// cost the others.
func (w *writer) commit(batch []*change) {
	for tries := 1; len(batch) > 0; tries++ {
		failed, err := w.try(batch)
		if err == nil {
			answer(batch, nil)
			return
		}
		if w.again(err) && len(batch) > 1 {
			for _, c := range batch { // each by itself waits for no more than it needs
				w.commit([]*change{c})
			}
			return
		}
		if w.again(err) && tries < againTries {
			time.Sleep(rand.N(againPause << min(tries, 8)))
			continue
		}
		if failed < 0 {
			answer(batch, err)
			return
		}
		answer(batch[failed:failed+1], err)
		batch = append(batch[:failed:failed], batch[failed+1:]...)
	}
}

func answer(batch []*change, err error) {
	for _, c := range batch {
		c.done <- err
	}
}

// try runs a batch as one transaction. On an error nothing of it is left, and
// failed is the index of the change that caused it, or -1.
func (w *writer) try(batch []*change) (failed int, err error) {
	trans, err := w.begin()
	if err != nil {
		return -1, err
	}
	t := &tx{stmts: trans.statements()}
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
