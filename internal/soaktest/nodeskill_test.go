//go:build linux

package soaktest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/pgtest"
	"github.com/opentcb/opentcb/tcb"
)

const (
	contendedApps = 20
	contenders    = 10 // clients of each Mini Program: 200 in all
)

// contest is what the clients of one Mini Program did to its environment.
type contest struct {
	mu       sync.Mutex
	key      string
	accepted map[string]int64 // the entry that a set carried, and the version it was sent with
	unknown  map[string]bool  // sets without an answer, or told -1
	uploaded string           // checksum of the last answered upload
	maybe    map[string]bool  // checksums of uploads since of unknown fate
}

// TestNodesKilled kills one of three servers every few seconds under 200
// clients. Every answered change is there, keys never differ, and of sets that
// contend exactly one wins, over the whole history.
//
// Proves: CS-4, UT-6, UT-9, UT-16
func TestNodesKilled(t *testing.T) {
	postgres := pgtest.Start(t)
	n := newNodes(t, postgres.Database(), "").start(3, newWorld(t, contendedApps))
	var mu sync.RWMutex // guards n.list
	any := func() *server {
		mu.RLock()
		defer mu.RUnlock()
		return n.list[rand.IntN(len(n.list))]
	}
	clients := login(t, n.list[0], contendedApps)
	contests := make([]*contest, contendedApps)
	for i, c := range clients {
		contests[i] = &contest{accepted: map[string]int64{}, unknown: map[string]bool{}, maybe: map[string]bool{}}
		must(t, "createfunction", c.createFunction(envid(i, 0), "code"))
	}
	var calls, lost atomic.Int64
	end := time.Now().Add(time.Duration(length(12, 180)) * time.Second)
	var wg sync.WaitGroup
	for i, c := range clients {
		for j := range contenders {
			wg.Go(func() {
				for k := 0; time.Now().Before(end); k++ {
					calls.Add(1)
					err := contests[i].act(c.on(any()), i, j, k)
					switch {
					case err == nil:
					case unanswered(err) || toldAgain(err):
						lost.Add(1)
						time.Sleep(20 * time.Millisecond)
					default:
						t.Errorf("Mini Program %d, client %d: %v", i, j, err)
						return
					}
				}
			})
		}
	}
	kills := 0
	for time.Now().Add(2 * time.Second).Before(end) {
		time.Sleep(1500 * time.Millisecond)
		victim := kills % len(n.list)
		n.list[victim].kill()
		again := start(t, n.launch(victim, n.database, ""))
		mu.Lock()
		n.list[victim] = again
		mu.Unlock()
		kills++
	}
	wg.Wait()
	sets := 0
	for i, contest := range contests {
		sets += contest.check(t, n.list[i%3], clients[i].on(n.list[(i+1)%3]), i)
	}
	t.Logf("%d kills, %d calls, %d without an answer or told -1, %d sets accepted", kills, calls.Load(), lost.Load(), sets)
	if kills < 3 || sets < 100 {
		t.Errorf("only %d kills and %d sets", kills, sets)
	}
}

// act makes one call of the j-th client of the i-th Mini Program.
func (x *contest) act(c *client, i, j, k int) error {
	switch {
	case j == 0 && k%2 == 0:
		return x.upload(c, i, k)
	case j == 1 && k%5 == 0:
		_, err := c.functions(envid(i, 0))
		return err
	case k%4 == 3:
		key, err := c.codeSecret()
		if err != nil {
			return err
		}
		x.mu.Lock()
		defer x.mu.Unlock()
		if x.key == "" {
			x.key = key
		}
		if x.key != key {
			return &fault{"a key that differs from the first"}
		}
		return nil
	}
	return x.set(c, i, fmt.Sprintf("/c%d/n%d", j, k))
}

// set sends what nobody else sends, with the version that it reads.
func (x *contest) set(c *client, i int, entry string) error {
	p, err := c.permission(envid(i, 0))
	if err != nil {
		return err
	}
	err = c.setPermission(envid(i, 0), permission{open: true, list: []string{entry}, version: p.version})
	x.mu.Lock()
	defer x.mu.Unlock()
	switch code, isRefusal := refused(err); {
	case err == nil:
		x.accepted[entry] = p.version
	case isRefusal && code == tcb.InvalidArgs:
		return nil // somebody else was first
	case unanswered(err) || toldAgain(err):
		x.unknown[entry] = true
	}
	return err
}

