package fleet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"github.com/opentcb/opentcb/tcb"
)

// Run does the work on a fleet.
type Run struct {
	// Client returns a client for a Mini Program. It is called by several
	// goroutines at once.
	Client  func(appid string) (*tcb.Client, error)
	Workers int // Mini Programs at once; at least 1
	// StopAfter ends the run when this number of environments has failed; 0: never.
	StopAfter int
	// Progress, if not nil, is called with the number of environments that are
	// done, of all, and of those that failed.
	Progress func(done, of, failed int)
	// Journal records what is done, and leaves out what was done before. It may
	// be nil.
	Journal *Journal
}

// Outcome is what became of an environment.
type Outcome string

// The outcomes.
const (
	Same    Outcome = "same"    // as wanted already
	Changed Outcome = "changed" // and as wanted now
	Differs Outcome = "differs" // and was not to be changed
	Failed  Outcome = "failed"
)

// Result is what became of an environment, with what differed or was changed.
type Result struct {
	AppID   string   `json:"appid"`
	Env     string   `json:"env"`
	Outcome Outcome  `json:"outcome"`
	Changes []Change `json:"changes,omitempty"`
	Error   string   `json:"error,omitempty"`
}

// Report is what became of a run. Results that are Same are only counted.
type Report struct {
	Total   int      `json:"total"`
	Before  int      `json:"before,omitempty"` // done by the run that was resumed
	Same    int      `json:"same"`
	Changed int      `json:"changed"`
	Differ  int      `json:"differ"`
	Failed  int      `json:"failed"`
	Left    int      `json:"left"` // not looked at
	Stopped string   `json:"stopped,omitempty"`
	Results []Result `json:"results"`
}

// AllDone reports whether every environment is as wanted.
func (r *Report) AllDone() bool { return r.Differ+r.Failed+r.Left == 0 }

// ErrStopped reports that a run was ended because too many environments failed.
var ErrStopped = errors.New("too many environments failed")

// Compare reports what differs, and changes nothing.
func (r *Run) Compare(ctx context.Context, f *Fleet) *Report {
	return r.each(ctx, f, func(ctx context.Context, c *tcb.Client, appid string, e Env) Result {
		changes, err := compare(ctx, c, e)
		return result(appid, e, changes, Differs, err)
	})
}

// Apply makes every environment as wanted.
func (r *Run) Apply(ctx context.Context, f *Fleet) *Report {
	return r.each(ctx, f, func(ctx context.Context, c *tcb.Client, appid string, e Env) Result {
		changes, err := apply(ctx, c, e)
		if err == nil {
			err = r.Journal.Add(appid, e)
		}
		return result(appid, e, changes, Changed, err)
	})
}

func result(appid string, e Env, changes []Change, differs Outcome, err error) Result {
	res := Result{AppID: appid, Env: e.ID, Outcome: Same, Changes: changes}
	switch {
	case err != nil:
		res.Outcome, res.Error = Failed, err.Error()
	case len(changes) > 0:
		res.Outcome = differs
	}
	return res
}

// each calls do with every environment: Mini Programs concurrently, but the
// environments of one in turn, since they share a switch.
func (r *Run) each(ctx context.Context, f *Fleet, do func(context.Context, *tcb.Client, string, Env) Result) *Report {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	t := &tally{run: r, stop: stop, report: Report{Results: []Result{}}}
	for _, m := range f.MiniPrograms {
		t.report.Total += len(m.Envs)
	}
	queue := make(chan MiniProgram)
	var workers sync.WaitGroup
	for range max(1, r.Workers) {
		workers.Go(func() {
			for m := range queue {
				r.one(ctx, m, t, do)
			}
		})
	}
	for _, m := range f.MiniPrograms {
		select {
		case queue <- m:
		case <-ctx.Done():
		}
	}
	close(queue)
	workers.Wait()
	return t.end(ctx)
}

func (r *Run) one(
	ctx context.Context, m MiniProgram, t *tally, do func(context.Context, *tcb.Client, string, Env) Result,
) {
	var c *tcb.Client
	for _, e := range m.Envs {
		if r.Journal.Done(m.AppID, e) {
			t.before()
			continue
		}
		var err error
		if c == nil {
			c, err = r.Client(m.AppID)
		}
		if err != nil {
			t.add(result(m.AppID, e, nil, Failed, err))
			continue
		}
		res := do(ctx, c, m.AppID, e)
		if ctx.Err() != nil && res.Outcome == Failed {
			return // interrupted: it counts as not looked at
		}
		t.add(res)
	}
}

// tally counts the results of workers.
type tally struct {
	run    *Run
	stop   context.CancelCauseFunc
	mu     sync.Mutex
	report Report
}

func (t *tally) before() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.report.Before++
	t.progress()
}

func (t *tally) add(res Result) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch res.Outcome {
	case Same:
		t.report.Same++
	case Changed:
		t.report.Changed++
	case Differs:
		t.report.Differ++
	case Failed:
		t.report.Failed++
	}
	if res.Outcome != Same {
		t.report.Results = append(t.report.Results, res)
	}
	if t.run.StopAfter > 0 && t.report.Failed >= t.run.StopAfter {
		t.stop(fmt.Errorf("%w: %d", ErrStopped, t.report.Failed))
	}
	t.progress()
}

// progress reports the progress. The caller holds mu.
func (t *tally) progress() {
	if t.run.Progress != nil {
		t.run.Progress(t.done(), t.report.Total, t.report.Failed)
	}
}

func (t *tally) done() int {
	r := &t.report
	return r.Before + r.Same + r.Changed + r.Differ + r.Failed
}

func (t *tally) end(ctx context.Context) *Report {
	t.report.Left = t.report.Total - t.done()
	if t.report.Left > 0 {
		t.report.Stopped = context.Cause(ctx).Error()
	}
	return &t.report
}

// The number of tries of a call, and the pause after the first, which doubles.
const (
	mostTries  = 6
	firstPause = 250 * time.Millisecond
)

// retry makes a call, and repeats it if that may help. Every call of this
// package can be made twice: a set carries the version that was read, an
// upload replaces the code whole, and a function that exists will do.
func retry[T any](ctx context.Context, call func() (T, error)) (T, error) {
	for tries := 1; ; tries++ {
		v, err := call()
		pause, helps := pauseAfter(err, tries, time.Now())
		if err == nil || !helps || tries == mostTries {
			return v, err
		}
		select {
		case <-ctx.Done():
			return v, ctx.Err()
		case <-time.After(pause):
		}
	}
}

// pauseAfter returns how long to wait before a call is repeated, and whether that
// may help at all.
func pauseAfter(err error, tries int, now time.Time) (time.Duration, bool) {
	pause := firstPause << (tries - 1)
	pause += rand.N(pause)
	switch {
	case err == nil || errors.Is(err, context.Canceled):
		return 0, false
	case errors.Is(err, tcb.ErrMinuteQuota):
		return now.Truncate(time.Minute).Add(time.Minute).Sub(now) + rand.N(time.Second), true
	case errors.Is(err, tcb.ErrSystemBusy):
		return pause, true
	}
	if e, ok := errors.AsType[*tcb.CodeError](err); ok {
		return pause, e.Code == "InternalError" || e.Code == "RequestLimitExceeded"
	}
	_, odd := errors.AsType[*tcb.AnswerError](err)
	_, network := errors.AsType[net.Error](err)
	_, file := errors.AsType[*fs.PathError](err) // what the system says of a file is a net.Error, too
	return pause, odd || network && !file || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}
