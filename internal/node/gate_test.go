package node

import (
	"context"
	"testing"
	"time"
)

// TestGate: it shuts when whoever is in has left, and keeps others out until it
// opens; and if they do not leave in time it stays open.
//
// Proves: RS-1
func TestGate(t *testing.T) {
	var g gate
	g.enter()
	ended, end := context.WithTimeout(t.Context(), time.Millisecond)
	defer end()
	if err := g.close(ended); err == nil || err.Error() != "1 calls are under way still" {
		t.Fatalf("closed: %v", err)
	}
	g.enter() // it is open again
	g.leave()
	closed, entered := make(chan error), make(chan struct{})
	go func() { closed <- g.close(t.Context()) }()
	for open := true; open; {
		g.mu.Lock()
		open = g.shut == nil
		g.mu.Unlock()
	}
	go func() { g.enter(); close(entered) }()
	select {
	case <-closed:
		t.Fatal("closed over a call")
	case <-entered:
		t.Fatal("a call was let in")
	case <-time.After(20 * time.Millisecond):
	}
	g.leave()
	if err := <-closed; err != nil {
		t.Fatal(err)
	}
	g.open()
	<-entered
	g.leave()
}
