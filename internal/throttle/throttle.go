// Package throttle slows those who try secrets.
//
//	throttle.go   Throttle: one try a second, after so many that failed
package throttle

import (
	"context"
	"net/netip"
	"sync"
	"time"
)

const (
	// memory is how long a failure counts.
	memory = time.Minute
	// pause is the time between two tries of who is slowed.
	pause = time.Second
	// patience is how long a try waits for its turn at most.
	patience = 4 * time.Second
	// maxKeys bounds how many are remembered.
	maxKeys = 1 << 14
)

// Throttle slows whoever has failed too often within a minute. Who that is, is a
// key: an address, and what the secrets are for. It is safe for concurrent use.
type Throttle struct {
	free int // failures that cost nothing

	mu sync.Mutex
	of map[string]*failures
}

// failures is what is remembered of a key.
type failures struct {
	count int
	until time.Time // when they are forgotten, unless another one comes
	next  time.Time // when the next try may be made, if the key is slowed
}

// New returns a Throttle that lets so many failures a minute pass.
func New(free int) *Throttle { return &Throttle{free: free, of: map[string]*failures{}} }

// Wait waits until a try may be made, which is at once unless the key is slowed.
// It reports whether it waited; ok is false if too many tries wait, or ctx ended.
func (t *Throttle) Wait(ctx context.Context, key string) (waited, ok bool) {
	now := time.Now()
	turn, ok := t.turn(key, now)
	if !ok || turn.Equal(now) {
		return false, ok
	}
	timer := time.NewTimer(turn.Sub(now))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true, true
	case <-ctx.Done():
		return true, false
	}
}

// turn returns when the next try of a key may be made; not ok: not for a while.
func (t *Throttle) turn(key string, now time.Time) (time.Time, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f := t.of[key]
	if f == nil || f.count < t.free || !now.Before(f.until) {
		return now, true
	}
	turn := now
	if f.next.After(now) {
		turn = f.next
	}
	if turn.Sub(now) > patience {
		return now, false
	}
	f.next = turn.Add(pause)
	return turn, true
}

// Failed counts a try of a key that failed.
func (t *Throttle) Failed(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.failed(key, time.Now())
}

func (t *Throttle) failed(key string, now time.Time) {
	f := t.of[key]
	if f == nil {
		t.makeRoom(now)
		f = &failures{}
		t.of[key] = f
	}
	if !now.Before(f.until) {
		f.count = 0
	}
	f.count++
	f.until = now.Add(memory)
}

// Take counts a try of a key, and reports whether it may be made: not if so many were
// taken within a minute as may fail. Give gives back one that did not fail.
func (t *Throttle) Take(key string) bool {
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	f := t.of[key]
	if f != nil && f.count >= t.free && now.Before(f.until) {
		return false
	}
	t.failed(key, now)
	return true
}

// Give gives back a try that was taken.
func (t *Throttle) Give(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if f := t.of[key]; f != nil && f.count > 0 {
		f.count--
	}
}

// makeRoom forgets what is over, and one at random if that is nothing.
func (t *Throttle) makeRoom(now time.Time) {
	if len(t.of) < maxKeys {
		return
	}
	for key, f := range t.of {
		if !now.Before(f.until) {
			delete(t.of, key)
		}
	}
	for key := range t.of {
		if len(t.of) < maxKeys {
			return
		}
		delete(t.of, key)
	}
}

// AddressOf returns what an address HOST:PORT counts as: its host, or of IPv6
// the network of 64 bits, all of which one caller may have.
func AddressOf(hostPort string) string {
	at, err := netip.ParseAddrPort(hostPort)
	if err != nil {
		return hostPort
	}
	return Host(at.Addr())
}

// Host is AddressOf for an address without a port.
func Host(addr netip.Addr) string {
	addr = addr.Unmap().WithZone("")
	if addr.Is4() {
		return addr.String()
	}
	network, err := addr.Prefix(64)
	if err != nil {
		return addr.String()
	}
	return network.String()
}
