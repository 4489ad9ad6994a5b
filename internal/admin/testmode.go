package admin

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/opentcb/opentcb/internal/clock"
	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/tcb"
)

// testRoutes is every path that only a server in test mode has, and the right
// that it needs.
func (s *Server) testRoutes() map[string]route {
	return map[string]route{
		"GET /v1/clock":                         {noQuery(s.showClock), toRead},
		"PUT /v1/clock":                         {s.setClock, toTest},
		"POST /v1/clock/advance":                {s.advanceClock, toTest},
		"GET /v1/faults":                        {s.faultList, toRead},
		"POST /v1/faults":                       {s.addFault, toTest},
		"DELETE /v1/faults":                     {noQuery(s.clearFaults), toTest},
		"DELETE /v1/faults/{id}":                {noQuery(s.removeFault), toTest},
		"GET /v1/journal":                       {s.showJournal, toRead},
		"DELETE /v1/journal":                    {noQuery(s.clearJournal), toTest},
		"POST /v1/reset":                        {noQuery(s.reset), toTest},
		"GET /v1/snapshots":                     {s.snapshots, toRead},
		"PUT /v1/snapshots/{snapshot}":          {noQuery(s.saveSnapshot), toTest},
		"DELETE /v1/snapshots/{snapshot}":       {noQuery(s.removeSnapshot), toTest},
		"POST /v1/snapshots/{snapshot}/restore": {noQuery(s.restoreSnapshot), toTest},
	}
}

// noTestMode refuses the paths of test mode on a server that is not in it.
func (s *Server) noTestMode(http.ResponseWriter, *http.Request, cloud.Caller) (any, error) {
	return nil, &httpError{http.StatusNotFound, tcb.InvalidURL,
		"the server is not in test mode, and only then has this path: opentcb serve --test-mode"}
}

// serveTests adds the paths of test mode.
func (s *Server) serveTests() {
	s.paths = s.testRoutes()
	for pattern, to := range s.paths {
		if !s.testMode {
			to.do = s.noTestMode
		}
		s.mux.Handle(pattern, s.authorized(to))
	}
}

// ForTests reports whether a request is for a path that only test mode has, or
// for one that is no part of the interface proper, such as /readyz: it need not
// wait while all that the server keeps is put back, which itself is such a request.
func (s *Server) ForTests(r *http.Request) bool {
	_, pattern := s.mux.Handler(r)
	_, ok := s.paths[pattern]
	return ok || !strings.HasPrefix(r.URL.Path, "/v1/")
}

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
	if err := readChange(w, r, &wanted); err != nil {
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
	if err := readChange(w, r, &wanted); err != nil {
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

// Tests is what a server in test mode does with all that it keeps.
type Tests interface {
	// Reset brings everything to what it was at the start.
	Reset(ctx context.Context) error
	// SaveSnapshot keeps what there is under a name, in place of what had it.
	SaveSnapshot(ctx context.Context, name string) (s Snapshot, isNew bool, err error)
	// RestoreSnapshot brings what is stored to a snapshot. cloud.NotFound if there is none.
	RestoreSnapshot(ctx context.Context, name string) error
	// Snapshots returns all by name.
	Snapshots() ([]Snapshot, error)
	// RemoveSnapshot removes one. cloud.NotFound if there is none.
	RemoveSnapshot(name string) error
}

// Snapshot is all that a server kept at one moment.
type Snapshot struct {
	Name      string    `json:"name"`
	CreatedAt time.Time `json:"created_at"` // by the server's clock
	Bytes     int64     `json:"bytes"`
}

// Key is the snapshot's place in a list.
func (s Snapshot) Key() []string { return []string{s.Name} }

// snapshotName is the form of a snapshot's name.
var snapshotName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

func (s *Server) reset(_ http.ResponseWriter, r *http.Request, c cloud.Caller) (any, error) {
	if err := s.tests.Reset(r.Context()); err != nil {
		return nil, err
	}
	s.log.Info("everything was reset", "by", c.By)
	return nil, nil
}

func (s *Server) snapshots(_ http.ResponseWriter, r *http.Request, _ cloud.Caller) (any, error) {
	return list(r, parameters{}, func(p cloud.Page) ([]Snapshot, error) {
		all, err := s.tests.Snapshots()
		if len(p.After) > 0 {
			all = slices.DeleteFunc(all, func(s Snapshot) bool { return s.Name <= p.After[0] })
		}
		return all[:min(len(all), p.Limit)], err
	})
}

func (s *Server) saveSnapshot(_ http.ResponseWriter, r *http.Request, _ cloud.Caller) (any, error) {
	name := r.PathValue("snapshot")
	if !snapshotName.MatchString(name) {
		return nil, cloud.RefusedMember("name", "name must be a letter or digit and up to 63 letters, digits, dots, underscores and hyphens")
	}
	saved, isNew, err := s.tests.SaveSnapshot(r.Context(), name)
	return put(saved, isNew), err
}

func (s *Server) restoreSnapshot(_ http.ResponseWriter, r *http.Request, c cloud.Caller) (any, error) {
	name := r.PathValue("snapshot")
	if !snapshotName.MatchString(name) {
		return nil, cloud.Refused(cloud.NotFound, "there is no such snapshot")
	}
	if err := s.tests.RestoreSnapshot(r.Context(), name); err != nil {
		return nil, err
	}
	s.log.Info("a snapshot was restored", "name", name, "by", c.By)
	return nil, nil
}

func (s *Server) removeSnapshot(_ http.ResponseWriter, r *http.Request, _ cloud.Caller) (any, error) {
	name := r.PathValue("snapshot")
	if !snapshotName.MatchString(name) {
		return nil, cloud.Refused(cloud.NotFound, "there is no such snapshot")
	}
	return nil, s.tests.RemoveSnapshot(name)
}

// Reset brings everything to what it was at the server's start.
func (c *Client) Reset(ctx context.Context) error {
	return c.call(ctx, "POST", "/v1/reset", content{}, nil)
}

// SaveSnapshot keeps all that the server has under a name.
func (c *Client) SaveSnapshot(ctx context.Context, name string) (Snapshot, error) {
	return ask[Snapshot](ctx, c, "PUT", "/v1/snapshots/"+url.PathEscape(name), nil)
}

// RestoreSnapshot brings what is stored to a snapshot.
func (c *Client) RestoreSnapshot(ctx context.Context, name string) error {
	return c.call(ctx, "POST", "/v1/snapshots/"+url.PathEscape(name)+"/restore", content{}, nil)
}

// Snapshots calls each with every snapshot, by name.
func (c *Client) Snapshots(ctx context.Context, each func(Snapshot) error) error {
	return Each(ctx, c, "/v1/snapshots", nil, each)
}

// RemoveSnapshot removes a snapshot.
func (c *Client) RemoveSnapshot(ctx context.Context, name string) error {
	return c.call(ctx, "DELETE", "/v1/snapshots/"+url.PathEscape(name), content{}, nil)
}
