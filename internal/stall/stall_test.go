package stall

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

const patience = time.Second

// errBroken is what an exchange says of itself.
var errBroken = errors.New("the connection broke")

// TestStalled gives an exchange up whose silence lasts as long as patience
// does, and not before.
func TestStalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		w := New(t.Context(), patience, time.Time{}, func() { calls.Add(1) })
		defer w.End()
		for range 5 {
			time.Sleep(patience - time.Millisecond)
			w.Moved(0)
		}
		w.Moved(patience)
		time.Sleep(2*patience - time.Millisecond)
		if err := w.Judge(errBroken); w.Context().Err() != nil || err != errBroken {
			t.Errorf("given up while it moved: %v", err)
		}
		time.Sleep(time.Millisecond)
		synctest.Wait()
		if err := w.Judge(errBroken); w.Context().Err() == nil || err != ErrStalled {
			t.Errorf("after its patience: %v", err)
		}
		w.Moved(0)
		if n := calls.Load(); n != 1 || w.Settle() || w.Judge(nil) != nil {
			t.Errorf("onGiveUp was called %d times, or the exchange goes on", n)
		}
	})
}

// TestTooLong gives up what moves for ever, paused, settled or not.
func TestTooLong(t *testing.T) {
	for name, do := range map[string]func(*Watch){
		"moving":  func(w *Watch) { w.Moved(time.Hour) },
		"paused":  (*Watch).Pause,
		"settled": func(w *Watch) { w.Settle(); w.Moved(0) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begin := time.Now()
				w := New(t.Context(), patience, begin.Add(10*patience), nil)
				defer w.End()
				for time.Since(begin) < 10*patience-time.Millisecond {
					do(w)
					time.Sleep(time.Millisecond)
				}
				if err := w.Context().Err(); err != nil {
					t.Errorf("given up after %v", time.Since(begin))
				}
				time.Sleep(time.Millisecond)
				synctest.Wait()
				if err := w.Judge(errBroken); err != ErrTooLong {
					t.Errorf("at the end: %v", err)
				}
			})
		})
	}
}

// TestNoEnd leaves an exchange alone that is paused or settled and has no end
// of its own.
func TestNoEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		paused, settled := New(t.Context(), patience, time.Time{}, nil), New(t.Context(), patience, time.Time{}, nil)
		defer settled.End()
		defer paused.End()
		paused.Pause()
		if !settled.Settle() {
			t.Error("given up at once")
		}
		time.Sleep(time.Hour)
		if paused.Context().Err() != nil || settled.Context().Err() != nil {
			t.Error("given up though nothing was awaited")
		}
		paused.Moved(0)
		time.Sleep(patience)
		synctest.Wait()
		if err := paused.Judge(errBroken); err != ErrStalled {
			t.Errorf("silent after the pause: %v", err)
		}
	})
}

// TestCallerFirst blames the caller that went away before the silence was too
// long, and nobody after End.
func TestCallerFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, leave := context.WithCancel(t.Context())
		w := New(ctx, patience, time.Time{}, func() { t.Error("given up after its end") })
		leave()
		if err := w.Judge(errBroken); err != context.Canceled {
			t.Errorf("the caller went away: %v", err)
		}
		w.End()
		w.End()
		time.Sleep(time.Hour)
	})
}