func (x *contest) upload(c *client, i, k int) error {
	key, err := c.codeSecret()
	if err != nil {
		return err
	}
	code := newZip(uint64(i)<<32+uint64(k), 5_000)
	x.mu.Lock()
	x.maybe[sumOf(code)] = true
	x.mu.Unlock()
	if err = c.upload(envid(i, 0), "code", key, code); err != nil {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.uploaded, x.maybe = sumOf(code), map[string]bool{}
	return nil
}

// check holds what is there against what was answered, and returns how many
// sets were.
func (x *contest) check(t *testing.T, s *server, c *client, i int) int {
	t.Helper()
	changes, err := s.operator().WhitelistHistory(t.Context(), envid(i, 0))
	must(t, "history", err)
	seen := map[string]int64{}
	for k, ch := range changes {
		if k > 0 && ch.Version <= changes[k-1].Version {
			t.Errorf("Mini Program %d: version %d comes after %d", i, ch.Version, changes[k-1].Version)
		}
		if len(ch.Whitelist) != 1 {
			continue // how it was made
		}
		entry := ch.Whitelist[0]
		if _, twice := seen[entry]; twice {
			t.Errorf("Mini Program %d: %s was set twice", i, entry)
		}
		seen[entry] = ch.Version
		if _, ok := x.accepted[entry]; !ok && !x.unknown[entry] {
			t.Errorf("Mini Program %d: %s is in the history and was refused to its sender", i, entry)
		}
	}
	sent := map[int64]string{}
	for entry, version := range x.accepted {
		if other, twice := sent[version]; twice {
			t.Errorf("Mini Program %d: %s and %s were both accepted with version %d (UT-9)", i, entry, other, version)
		}
		sent[version] = entry
		if version+2 >= changes[0].Version && seen[entry] != version+2 {
			t.Errorf("Mini Program %d: the set of %s with version %d was answered, and the history has it as %d (UT-16)", i, entry, version, seen[entry])
		}
	}
	last := changes[len(changes)-1]
	if p, err := c.permission(envid(i, 0)); err != nil || p.version != last.Version || !slices.Equal(p.list, last.Whitelist) {
		t.Errorf("Mini Program %d: it is %+v, %v, and the last of its history %+v", i, p, err, last)
	}
	if key, err := c.codeSecret(); err != nil || x.key != "" && key != x.key {
		t.Errorf("Mini Program %d: another key, %v", i, err)
	}
	if sum, err := c.download(envid(i, 0), "code"); err != nil || sum != x.uploaded && !x.maybe[sum] {
		t.Errorf("Mini Program %d: the code is %s, %v; answered was %s", i, sum, err, x.uploaded)
	}
	return len(x.accepted)
}

// TestPrimaryLost kills the primary and promotes its synchronous standby: no
// answered change is lost, calls are answered -1 in time until then, and again
// within 5 s after.
//
// Proves: EN-13, UT-16
func TestPrimaryLost(t *testing.T) {
	primary := pgtest.Start(t)
	address := primary.Database()
	standby := primary.Standby()
	both := strings.Replace(address, primary.Address(), primary.Address()+","+standby.Address(), 1)
	n := newNodes(t, both, "").start(2, newWorld(t, 8))
	clients := login(t, n.list[0], 8)
	var promoted atomic.Int64 // when, Unix nanoseconds
	var mu sync.Mutex
	var firstAfter time.Duration
	accepted := make([]permission, len(clients))
	end := make(chan struct{})
	var longest time.Duration
	var told, answered int
	var wg sync.WaitGroup
	for i, c := range clients {
		wg.Go(func() {
			c := c.on(n.list[i%2])
			for k := 0; ; k++ {
				select {
				case <-end:
					return
				default:
				}
				began := time.Now()
				p, err := setNext(c, envid(i, 0), fmt.Sprintf("/k%d", k))
				took := time.Since(began)
				mu.Lock()
				switch at := promoted.Load(); {
				case err == nil:
					answered++
					accepted[i] = p
					if at != 0 && firstAfter == 0 && began.UnixNano() > at-int64(answeredWithin) {
						firstAfter = time.Since(time.Unix(0, at))
					}
				case toldAgain(err):
					told++
				default:
					t.Errorf("client %d: %v", i, err)
				}
				longest = max(longest, took/2) // it makes two calls
				mu.Unlock()
			}
		})
	}
	time.Sleep(time.Second)
	primary.Kill()
	time.Sleep(time.Duration(length(3, 20)) * time.Second)
	promoted.Store(time.Now().UnixNano())
	standby.Promote()
	time.Sleep(6 * time.Second)
	close(end)
	wg.Wait()
	t.Logf("%d sets answered, %d told -1, longest call %v; answered again %v after the promotion began", answered, told, longest, firstAfter)
	if firstAfter == 0 || firstAfter > 5*time.Second {
		t.Errorf("answered again after %v", firstAfter)
	}
	if longest > answeredWithin {
		t.Errorf("a call took %v", longest)
	}
	for i, c := range clients {
		p, err := c.on(n.list[(i+1)%2]).permission(envid(i, 0))
		if err != nil || p.version < accepted[i].version || p.version == accepted[i].version && !slices.Equal(p.list, accepted[i].list) {
			t.Errorf("client %d: it is %+v, %v; answered was %+v", i, p, err, accepted[i])
		}
	}
}

// setNext sets an environment to an entry, and returns what was accepted.
func setNext(c *client, env, entry string) (permission, error) {
	p, err := c.permission(env)
	if err != nil {
		return permission{}, err
	}
	p.list = []string{entry}
	if err := c.setPermission(env, p); err != nil {
		if code, ok := refused(err); ok && code == tcb.InvalidArgs {
			return permission{}, errors.Join(errTryAgain, err) // its own, of unknown fate, came between
		}
		return permission{}, err
	}
	p.version += 2
	return p, nil
}
