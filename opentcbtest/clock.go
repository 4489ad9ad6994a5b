package opentcbtest

import (
	"time"

	"github.com/opentcb/opentcb/internal/clock"
)

// Clock is the clock that a server, and the clients that it gives, go by.
type Clock struct{ s *Server }

// Clock returns the server's clock.
func (s *Server) Clock() Clock { return Clock{s} }

// Now is the time by the clock.
func (c Clock) Now() time.Time { return c.s.clock.Now() }

// Advance moves the clock forward, or back by a negative duration: what was to
// expire until then has expired.
func (c Clock) Advance(d time.Duration) {
	c.s.t.Helper()
	_, err := c.s.clock.Advance(d)
	c.moved(err)
}

// Freeze stops the clock at a time.
func (c Clock) Freeze(at time.Time) {
	c.s.t.Helper()
	c.moved(c.s.clock.Set(clock.Setting{Mode: clock.Frozen, At: at}))
}

// Real sets the clock to the machine's.
func (c Clock) Real() {
	c.s.t.Helper()
	c.moved(c.s.clock.Set(clock.Setting{Mode: clock.Real}))
}

func (c Clock) moved(err error) {
	c.s.t.Helper()
	if err != nil {
		c.s.t.Fatalf("opentcbtest: %v", err)
	}
}
