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

// This file is group commit. A commit waits for the disk, however little is in
// it, so changes that come at the same time share a transaction: they are a
// group.
//
// A caller puts its change into the queue of a worker and waits. The worker
// takes what is in its queue as a group, runs its changes one after the other
// in one transaction, commits, and answers them. Meanwhile the next changes
// wait in the queue: the busier the store, the larger its groups.
//
// Where the database is far or slow, a group may be more than there is time for:
// it is committed as far as it has come once half of its time is over, and the
// rest is another group.
//
// A change that fails must not harm the others of its group. The transaction
// is rolled back, the change is answered with its error, and the others run
// again without it. So a change may run several times, of which at most the
// last is committed.
//
// SQLite has one worker, since it runs one transaction at a time. Postgres has
// several. Changes of the same rows have the same key and go to the same
// worker, so that workers seldom wait for each other. They still may, and so
// may other servers: what fails for that reason is retried.

// maxGroup is how many changes a group has at most. As many more may wait in
// the queue for the group under way to end.
const maxGroup = 256

// queuePatience is how long a change waits at most for a place in a queue that
// is full.
const queuePatience = 10 * time.Second

// errClosed is the answer to a change that comes after Close.
var errClosed = fmt.Errorf("%w: the store is closed", cloud.ErrUnavailable)

// change is one caller's part of a transaction.
type change struct {
	key      string // whose rows it writes; "" if no other change writes them
	deadline time.Time
	do       func(*tx) error // may run several times, and must do the same each time
	result   chan error
}

// transaction is one transaction of a database. It ends with commit, or with
// rollback, which also follows a commit that failed.
type transaction interface {
	statements() *statements
	lock(query string, args ...any) error // see tx.lock
	keep() string                         // ends a query so that its rows stay until the transaction ends
	commit() error
	rollback()
}

// plan is how changes are written to a database.
type plan struct {
	workers  int           // transactions at the same time
	group    int           // changes in a transaction, at most
	patience time.Duration // how long a change may take, from its call on
	// begin begins a transaction, which fails if it is still open at the
	// deadline.
	begin func(deadline time.Time) (transaction, error)
	// retry reports whether a transaction that failed with err, for the tries-th
	// time, is run again.
	retry func(err error, tries int) bool
	// resting is called when there was no change for restAfter; nil: nothing.
	resting func()
}

// writer runs changes in groups, by a plan.
type writer struct {
	plan
	queues []chan *change // one of each worker
	seed   maphash.Seed   // for the choice of a queue by key
	guard  *guard         // of the rows that changes write
	faults *faults        // counts changes that could not be made

	mu      sync.RWMutex // held for reading while a change is put into a queue
	closed  bool
	working sync.WaitGroup
}

func newWriter(p plan) *writer {
	w := &writer{plan: p, seed: maphash.MakeSeed()}
	for range p.workers {
		queue := make(chan *change, maxGroup)
		w.queues = append(w.queues, queue)
		w.working.Go(func() { w.work(queue) })
	}
	return w
}

// write runs a change of rows that no other change writes, and returns once it
// is durable. If do returns an error, nothing of the change is left, and the
// error is returned.
func (w *writer) write(ctx context.Context, do func(*tx) error) error {
	return w.writeFor(ctx, "", do)
}

