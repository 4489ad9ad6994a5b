package node

import (
	"context"
	"fmt"
	"sync"
)

// gate lets calls in, and can be shut once all that are in have been answered.
// It is of servers in test mode.
type gate struct {
	mu    sync.Mutex
	in    int           // calls under way
	shut  chan struct{} // closed when the gate opens again; nil while it is open
	empty chan struct{} // closed when nobody is in; nil while nobody waits for that
}

// enter waits until the gate is open. The caller calls leave after it.
func (g *gate) enter() {
	for {
		g.mu.Lock()
		shut := g.shut
		if shut == nil {
			g.in++
		}
		g.mu.Unlock()
		if shut == nil {
			return
		}
		<-shut
	}
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.in--; g.in == 0 && g.empty != nil {
		close(g.empty)
		g.empty = nil
	}
}

// close lets nobody in any more, and waits until nobody is. If that takes longer
// than ctx lasts it opens the gate again and returns an error. One at a time
// closes a gate.
func (g *gate) close(ctx context.Context) error {
	g.mu.Lock()
	g.shut = make(chan struct{})
	empty := make(chan struct{})
	if g.in == 0 {
		close(empty)
	} else {
		g.empty = empty
	}
	g.mu.Unlock()
	select {
	case <-empty:
		return nil
	case <-ctx.Done():
	}
	g.mu.Lock()
	in := g.in
	g.empty = nil
	g.mu.Unlock()
	g.open()
	return fmt.Errorf("%d calls are under way still", in)
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	close(g.shut)
	g.shut = nil
}
