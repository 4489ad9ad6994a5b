package cloud

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Records are written in batches: once a second, or as soon as there are many. One
// synced write then serves thousands of reads, and a power cut loses at most the
// last second of them.
const (
	recorderPause = time.Second
	recorderBatch = 8192
	recorderLimit = 1 << 17
)

// recorderOf is what a recorder gathers.
type recorderOf struct {
	what  string // for the log
	write func(context.Context, []Record) error
	limit int // how many wait at most
	// due returns further records that are due by now; nil: there are none.
	due func() []Record
}

// recorder gathers records of decisions that changed nothing, and writes them in
// batches and in order, in its own goroutine. Adding a record does not wait for
// the store. It is safe for concurrent use.
type recorder struct {
	recorderOf
	log *slog.Logger

	mu     sync.Mutex
	recs   []Record
	batch  []Record      // what is being written, or could not be
	spare  []Record      // the memory of the batch before, for the next one
	full   chan struct{} // a batch's worth is waiting
	stop   chan struct{}
	done   chan struct{}
	writes sync.Mutex // one batch is written at a time, in order
}

func newRecorder(of recorderOf, log *slog.Logger) *recorder {
	r := &recorder{
		recorderOf: of, log: log,
		full: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
	}
	go r.run()
	return r
}

// add takes a record. It returns false if so many wait that the store must be out
// of reach.
func (r *recorder) add(rec *Record) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.recs)+len(r.batch) >= r.limit {
		return false
	}
	r.recs = append(r.recs, *rec)
	if len(r.recs) == recorderBatch {
		select {
		case r.full <- struct{}{}:
		default:
		}
	}
	return true
}

// isFull reports whether add would refuse a record.
func (r *recorder) isFull() bool { return r.waiting() >= r.limit }

// waiting returns how many records wait to be written.
func (r *recorder) waiting() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.recs) + len(r.batch)
}

func (r *recorder) run() {
	defer close(r.done)
	tick := time.NewTicker(recorderPause)
	defer tick.Stop()
	for {
		select {
		case <-r.stop:
			return
		case <-tick.C:
		case <-r.full:
		}
		if err := r.flush(context.Background()); err != nil {
			r.log.Error("records wait for the store", "of", r.what, "err", err)
		}
	}
}

// flush writes what has been added so far.
func (r *recorder) flush(ctx context.Context) error {
	r.writes.Lock()
	defer r.writes.Unlock()
	if r.due != nil {
		for _, rec := range r.due() {
			_ = r.add(&rec) // full: only a count is missing
		}
	}
	again := r.begin()
	err := r.writeBatch(ctx)
	if again && err == nil {
		r.begin()
		err = r.writeBatch(ctx)
	}
	return err
}

// begin makes what was added the batch to write, unless there is one that could
// not be written: it may have been all the same, so the store is given just that
// again. begin reports whether there is.
func (r *recorder) begin() (again bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.batch) > 0 {
		return true
	}
	r.batch, r.recs, r.spare = r.recs, r.spare, nil
	return false
}

// writeBatch writes the batch. If that fails, it stays for the next try.
func (r *recorder) writeBatch(ctx context.Context) error {
	if len(r.batch) == 0 { // only flush changes it
		return nil
	}
	if err := r.write(ctx, r.batch); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.batch)
	r.batch, r.spare = nil, r.batch[:0]
	return nil
}

func (r *recorder) close() error {
	close(r.stop)
	<-r.done
	return r.flush(context.Background())
}
