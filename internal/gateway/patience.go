package gateway

import (
	"context"
	"sync"
	"time"
)

// patience is how long a call is waited for: a short time from one sign of
// progress to the next until the answer begins, and a time for it all.
type patience struct {
	ctx    context.Context // ends with either
	cancel context.CancelFunc
	short  time.Duration
	timer  *time.Timer
	onLoss func() // wakes what does not look at ctx

	mu    sync.Mutex
	state state
}

type state int

const (
	waiting  state = iota // for the answer to begin
	lost                  // without progress for too long
	answered              // or ended
)

func newPatience(ctx context.Context, short time.Duration, until time.Time, onLoss func()) *patience {
	p := &patience{short: short, onLoss: onLoss}
	p.ctx, p.cancel = context.WithDeadline(ctx, until)
	p.mu.Lock() // the timer may be quick
	defer p.mu.Unlock()
	p.timer = time.AfterFunc(short, p.lose)
	return p
}

// lose gives the call up, unless its answer was quicker. It holds the lock
// until all is done, so that nothing of it happens after end.
func (p *patience) lose() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state == waiting {
		p.state = lost
		p.cancel()
		p.onLoss()
	}
}

// isLost says whether the call was given up for want of progress.
func (p *patience) isLost() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state == lost
}

// progress begins the short time anew.
func (p *patience) progress() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state == waiting {
		p.timer.Reset(p.short)
	}
}

// answer ends the short time; false if it was over.
func (p *patience) answer() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state == lost {
		return false
	}
	p.state = answered
	p.timer.Stop()
	return true
}

func (p *patience) end() {
	p.answer()
	p.cancel()
}
