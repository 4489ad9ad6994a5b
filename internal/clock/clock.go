// Package clock is the clock of a server in test mode: the machine's, one that
// goes ahead of it or behind, or one that stands still.
package clock

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Mode is how a clock goes.
type Mode string

// The modes.
const (
	Real   Mode = "real"   // as the machine's
	Offset Mode = "offset" // as the machine's, but ahead of it or behind
	Frozen Mode = "frozen" // it stands
)

// Setting is how a clock is set. The zero value is a real one.
type Setting struct {
	Mode Mode
	By   time.Duration // of Offset: how far ahead; negative: behind
	At   time.Time     // of Frozen
}

// Now is the time by a clock that is set so.
func (s Setting) Now() time.Time {
	if s.Mode == Frozen {
		return s.At
	}
	return time.Now().Add(s.By)
}

// advanced is the setting of the same clock moved forward.
func (s Setting) advanced(by time.Duration) Setting {
	if s.Mode == Frozen {
		return Setting{Mode: Frozen, At: s.At.Add(by)}
	}
	return Setting{Mode: Offset, By: s.By + by}
}

// String returns what Parse reads.
func (s Setting) String() string {
	switch s.Mode {
	case Offset:
		sign := ""
		if s.By >= 0 {
			sign = "+"
		}
		return string(Offset) + sign + s.By.String()
	case Frozen:
		return string(Frozen) + "@" + s.At.UTC().Format(time.RFC3339Nano)
	}
	return string(Real)
}

// errForm says what Parse reads.
var errForm = errors.New("a clock is real, offset+DURATION, offset-DURATION, or frozen@TIME, such as frozen@2026-01-31T15:04:05Z")

// Parse reads a setting: real, offset+3h, offset-3h, frozen@2026-01-31T15:04:05Z.
func Parse(text string) (s Setting, err error) {
	switch by, isOffset := strings.CutPrefix(text, string(Offset)); {
	case text == string(Real):
		s.Mode = Real
	case isOffset && (strings.HasPrefix(by, "+") || strings.HasPrefix(by, "-")):
		s.Mode = Offset
		s.By, err = time.ParseDuration(by)
	default:
		at, isFrozen := strings.CutPrefix(text, string(Frozen)+"@")
		if !isFrozen {
			return s, errForm
		}
		s.Mode = Frozen
		s.At, err = time.Parse(time.RFC3339, at)
	}
	if err != nil {
		return Setting{}, errForm
	}
	return s, s.check()
}

// The bounds of a clock: request ids have room for no later one.
var (
	first = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	last  = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
)

// ErrBounds is a clock that would show a time outside of the bounds.
var ErrBounds = fmt.Errorf("the clock would show no time between the years %d and %d", first.Year(), last.Year())

func (s Setting) check() error {
	if now := s.Now(); now.Before(first) || !now.Before(last) {
		return ErrBounds
	}
	return nil
}

// Clock is a clock that can be moved. It is safe for concurrent use. New makes
// one.
type Clock struct {
	now  atomic.Pointer[Setting]
	save func(Setting) error

	mu     sync.Mutex // one change at a time
	jumped chan struct{}
}

// New returns a clock that is set so. save, which may be nil, keeps each setting
// before it counts.
func New(s Setting, save func(Setting) error) *Clock {
	c := &Clock{save: save, jumped: make(chan struct{})}
	c.now.Store(&s)
	return c
}

// Now is the time by the clock.
func (c *Clock) Now() time.Time { return c.now.Load().Now() }

// Setting is how the clock is set.
func (c *Clock) Setting() Setting { return *c.now.Load() }

// Jumped returns a channel that is closed when the clock is set or moved next:
// what waits for a time by the clock then looks at it again. On a nil Clock, which
// is a clock that nobody moves, it never is.
func (c *Clock) Jumped() <-chan struct{} {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.jumped
}

// Set sets the clock. A time outside of the bounds is ErrBounds.
func (c *Clock) Set(s Setting) error {
	return c.change(func(Setting) Setting { return s })
}

// Advance moves the clock forward, or back by a negative duration. A real clock
// becomes one with an offset. It returns the new setting.
func (c *Clock) Advance(by time.Duration) (Setting, error) {
	err := c.change(func(s Setting) Setting { return s.advanced(by) })
	return c.Setting(), err
}

func (c *Clock) change(to func(Setting) Setting) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := to(c.Setting())
	if err := s.check(); err != nil {
		return err
	}
	if c.save != nil {
		if err := c.save(s); err != nil {
			return err
		}
	}
	c.now.Store(&s)
	close(c.jumped)
	c.jumped = make(chan struct{})
	return nil
}
