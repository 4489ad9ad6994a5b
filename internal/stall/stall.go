// Package stall gives up exchanges that have stopped moving.
//
//	stall.go   Watch: a context that ends when nothing has moved for a while
package stall

import (
	"context"
	"errors"
	"sync"
	"time"
)

var (
	// ErrStalled is the error of an exchange in which nothing moved for as long
	// as its watch had patience.
	ErrStalled = errors.New("nothing has moved for too long")
	// ErrTooLong is the error of an exchange that moved, but went on beyond the
	// time for all of it.
	ErrTooLong = errors.New("it took too long")
)

// Watch watches over one exchange. Its context ends when nothing has moved
// for a while, and in any case at a set time. It is safe for concurrent use.
type Watch struct {
	ctx      context.Context
	cancel   context.CancelCauseFunc
	patience time.Duration
	until    time.Time
	onGiveUp func()

	mu    sync.Mutex
	timer *time.Timer
	state state
}

type state int

const (
	watching state = iota
	settled        // only until counts
	over           // given up, or ended
)

// New starts to watch an exchange that belongs to ctx. It gives the exchange
// up when nothing has moved for patience, or at until if that is not the zero
// time: then it ends the context and calls onGiveUp, if that is not nil, for
// whatever does not look at a context. Whoever calls New must call End.
func New(ctx context.Context, patience time.Duration, until time.Time, onGiveUp func()) *Watch {
	w := &Watch{patience: patience, until: until, onGiveUp: onGiveUp}
	w.ctx, w.cancel = context.WithCancelCause(ctx)
	w.mu.Lock() // the timer may fire before it is assigned
	defer w.mu.Unlock()
	w.timer = time.AfterFunc(w.left(patience), w.giveUp)
	return w
}

// Context returns the context of the exchange.
func (w *Watch) Context() context.Context { return w.ctx }

// left returns d, or what is left until the end if that is less.
func (w *Watch) left(d time.Duration) time.Duration {
	if w.until.IsZero() {
		return d
	}
	return min(d, time.Until(w.until))
}

// giveUp ends the exchange unless it has ended by itself. It holds the lock to
// the end, so that nothing of it happens after End has returned.
func (w *Watch) giveUp() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.state == over {
		return
	}
	w.state = over
	if !w.until.IsZero() && !time.Now().Before(w.until) {
		w.cancel(ErrTooLong)
	} else {
		w.cancel(ErrStalled)
	}
	if w.onGiveUp != nil {
		w.onGiveUp()
	}
}

// Moved reports progress: patience starts again, this once with extra added to
// it.
func (w *Watch) Moved(extra time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.state == watching {
		w.timer.Reset(w.left(w.patience + extra))
	}
}

// Pause stops the clock until something moves: the time that passes meanwhile
// is not that of the other side. The end of the whole stays where it is.
func (w *Watch) Pause() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.state == watching {
		w.rest()
	}
}

// Settle ends the patience for good: from now on only the time for all of the
// exchange counts. It reports whether the exchange had not been given up before.
func (w *Watch) Settle() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.state == watching {
		w.state = settled
		w.rest()
	}
	return w.state == settled
}

// rest leaves the timer to the end of the whole.
func (w *Watch) rest() {
	w.timer.Stop()
	if !w.until.IsZero() {
		w.timer.Reset(time.Until(w.until))
	}
}

// End ends the watch and its context. A second call does nothing.
func (w *Watch) End() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.state = over
	w.timer.Stop()
	w.cancel(nil)
}

// Judge returns the reason of an error of the exchange, with which it failed
// before End: ErrStalled or ErrTooLong if the watch gave it up, the error of
// the context that was given to New if that ended first, and err otherwise.
// The reason of nil is nil.
func (w *Watch) Judge(err error) error {
	if err == nil || w.ctx.Err() == nil {
		return err
	}
	switch cause := context.Cause(w.ctx); cause {
	case ErrStalled, ErrTooLong:
		return cause
	}
	return w.ctx.Err()
}
