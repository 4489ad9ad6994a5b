package admin

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
)

// AdminToken is a token of the admin interface. Token is there in the answer
// that makes it, and never again.
type AdminToken struct {
	Name      string     `json:"name"`
	Role      cloud.Role `json:"role"`
	CreatedAt time.Time  `json:"created_at"`
	ExpiresAt time.Time  `json:"expires_at,omitzero"` // absent: it does not
	UsedAt    time.Time  `json:"used_at,omitzero"`    // to the minute; absent: never
	Token     string     `json:"token,omitempty"`
}

// Key is the token's place in the list.
func (t AdminToken) Key() []string { return []string{t.Name} }

func newAdminToken(t cloud.AdminToken, token string) AdminToken {
	moment := func(ms int64) (at time.Time) {
		if ms != 0 {
			at = time.UnixMilli(ms).UTC()
		}
		return at
	}
	return AdminToken{
		Name: t.Name, Role: t.Role, Token: token,
		CreatedAt: moment(t.CreatedAt), ExpiresAt: moment(t.ExpiresAt), UsedAt: moment(t.UsedAt),
	}
}

// NewAdminToken is what a token is to be. ExpiresIn is in seconds, 0 for ever.
type NewAdminToken struct {
	Name      string     `json:"name"`
	Role      cloud.Role `json:"role"`
	ExpiresIn int64      `json:"expires_in,omitempty"`
}

func (s *Server) adminTokens(_ http.ResponseWriter, r *http.Request, _ cloud.Caller) (any, error) {
	return list(r, parameters{}, func(p cloud.Page) ([]AdminToken, error) {
		all, err := s.cloud.AdminTokens(r.Context(), p)
		items := make([]AdminToken, len(all))
		for i, t := range all {
			items[i] = newAdminToken(t, "")
		}
		return items, err
	})
}

func (s *Server) createAdminToken(w http.ResponseWriter, r *http.Request, c cloud.Caller) (any, error) {
	var wanted NewAdminToken
	if err := readChange(w, r, &wanted); err != nil {
		return nil, err
	}
	if wanted.ExpiresIn < 0 || wanted.ExpiresIn > maxExpiry {
		return nil, cloud.RefusedMember("expires_in", fmt.Sprintf("expires_in must be from 1 to %d seconds", maxExpiry))
	}
	life := time.Duration(wanted.ExpiresIn) * time.Second
	t, token, err := s.cloud.CreateAdminToken(r.Context(), c, wanted.Name, wanted.Role, life)
	return newAdminToken(t, token), err
}

// maxExpiry is a hundred years, in seconds.
const maxExpiry = 100 * 366 * 24 * 60 * 60

func (s *Server) revokeAdminToken(_ http.ResponseWriter, r *http.Request, c cloud.Caller) (any, error) {
	return nil, s.cloud.RevokeAdminToken(r.Context(), c, r.PathValue("name"))
}

const adminTokensPath = "/v1/admin-tokens"

// AdminTokens gives every admin token to each, by name.
func (c *Client) AdminTokens(ctx context.Context, each func(AdminToken) error) error {
	return Each(ctx, c, adminTokensPath, nil, each)
}

// CreateAdminToken makes a token.
func (c *Client) CreateAdminToken(ctx context.Context, wanted NewAdminToken) (AdminToken, error) {
	return ask[AdminToken](ctx, c, "POST", adminTokensPath, wanted)
}

// RevokeAdminToken ends a token.
func (c *Client) RevokeAdminToken(ctx context.Context, name string) error {
	return c.call(ctx, "DELETE", adminTokensPath+"/"+url.PathEscape(name), content{}, nil)
}