// writeFor is write for rows that other changes may write at the same time.
// key is common to all of these: the account or platform that the rows belong
// to, or the sum of code.
func (w *writer) writeFor(ctx context.Context, key string, do func(*tx) error) error {
	c := &change{key: key, deadline: time.Now().Add(w.patience), do: do, result: make(chan error, 1)}
	if deadline, ok := ctx.Deadline(); ok && deadline.Before(c.deadline) {
		c.deadline = deadline
	}
	if err := w.enqueue(ctx, w.queueFor(key), c); err != nil {
		return err
	}
	// The change will run, whatever becomes of ctx. Only its result says
	// whether it happened.
	return w.faults.note(<-c.result)
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

// enqueue puts a change into a queue, and waits if that is full.
func (w *writer) enqueue(ctx context.Context, queue chan *change, c *change) error {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if w.closed {
		return errClosed
	}
	if ctx.Err() != nil { // the select below would choose at random
		return fmt.Errorf("%w: waiting to write: %w", cloud.ErrUnavailable, ctx.Err())
	}
	select {
	case queue <- c:
		return nil
	default:
	}
	late := time.NewTimer(min(queuePatience, w.patience))
	defer late.Stop()
	select {
	case queue <- c:
		return nil
	case <-late.C:
		return fmt.Errorf("%w: too many changes wait to be written", cloud.ErrUnavailable)
	case <-ctx.Done():
		return fmt.Errorf("%w: waiting to write: %w", cloud.ErrUnavailable, ctx.Err())
	}
}

// close refuses further changes, and returns once those in the queues are
// answered.
func (w *writer) close() {
	w.mu.Lock()
	if !w.closed {
		w.closed = true
		for _, queue := range w.queues {
			close(queue)
		}
	}
	w.mu.Unlock()
	w.working.Wait()
}

// work commits group after group, until the queue is closed and empty.
func (w *writer) work(queue chan *change) {
	for first := w.await(queue); first != nil; first = w.await(queue) {
		group := w.gather(queue, first)
		if w.workers > 1 {
			group = inOrder(withoutLate(group))
		}
		w.commit(group)
	}
}

// await returns the next change; nil once the queue is closed and empty.
func (w *writer) await(queue chan *change) *change {
	select {
	case c := <-queue:
		return c
	default:
	}
	if w.resting != nil {
		late := time.NewTimer(restAfter)
		defer late.Stop()
		select {
		case c := <-queue:
			return c
		case <-late.C:
			w.resting()
		}
	}
	return <-queue
}

// gather returns a group: the first change, and those that wait behind it.
func (w *writer) gather(queue chan *change, first *change) []*change {
	// Callers that are ready to run enqueue their changes first. On one
	// processor they would otherwise be left out, and groups would be small.
	for before := -1; before < len(queue) && len(queue) < w.group; {
		before = len(queue)
		runtime.Gosched()
	}
	group := []*change{first}
	for len(group) < w.group {
		select {
		case c, ok := <-queue:
			if !ok {
				return group
			}
			group = append(group, c)
		default:
			return group
		}
	}
	return group
}

// withoutLate answers the changes whose deadline has passed, and returns the
// others: a transaction has the earliest deadline of its changes.
func withoutLate(group []*change) []*change {
	now := time.Now()
	return slices.DeleteFunc(group, func(c *change) bool {
		if now.Before(c.deadline) {
			return false
		}
		c.result <- fmt.Errorf("%w: the change has waited too long", cloud.ErrUnavailable)
		return true
	})
}

// inOrder sorts a group by key. Transactions at the same time, also those of
// other servers, then lock rows in the same order, and never wait in a circle.
func inOrder(group []*change) []*change {
	slices.SortStableFunc(group, func(a, b *change) int { return strings.Compare(a.key, b.key) })
	return group
}

// commit runs a group in one transaction, as often as need be, until every
// change is answered. Failures are rare: running the others again costs less
// than a savepoint before each change.
func (w *writer) commit(group []*change) {
	for tries := 1; len(group) > 0; tries++ {
		done, failed, err := w.try(group)
		switch {
		case err == nil:
			answer(group[:done], nil)
			group, tries = group[done:], 0
			continue
		case w.retry(err, tries) && len(group) > 1:
			// Another transaction was in the way. Each change by itself locks
			// no more rows than it needs.
			for _, c := range group {
				w.commit([]*change{c})
			}
			return
		case w.retry(err, tries) && pause(tries, group[0].deadline):
			continue
		case failed == nil:
			answer(group, err)
			return
		}
		answer([]*change{failed}, err)
		group = slices.DeleteFunc(group, func(c *change) bool { return c == failed })
	}
}

// pause waits before a transaction is run again: a random time, up to twice as
// long as the last, so that transactions in each other's way part. It reports
// whether there is time left before the deadline.
func pause(tries int, deadline time.Time) bool {
	time.Sleep(rand.N(time.Millisecond << min(tries, 5)))
	return time.Now().Before(deadline)
}

func answer(group []*change, err error) {
	for _, c := range group {
		c.result <- err
	}
}

// try runs a group in one transaction, and returns how many changes of it were
// done in time. If it returns an error, nothing of them is left; failed is the
// change that caused it, nil if none did.
func (w *writer) try(group []*change) (done int, failed *change, err error) {
	first := slices.MinFunc(group, func(a, b *change) int { return a.deadline.Compare(b.deadline) })
	begun := time.Now()
	half := begun.Add(first.deadline.Sub(begun) / 2)
	trans, err := w.begin(first.deadline)
	if err != nil {
		return 0, nil, err
	}
	t := newTx(trans, w.guard, len(group))
	for _, c := range group {
		if done > 0 && w.workers > 1 && time.Now().After(half) {
			break
		}
		if err = guarded(c.do, t); err != nil {
			failed = c
			break
		}
		done++
	}
	if err == nil {
		err = t.appendRecords(t.records)
	}
	if err == nil {
		err = trans.commit()
	}
	if err != nil {
		trans.rollback()
	}
	return done, failed, err
}

// guarded runs a change, and turns a panic into an error: a bug in one change
// must not end the process.
func guarded(do func(*tx) error, t *tx) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in a change: %v\n%s", p, debug.Stack())
		}
	}()
	return do(t)
}
