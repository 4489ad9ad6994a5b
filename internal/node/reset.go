package node

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/cloud"
)

// answerTime is how long a reset, a snapshot or its restoring waits for calls that
// are under way.
const answerTime = 10 * time.Second

// shutOut waits until the calls under way are answered, and lets no others in
// until the function that it returns is called.
func (n *Node) shutOut(ctx context.Context) (open func(), err error) {
	t := n.tests
	t.one.Lock()
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	n.stack.Load().admin.AnswerWaits()
	t.bench.LetGo()
	if err := t.gate.close(ctx); err != nil {
		t.one.Unlock()
		return nil, &cloud.Error{Kind: cloud.Conflict, Detail: err.Error() + ", after " + answerTime.String() + ": try again"}
	}
	return func() { t.gate.open(); t.one.Unlock() }, nil
}

// putBack brings what is stored to an image, and forgets what is in memory. also
// is done meanwhile.
func (n *Node) putBack(ctx context.Context, image string, again bool, also func() error) error {
	open, err := n.shutOut(ctx)
	if err != nil {
		return err
	}
	defer open()
	err = n.stack.Load().close()
	lines, errRestore := n.storage.Store.RestoreImage(ctx, n.tests.images.file(image), again)
	if errRestore == nil {
		n.storage.Ring.UseLines(lines)
		err = errors.Join(err, also(), n.tests.blobs.sweep(ctx))
	}
	s := n.newRules() // those of before have ended, whatever has failed
	n.addInterfaces(s)
	n.stack.Store(s)
	n.usage.measureAgain()
	return errors.Join(err, errRestore)
}

// Reset implements admin.Tests.
func (n *Node) Reset(ctx context.Context) error {
	seeded := n.cfg.Seed != ""
	return n.putBack(ctx, startImage, seeded, func() error {
		n.tests.bench.Reset()
		n.seed()
		return n.tests.clock.Set(n.tests.begin)
	})
}

// SaveSnapshot implements admin.Tests.
func (n *Node) SaveSnapshot(ctx context.Context, name string) (s admin.Snapshot, isNew bool, err error) {
	open, err := n.shutOut(ctx)
	if err != nil {
		return s, false, err
	}
	defer open()
	if isNew, err = n.keep(ctx, name); err != nil {
		return s, false, err
	}
	s, _ = n.tests.images.find(name)
	return s, isNew, nil
}

// RestoreSnapshot implements admin.Tests.
func (n *Node) RestoreSnapshot(ctx context.Context, name string) error {
	if _, ok := n.tests.images.find(name); !ok {
		return noSnapshot(name)
	}
	return n.putBack(ctx, name, false, func() error { return nil })
}

// Snapshots implements admin.Tests.
func (n *Node) Snapshots() ([]admin.Snapshot, error) { return n.tests.images.list() }

// RemoveSnapshot implements admin.Tests.
func (n *Node) RemoveSnapshot(name string) error {
	there, err := n.tests.images.remove(name)
	if err == nil && !there {
		return noSnapshot(name)
	}
	return err
}

func noSnapshot(name string) error {
	return cloud.Refused(cloud.NotFound, fmt.Sprintf("no snapshot %s", name))
}

// KeepStart makes what is there now what a reset puts back. Nobody may change
// anything meanwhile.
func (n *Node) KeepStart(ctx context.Context) error {
	_, err := n.keep(ctx, startImage)
	return err
}

// keep writes an image. What is issued from then on is not of it.
func (n *Node) keep(ctx context.Context, image string) (isNew bool, err error) {
	if err := n.stack.Load().cloud.Flush(ctx); err != nil {
		return false, err
	}
	if isNew, err = n.tests.images.save(ctx, image, n.cfg.Now()); err != nil {
		return false, err
	}
	lines, err := n.storage.Store.BeginLine(ctx)
	if err == nil {
		n.storage.Ring.UseLines(lines)
	}
	return isNew, err
}

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
