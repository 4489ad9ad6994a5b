package cloud

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strconv"
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

// The bounds on records of what can be repeated without end by whoever holds a
// credential that is good no more, and costs the record a line each minute.
const (
	repeatSpan       = 60_000      // milliseconds
	noMinute         = -repeatSpan // a time whose minute no record is of
	repeatsKeptApart = 64          // of one account in a minute; further ones are counted together
)

// repeated names what is recorded once a minute and counted then: a refusal of
// one credential.
type repeated struct {
	platform, appid string
	action, target  string
	by              string
	code            int
	credential      int64 // tells the credentials of one account apart
}

// repeatCount is what became of one repeated in a minute.
type repeatCount struct {
	minute int64
	more   int64  // how many came after the one that was recorded
	last   Record // the latest of them
}

// repeats keeps refusals that anybody can repeat from filling the audit record:
// of each credential the first in a minute is recorded as it is, and the others
// as a count when the minute is over. It is safe for concurrent use.
type repeats struct {
	mu     sync.Mutex
	counts map[repeated]*repeatCount
	apart  map[string]int // how many of a platform are counted apart
}

func newRepeats() *repeats {
	return &repeats{counts: map[repeated]*repeatCount{}, apart: map[string]int{}}
}

// first reports whether a record is the first of its minute, and counts it if
// not. credential tells apart what the record does not.
func (r *repeats) first(rec Record, credential int64) bool {
	key := repeated{rec.Platform, rec.AppID, rec.Action, rec.Target, rec.By, int(rec.Code), credential}
	r.mu.Lock()
	defer r.mu.Unlock()
	count := r.counts[key]
	if count == nil && r.apart[key.platform] >= repeatsKeptApart {
		key = repeated{platform: rec.Platform, action: rec.Action, code: int(rec.Code)}
		rec.AppID, rec.Target = "", ""
		count = r.counts[key]
	}
	switch {
	case count == nil:
		r.counts[key] = &repeatCount{minute: rec.At / repeatSpan}
		r.apart[key.platform]++
		return true
	default:
		count.more++
		count.last = rec
		return false
	}
}

// due returns the counts of the minutes before that of a time, and forgets them.
// A clock that was set back ends a minute too.
func (r *repeats) due(now int64) []Record {
	r.mu.Lock()
	defer r.mu.Unlock()
	var recs []Record
	for key, count := range r.counts {
		if count.minute == now/repeatSpan {
			continue
		}
		if count.more > 0 {
			count.last.Detail = strconv.FormatInt(count.more, 10) + " more in this minute"
			recs = append(recs, count.last)
			if count.last.Action == actAdmin { // it goes on: one record a minute, which counts
				*count = repeatCount{minute: now / repeatSpan}
				continue
			}
		}
		delete(r.counts, key)
		if r.apart[key.platform]--; r.apart[key.platform] == 0 {
			delete(r.apart, key.platform)
		}
	}
	return recs
}

// RefuseSecret records the refusal of a secret of a platform, or of one of a Mini
// Program at a platform, from an address: the first of a minute, and then a count,
// since anybody can guess without end. It returns the error to answer with.
func (s *Service) RefuseSecret(rid, platform, appid, action, address string, outcome error) error {
	c := s.caller(rid)
	c.Platform, c.AppID = platform, appid
	return s.recordOnce(c, action, address, 0, outcome)
}

// recordOnce records a refusal that can be repeated without end: the first of a
// minute, and then a count. credential tells apart what the record does not. It
// returns the error to answer with.
func (s *Service) recordOnce(c Caller, action, target string, credential int64, outcome error) error {
	rec := c.record(action, target)
	rec.Code = CodeOf(outcome)
	if !s.repeats.first(rec, credential) {
		return outcome
	}
	return s.recordOutcome(c, action, target, outcome)
}

// deadCredential are the refusals that a credential meets when it is good no
// more, and then whenever it is shown.
var deadCredential = []Kind{InvalidToken, InvalidCredential, TokenExpired, NotAuthorized, LinkInvalid}

// recordRefusal records the refusal of a known caller, once a minute if it is
// because of a credential that is good no more: whoever has ever held one can
// repeat that for ever. It returns the error to answer with.
func (s *Service) recordRefusal(c Caller, action, target string, outcome error) error {
	e, ok := errors.AsType[*Error](outcome)
	if !ok || e.Kind != s.invalid && !slices.Contains(deadCredential, e.Kind) {
		return s.recordOutcome(c, action, target, outcome)
	}
	return s.recordOnce(c, action, target, c.issued, outcome)
}
