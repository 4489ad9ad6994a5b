package admin

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/opentcb/opentcb/internal/cloud"
)

// Ticket is a platform's current verify ticket.
type Ticket struct {
	Ticket string `json:"ticket"`
}

func (s *Server) ticket(_ http.ResponseWriter, r *http.Request, c cloud.Caller) (any, error) {
	t, err := s.cloud.Ticket(r.Context(), c, r.PathValue("platform"))
	return Ticket{t}, err
}

// Consent is what a merchant grants a platform; what the platform asks for if there
// are no permission sets.
type Consent struct {
	PermissionSets []int `json:"permission_sets,omitempty"`
}

// AuthorizationCode is what a consent gives the platform. ExpiresIn is in
// seconds.
type AuthorizationCode struct {
	AuthorizationCode string `json:"authorization_code"`
	ExpiresIn         int64  `json:"expires_in"`
}

func (s *Server) authorize(w http.ResponseWriter, r *http.Request, c cloud.Caller) (any, error) {
	var consent Consent
	if err := readJSON(w, r, maxJSON, &consent); err != nil {
		return nil, err
	}
	t, err := s.cloud.Authorize(r.Context(), c, r.PathValue("platform"), r.PathValue("appid"), consent.PermissionSets)
	return AuthorizationCode{t.Value, int64(t.Life.Seconds())}, err
}

func (s *Server) revoke(_ http.ResponseWriter, r *http.Request, c cloud.Caller) (any, error) {
	return nil, s.cloud.Revoke(r.Context(), c, r.PathValue("platform"), r.PathValue("appid"))
}

// Ticket returns a platform's current verify ticket.
func (c *Client) Ticket(ctx context.Context, platform string) (string, error) {
	var t Ticket
	err := c.call(ctx, "GET", "/v1/platforms/"+url.PathEscape(platform)+"/ticket", content{}, &t)
	return t.Ticket, err
}

// Authorize gives the merchant's consent and returns the authorization code.
func (c *Client) Authorize(ctx context.Context, platform, appid string, sets []int) (AuthorizationCode, error) {
	body, err := json.Marshal(Consent{PermissionSets: sets})
	if err != nil {
		return AuthorizationCode{}, err
	}
	var code AuthorizationCode
	err = c.call(ctx, "POST", authorizationPath(platform, appid), jsonContent(body), &code)
	return code, err
}

// Revoke cancels an authorization.
func (c *Client) Revoke(ctx context.Context, platform, appid string) error {
	return c.call(ctx, "DELETE", authorizationPath(platform, appid), content{}, nil)
}

func authorizationPath(platform, appid string) string {
	return "/v1/platforms/" + url.PathEscape(platform) + "/authorizations/" + url.PathEscape(appid)
}
