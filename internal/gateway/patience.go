package gateway

import (
	"context"
	"io"
	"sync/atomic"
	"time"
)

// patience is how long a call is waited for: a short time from one sign of
// progress to the next until the answer begins, a long one in all.
type patience struct {
	ctx    context.Context
	cancel context.CancelFunc
	short  time.Duration
	long   time.Duration
	timer  *time.Timer
	isLost atomic.Bool
	done   atomic.Bool // the answer has begun
}

func newPatience(ctx context.Context, short, long time.Duration) *patience {
	p := &patience{short: short, long: long}
	p.ctx, p.cancel = context.WithCancel(ctx)
	p.timer = time.AfterFunc(short, p.lose)
	return p
}

func (p *patience) lose() {
	p.isLost.Store(!p.done.Load())
	p.cancel()
}

// lost says whether the call was given up for want of progress.
func (p *patience) lost() bool { return p.isLost.Load() }

// progress begins the short time anew.
func (p *patience) progress() {
	if !p.done.Load() {
		p.timer.Reset(p.short)
	}
}

// answered begins the long time.
func (p *patience) answered() {
	p.done.Store(true)
	p.timer.Reset(p.long)
}

func (p *patience) end() {
	p.timer.Stop()
	p.cancel()
}

// watch counts what is read of a body as progress.
func (p *patience) watch(body io.ReadCloser) io.ReadCloser { return watched{body, p} }

type watched struct {
	io.ReadCloser
	p *patience
}

func (w watched) Read(b []byte) (int, error) {
	n, err := w.ReadCloser.Read(b)
	w.p.progress()
	return n, err
}
