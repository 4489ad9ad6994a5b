//go:build linux

package soaktest

import (
	"context"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"
)

// The Mini Programs of the kill test: setters, creators and uploaders have one
// each, keyholders many.
const (
	setters   = 4
	creators  = 1
	uploaders = 3
	busy      = setters + creators + uploaders
	keysAKill = 8
)

// TestKill kills the server at any moment under load, starts it again on the
// same data and lets every client compare what is there with what it was told.
//
// Proves: UT-16, UP-6, CS-4, CS-5, CR-10
func TestKill(t *testing.T) {
	t.Parallel() // it waits more than it computes
	kills := length(52, 500)
	apps := busy + keysAKill*kills
	open := 0
	l := launch{binary: watched(), data: filepath.Join(t.TempDir(), "data")}
	killAtBirth(t)

	first := l
	first.world = newWorld(t, apps)
	s := start(t, first)
	clean := shapeOf(t, l.data)
	cr, keys := newCrowd(t, login(t, s, apps))

	for n := 1; n <= kills; n++ {
		killUnderLoad(t, s, cr)
		open += cr.open()
		if cr.open() == 0 {
			kills++ // it hit nobody and proves nothing
		}
		if n%10 == 0 {
			checkDatabase(t, l.data)
		}
		if n%5 == 0 {
			killAtStart(t, l)
		}
		s = start(t, l)
		clean.check(t, l.data)
		cr.check(t, s)
	}
	t.Logf("%d kills left %d calls without an answer", kills, open)
	c := newClient(s.api, "")
	must(t, "all keys", keys.checkAll(c))
	c.close()
	cr.checkAudit(t, s)
	s.stop()
	checkDatabase(t, l.data)
	checkBlobs(t, l.data)
}

func newCrowd(t *testing.T, clients []*client) (*crowd, *keyholder) {
	cr := &crowd{}
	for i, c := range clients[:busy] {
		switch {
		case i < setters:
			cr.add(c, newSetter(i))
		case i < setters+creators:
			cr.add(c, newCreator(i, 3))
		default:
			w, err := newUploader(i, 600_000, c)
			must(t, "an uploader's function and key", err)
			cr.add(c, w)
		}
	}
	keys := newKeyholder(busy, clients[busy:], keysAKill)
	cr.add(clients[0], keys)
	return cr, keys
}

// killUnderLoad kills the server in the midst of the clients' calls.
func killUnderLoad(t *testing.T, s *server, cr *crowd) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	worked := make(chan error, 1)
	go func() { worked <- cr.work(ctx, s) }()
	time.Sleep(time.Duration(20+rand.IntN(230)) * time.Millisecond)
	s.kill()
	if err := <-worked; err != nil {
		t.Fatalf("an answer that should not be: %v\n%s", err, s.log.tail())
	}
}

// killAtStart kills a server while it starts.
func killAtStart(t *testing.T, l launch) {
	t.Helper()
	s := begin(t, l)
	time.Sleep(time.Duration(rand.IntN(40)) * time.Millisecond)
	s.kill()
}

// killAtBirth kills servers while they make their data folder, and expects
// that the next one can start there.
func killAtBirth(t *testing.T) {
	for range length(8, 100) {
		l := launch{data: filepath.Join(t.TempDir(), "data"), world: newWorld(t, 3)}
		killAtStart(t, l)
		s := start(t, l)
		c := login(t, s, 3)[2]
		if _, err := c.codeSecret(); err != nil {
			t.Fatalf("after a kill at the first start: %v", err)
		}
		c.close()
		s.kill()
	}
}
