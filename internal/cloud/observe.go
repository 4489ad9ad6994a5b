package cloud

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/opentcb/opentcb/tcb"
)

// Observed is how often code of an environment called one path in one hour,
// with one outcome.
type Observed struct {
	Account string
	Env     string
	Hour    int64  // when the hour began, Unix milliseconds
	Path    string // "" for calls of paths that were not kept apart
	Code    tcb.Code
	Count   int64
}

// ObservedStore keeps the counts of cloud calls.
type ObservedStore interface {
	// Observed returns the counts of an environment's cloud calls since a
	// time (Unix milliseconds), by hour, in no particular order.
	Observed(ctx context.Context, account, env string, since int64) ([]Observed, error)
	// AddObserved adds counts of cloud calls to those that are there.
	AddObserved(ctx context.Context, counts []Observed) error
	// Prune deletes what observation and history keep beyond their bounds:
	// records of refused calls before a time (Unix milliseconds), the oldest of
	// environments that have more than their share of RefusalsKept, what was counted for quotas before that time, and
	// of the named environments the counts before
	// that time and the history beyond the latest HistoryKept changes. What is
	// in bounds stays; a little more than that may.
	Prune(ctx context.Context, before int64, envs []EnvironmentKey) error
}

// What is kept of cloud calls is bounded, whatever code in an environment does.
// Beyond these bounds calls are still judged, but counted together or not recorded
// one by one.
const (
	observedPaths   = 512         // paths of one environment in an hour with a count of their own
	observedInAll   = 100_000     // of all environments, in memory
	observedAtOnce  = 500         // counts that are written in one transaction
	observedPause   = time.Minute // between two writes of the counts
	observedKept    = 7 * 24 * time.Hour
	prunePause      = 10 * time.Minute
	refusalsASecond = 64   // of one environment that are recorded one by one
	refusalsWaiting = 4096 // that wait to be written, of all environments
)

// actCloudCall is the action in the record of a refused call.
const actCloudCall = "cloudcall"

// observer counts cloud calls by environment, hour, path and outcome, and records
// refused ones. The counts of the last minute are only in memory; its goroutine
// writes them, and lets the store forget what is beyond the bounds. It is safe for
// concurrent use.
type observer struct {
	store    Store
	clock    func() time.Time
	jumped   func() <-chan struct{} // Config.Jumped
	log      *slog.Logger
	refusals *recorder

	mu      sync.Mutex
	tallies map[EnvironmentKey]*tally
	edited  map[EnvironmentKey]struct{} // whose permission was set
	paths   int                         // that have a count of their own, in all tallies

	writes  sync.Mutex // one write at a time
	waiting []Observed // taken out of the tallies, not yet written
	pruned  time.Time
	stop    chan struct{}
	done    chan struct{}
}

func newObserver(cfg Config) *observer {
	refused := recorderOf{what: "refused cloud calls", write: cfg.Store.AppendRefusals, limit: refusalsWaiting}
	o := &observer{
		store: cfg.Store, clock: cfg.Now, jumped: cfg.Jumped, log: cfg.Log, pruned: cfg.Now(),
		refusals: newRecorder(refused, cfg.Log),
		tallies:  map[EnvironmentKey]*tally{}, edited: map[EnvironmentKey]struct{}{},
		stop: make(chan struct{}), done: make(chan struct{}),
	}
	go o.run()
	return o
}

// add observes a call. A token that is not genuine belongs to no environment:
// calls with such tokens are counted together under the empty key.
func (o *observer) add(j *judgement) {
	if o.count(j) && j.code != tcb.OK {
		rec := j.record()
		_ = o.refusals.add(&rec) // full: the call stays refused, only its record is missing
	}
}

// count counts a call, and reports whether it may be recorded.
func (o *observer) count(j *judgement) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	t := o.tallies[j.key]
	if t == nil {
		t = &tally{counts: map[calledPath]int64{}}
		o.tallies[j.key] = t
	}
	o.paths -= len(t.counts)
	t.add(j, o.paths)
	o.paths += len(t.counts)
	return t.recorded <= refusalsASecond
}

// changed notes that an environment's history has grown.
func (o *observer) changed(key EnvironmentKey) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.edited[key] = struct{}{}
}

func (o *observer) run() {
	defer close(o.done)
	tick := time.NewTicker(observedPause)
	defer tick.Stop()
	for {
		jumped := o.jumped() // before the clock is read
		select {
		case <-o.stop:
			return
		case <-tick.C:
		case <-jumped:
		}
		if err := errors.Join(o.flush(context.Background()), o.prune(context.Background())); err != nil {
			o.log.Error("counts of cloud calls wait for the store", "err", err)
		}
	}
}

