package admin

import (
	"context"
	"net/http"
	"time"

	"github.com/opentcb/opentcb/internal/clock"
	"github.com/opentcb/opentcb/internal/cloud"
)

// Clock is how the clock of a server in test mode is set, and what it shows.
type Clock struct {
	Mode clock.Mode `json:"mode"`
	By   string     `json:"by,omitempty"` // of offset: a duration, such as 3h
	At   *time.Time `json:"at,omitempty"` // of frozen
	Now  *time.Time `json:"now,omitempty"`
}

// Advance is by how much a clock is moved: a duration, such as 90m.
type Advance struct {
	By string `json:"by"`
}

func clockOf(s clock.Setting) Clock {
	now := s.Now().UTC()
	c := Clock{Mode: s.Mode, Now: &now}
	switch s.Mode {
	case clock.Offset:
		c.By = s.By.String()
	case clock.Frozen:
		c.At = &now
	}
	return c
}

// setting reads how a clock is to be set.
func (c Clock) setting() (clock.Setting, error) {
	s := clock.Setting{Mode: c.Mode}
	switch {
	case c.Now != nil:
		return s, cloud.RefusedMember("now", "now is what the clock shows, and cannot be set")
	case c.By != "" && c.Mode != clock.Offset:
		return s, cloud.RefusedMember("by", "by is for the mode offset")
	case c.At != nil && c.Mode != clock.Frozen:
		return s, cloud.RefusedMember("at", "at is for the mode frozen")
	}
	switch c.Mode {
	case clock.Real:
	case clock.Offset:
		by, err := duration(c.By)
		s.By = by
		return s, err
	case clock.Frozen:
		if c.At == nil {
			return s, cloud.RefusedMember("at", "at must be a time, such as 2026-01-31T15:04:05Z")
		}
		s.At = *c.At
	default:
		return s, cloud.RefusedMember("mode", "mode must be real, offset or frozen")
	}
	return s, nil
}

func duration(text string) (time.Duration, error) {
	by, err := time.ParseDuration(text)
	if err != nil {
		return 0, cloud.RefusedMember("by", "by must be a duration, such as 90m or -3h")
	}
	return by, nil
}

func (s *Server) showClock(http.ResponseWriter, *http.Request, cloud.Caller) (any, error) {
	return clockOf(s.clock.Setting()), nil
}

func (s *Server) setClock(w http.ResponseWriter, r *http.Request, _ cloud.Caller) (any, error) {
	var wanted Clock
	if err := readJSON(w, r, maxJSON, &wanted); err != nil {
		return nil, err
	}
	setting, err := wanted.setting()
	if err != nil {
		return nil, err
	}
	member := "at"
	if setting.Mode == clock.Offset {
		member = "by"
	}
	return s.clockMoved(setting, s.clock.Set(setting), member)
}

func (s *Server) advanceClock(w http.ResponseWriter, r *http.Request, _ cloud.Caller) (any, error) {
	var wanted Advance
	if err := readJSON(w, r, maxJSON, &wanted); err != nil {
		return nil, err
	}
	by, err := duration(wanted.By)
	if err != nil {
		return nil, err
	}
	setting, err := s.clock.Advance(by)
	return s.clockMoved(setting, err, "by")
}

// clockMoved answers a change of the clock that ended with an error or nil.
func (s *Server) clockMoved(now clock.Setting, err error, member string) (any, error) {
	if err == clock.ErrBounds {
		return nil, cloud.RefusedMember(member, err.Error())
	}
	if err != nil {
		return nil, err
	}
	s.log.Info("the clock was set", "clock", now.String())
	return clockOf(now), nil
}

// Clock returns how the server's clock is set.
func (c *Client) Clock(ctx context.Context) (Clock, error) {
	return ask[Clock](ctx, c, "GET", "/v1/clock", nil)
}

// SetClock sets the server's clock. Now of the setting must be nil.
func (c *Client) SetClock(ctx context.Context, wanted Clock) (Clock, error) {
	return ask[Clock](ctx, c, "PUT", "/v1/clock", wanted)
}

// AdvanceClock moves the server's clock forward, or back.
func (c *Client) AdvanceClock(ctx context.Context, by string) (Clock, error) {
	return ask[Clock](ctx, c, "POST", "/v1/clock/advance", Advance{by})
}
