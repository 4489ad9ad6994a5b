package tcb

import (
	"crypto/sha256"
	"errors"
	"sync"
	"time"
)

// seenFor is how long a message is remembered: WeChat sends none again after a day.
const seenFor = 24 * time.Hour

// seen remembers the messages that were handled, at most so many.
type seen struct {
	most int

	mu   sync.Mutex
	done map[[sha256.Size]byte]time.Time // when it was handled; zero while it is
	old  [][sha256.Size]byte             // those handled, oldest first
}

func newSeen(most int) *seen {
	return &seen{most: most, done: map[[sha256.Size]byte]time.Time{}}
}

var errBeingHandled = errors.New("the same event is being handled")

// do calls handle unless it returned nil for the message before. Of two calls at a
// time the second is an error, since the first may fail yet.
func (s *seen) do(message [sha256.Size]byte, handle func() error) error {
	s.mu.Lock()
	s.forget(time.Now().Add(-seenFor))
	at, known := s.done[message]
	if !known {
		s.done[message] = time.Time{}
	}
	s.mu.Unlock()
	switch {
	case known && at.IsZero():
		return errBeingHandled
	case known:
		return nil
	}
	handled := false
	defer func() { // after a panic too
		s.mu.Lock()
		defer s.mu.Unlock()
		if !handled {
			delete(s.done, message)
			return
		}
		s.done[message] = time.Now()
		s.old = append(s.old, message)
	}()
	err := handle()
	handled = err == nil
	return err
}

// forget drops messages that were handled before a time, and those that are too
// many. The caller holds mu.
func (s *seen) forget(before time.Time) {
	for len(s.old) > 0 && (len(s.old) > s.most || s.done[s.old[0]].Before(before)) {
		delete(s.done, s.old[0])
		s.old = s.old[1:]
	}
}
