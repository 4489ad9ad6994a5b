package agent

import (
	"context"
	"math/bits"
	"math/rand/v2"
	"time"
)

// tries paces what is tried again and again.
type tries struct {
	after    func(time.Duration) <-chan time.Time
	longest  time.Duration // the longest pause
	failures int           // since the last success
}

// wait waits, and reports whether there is to be another try.
func (t *tries) wait(ctx context.Context, pause time.Duration) bool {
	if pause <= 0 {
		return ctx.Err() == nil
	}
	select {
	case <-ctx.Done():
		return false
	case <-t.after(pause):
		return ctx.Err() == nil
	}
}

// failed counts a failure, and returns the pause before the next try. Those that lost
// the server together do not come back together.
func (t *tries) failed() time.Duration {
	t.failures++
	pause := t.longest
	if t.failures < 7 { // 1, 2, 4, 8, 16, 32 s
		pause = min(pause, firstPause<<(t.failures-1))
	}
	return pause - rand.N(pause/4)
}

// isTold reports whether the last failure is to be logged: the first, 2nd, 4th, 8th and
// so on, and about one an hour.
func (t *tries) isTold() bool { return bits.OnesCount(uint(t.failures)) == 1 || t.failures%60 == 0 }
