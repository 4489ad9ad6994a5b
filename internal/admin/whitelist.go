package admin

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/opentcb/opentcb/internal/cloud"
)

// maxWhitelist bounds the body of a trial: 1,000 entries of 256 bytes, written
// generously.
const maxWhitelist = 1 << 20

func (s *Server) suggestWhitelist(_ http.ResponseWriter, r *http.Request, c cloud.Caller) (any, error) {
	var allowedOnly cloud.Maybe[bool]
	if err := (parameters{"allowed_only": truth(&allowedOnly)}).read(r); err != nil {
		return nil, err
	}
	return s.cloud.SuggestWhitelist(r.Context(), c, r.PathValue("environment"), allowedOnly.Value)
}

// Whitelist is a whitelist that is not in force.
type Whitelist struct {
	Entries []string `json:"api_whitelist"`
}

func (s *Server) tryWhitelist(w http.ResponseWriter, r *http.Request, c cloud.Caller) (any, error) {
	var list Whitelist
	if err := readMembers(w, r, maxWhitelist, &list); err != nil {
		return nil, err
	}
	return s.cloud.TryWhitelist(r.Context(), c, r.PathValue("environment"), list.Entries)
}

// History is what is kept of the changes of an environment's permission,
// oldest first.
type History struct {
	Changes []Change `json:"changes"`
}

func (s *Server) whitelistHistory(_ http.ResponseWriter, r *http.Request, _ cloud.Caller) (any, error) {
	changes, err := s.cloud.PermissionHistory(r.Context(), r.PathValue("environment"))
	return HistoryOf(changes), err
}

// Version is a version of an environment's permission.
type Version struct {
	Version int64 `json:"version"`
}

func (s *Server) restoreWhitelist(w http.ResponseWriter, r *http.Request, c cloud.Caller) (any, error) {
	var from Version
	if err := readChange(w, r, &from); err != nil {
		return nil, err
	}
	version, err := s.cloud.RestoreWhitelist(r.Context(), c, r.PathValue("environment"), from.Version)
	return Version{version}, err
}

// SuggestWhitelist returns what an environment called in the last week, and
// the smallest whitelist that allows it.
func (c *Client) SuggestWhitelist(ctx context.Context, env string, allowedOnly bool) (cloud.Suggestion, error) {
	path := environmentPath(env, "/whitelist/suggestion") + fmt.Sprintf("?allowed_only=%t", allowedOnly)
	return ask[cloud.Suggestion](ctx, c, "GET", path, nil)
}

// TryWhitelist returns which calls of the last day a whitelist would have
// refused.
func (c *Client) TryWhitelist(ctx context.Context, env string, entries []string) (cloud.Trial, error) {
	return ask[cloud.Trial](ctx, c, "POST", environmentPath(env, "/whitelist/trial"), Whitelist{entries})
}

// WhitelistHistory returns the changes of an environment's permission, oldest
// first.
func (c *Client) WhitelistHistory(ctx context.Context, env string) ([]cloud.PermissionChange, error) {
	history, err := ask[History](ctx, c, "GET", environmentPath(env, "/whitelist/history"), nil)
	var changes []cloud.PermissionChange
	for _, ch := range history.Changes {
		ch.PermissionChange.At = int64(ch.At)
		changes = append(changes, ch.PermissionChange)
	}
	return changes, err
}

// RestoreWhitelist sets the whitelist of an earlier version anew, and returns
// the new version.
func (c *Client) RestoreWhitelist(ctx context.Context, env string, version int64) (int64, error) {
	now, err := ask[Version](ctx, c, "POST", environmentPath(env, "/whitelist/restore"), Version{version})
	return now.Version, err
}

func (s *Server) explain(_ http.ResponseWriter, r *http.Request, _ cloud.Caller) (any, error) {
	x, err := s.cloud.Explain(r.Context(), r.PathValue("rid"))
	return ExplanationOf(x), err
}

// Explain returns why the call with that rid was refused.
func (c *Client) Explain(ctx context.Context, rid string) (cloud.Explanation, error) {
	x, err := ask[Explanation](ctx, c, "GET", "/v1/calls/"+url.PathEscape(rid), nil)
	x.Explanation.At = int64(x.At)
	return x.Explanation, err
}
