package admin

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
)

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
