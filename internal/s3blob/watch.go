package s3blob

import (
	"context"
	"errors"
	"time"
)

const (
	// patience is how long the bucket may do nothing for us, and how long
	// something that moves few bytes may take in all.
	patience = 5 * time.Second
	// storeRate is the least rate, in bytes per second, at which a bucket is
	// expected to make safe what it was sent, before it answers.
	storeRate = 8 << 20
	// longest bounds the transfer of one object that trickles.
	longest = 15 * time.Minute
)

// errSlow: the bucket did not get on. It may pass.
var errSlow = errors.New("the bucket does not answer in time")

// watch ends its context when nothing has moved for a while.
type watch struct {
	ctx      context.Context
	caller   context.Context
	cancel   context.CancelCauseFunc
	timer    *time.Timer
	until    time.Time // when moving no longer counts; the zero time for never
	patience time.Duration
}

// newWatch begins to watch. Whoever calls it owes an end.
func newWatch(ctx context.Context, patience time.Duration) *watch {
	w := &watch{caller: ctx, patience: patience, until: time.Now().Add(longest)}
	w.ctx, w.cancel = context.WithCancelCause(ctx)
	w.timer = time.AfterFunc(patience, func() { w.cancel(errSlow) })
	return w
}

// moved says that something moved: patience begins anew, and more of it.
func (w *watch) moved(more time.Duration) {
	if w.until.IsZero() || time.Now().Before(w.until) {
		w.timer.Reset(w.patience + more)
	}
}

// pause stops the clock until moved.
func (w *watch) pause() { w.timer.Stop() }

func (w *watch) end() {
	w.timer.Stop()
	w.cancel(nil)
}

// judge tells an error that comes of the watch's end, which is a fault of
// storage, from one that comes of the caller's.
func (w *watch) judge(err error) error {
	switch {
	case err == nil:
		return nil
	case w.caller.Err() != nil:
		return w.caller.Err()
	case context.Cause(w.ctx) == errSlow:
		return errSlow
	}
	return err
}