// flush writes what was counted so far. What cannot be written waits for the next
// try.
func (o *observer) flush(ctx context.Context) error {
	o.writes.Lock()
	defer o.writes.Unlock()
	o.waiting = o.take(o.waiting)
	for len(o.waiting) > 0 {
		chunk := o.waiting[:min(len(o.waiting), observedAtOnce)]
		if err := o.store.AddObserved(ctx, chunk); err != nil {
			o.waiting = o.waiting[max(0, len(o.waiting)-2*observedInAll):] // the oldest give way
			return err
		}
		o.waiting = o.waiting[len(chunk):]
	}
	o.waiting = nil
	return nil
}

// take adds what the tallies have counted to rows, and forgets tallies of
// environments that make no calls any more.
func (o *observer) take(rows []Observed) []Observed {
	o.mu.Lock()
	defer o.mu.Unlock()
	hour := hourOf(o.clock().UnixMilli())
	for key, t := range o.tallies {
		before := len(rows)
		rows = t.take(key, rows)
		if len(rows) == before && t.hour != hour {
			o.paths -= len(t.counts)
			delete(o.tallies, key)
		}
	}
	return rows
}

// prune lets the store forget what is beyond the bounds.
func (o *observer) prune(ctx context.Context) error {
	now := o.clock()
	if since := now.Sub(o.pruned); since >= 0 && since < prunePause { // a clock that was set back ends the pause too
		return nil
	}
	o.mu.Lock()
	edited := o.edited
	o.edited = map[EnvironmentKey]struct{}{}
	for key := range o.tallies {
		edited[key] = struct{}{}
	}
	o.mu.Unlock()
	o.pruned = now
	return o.store.Prune(ctx, now.Add(-observedKept).UnixMilli(), slices.Collect(maps.Keys(edited)))
}

func (o *observer) close() error {
	close(o.stop)
	<-o.done
	return errors.Join(o.refusals.close(), o.flush(context.Background()))
}

// hourOf returns when the hour of a time began, in Unix milliseconds.
func hourOf(at int64) int64 { return at - at%time.Hour.Milliseconds() }

// tally counts the cloud calls of one environment. The observer guards it.
type tally struct {
	hour   int64
	counts map[calledPath]int64 // of the hour, not yet written; a path that was written stays, with 0
	ended  []Observed           // of hours before, without their environment

	second   int64
	recorded int // refusals of that second
}

// calledPath is a path and how calls of it ended.
type calledPath struct {
	path string
	code tcb.Code
}

// add counts a call. others is how many paths have a count in other tallies.
func (t *tally) add(j *judgement, others int) {
	if j.version != 0 {
		t.count(j, others)
	}
	if second := j.at / 1000; second != t.second {
		t.second, t.recorded = second, 0
	}
	if j.code != tcb.OK {
		t.recorded++
	}
}

func (t *tally) count(j *judgement, others int) {
	if hour := hourOf(j.at); hour != t.hour {
		t.ended = t.pending(t.ended)
		clear(t.counts)
		t.hour = hour
	}
	key := calledPath{j.path, j.code}
	if j.reason != "" {
		key.path = ""
	}
	n, known := t.counts[key]
	if !known && (len(t.counts) >= observedPaths || others+len(t.counts) >= observedInAll) {
		key.path = ""
		n, known = t.counts[key]
	}
	if !known {
		key.path = strings.Clone(key.path) // the path is part of a whole request
	}
	t.counts[key] = n + 1
}

// pending adds the counts of the hour that are not yet written to rows.
func (t *tally) pending(rows []Observed) []Observed {
	for key, n := range t.counts {
		if n > 0 {
			rows = append(rows, Observed{Hour: t.hour, Path: key.path, Code: key.code, Count: n})
		}
	}
	return rows
}

// take adds to rows what was counted and not yet written, as the counts of an
// environment.
func (t *tally) take(key EnvironmentKey, rows []Observed) []Observed {
	begin := len(rows)
	rows = t.pending(append(rows, t.ended...))
	t.ended = nil
	for i := range rows[begin:] {
		rows[begin+i].Account, rows[begin+i].Env = key.Account, key.Env
	}
	for called := range t.counts {
		t.counts[called] = 0
	}
	return rows
}
