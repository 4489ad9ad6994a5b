package admin

import (
	"context"
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
	if err := readChange(w, r, &consent); err != nil {
		return nil, err
	}
	t, err := s.cloud.Authorize(r.Context(), c, r.PathValue("platform"), r.PathValue("appid"), consent.PermissionSets)
	return AuthorizationCode{t.Value, int64(t.Life.Seconds())}, err
}

func (s *Server) authorizations(_ http.ResponseWriter, r *http.Request, _ cloud.Caller) (any, error) {
	var f cloud.AuthorizationFilter
	return list(r, parameters{
		"platform": anyText(&f.Platform), "appid": anyText(&f.AppID), "in_force": truth(&f.InForce),
	}, func(p cloud.Page) ([]cloud.AuthorizationView, error) {
		return s.cloud.Authorizations(r.Context(), f, p)
	})
}

func (s *Server) authorization(_ http.ResponseWriter, r *http.Request, _ cloud.Caller) (any, error) {
	return s.cloud.AuthorizationView(r.Context(), r.PathValue("platform"), r.PathValue("appid"))
}

// NewAuthorization is a merchant's consent for a platform, as a resource.
type NewAuthorization struct {
	Platform       cloud.Maybe[string] `json:"platform,omitzero"`
	AppID          cloud.Maybe[string] `json:"appid,omitzero"`
	PermissionSets cloud.Maybe[[]int]  `json:"permission_sets,omitzero"`
}

func (s *Server) addAuthorization(w http.ResponseWriter, r *http.Request, c cloud.Caller) (any, error) {
	var a NewAuthorization
	if err := readChange(w, r, &a); err != nil {
		return nil, err
	}
	t, err := s.cloud.Authorize(r.Context(), c, a.Platform.Value, a.AppID.Value, a.PermissionSets.Value)
	return put(AuthorizationCode{t.Value, int64(t.Life.Seconds())}, true), err
}

func (s *Server) revoke(_ http.ResponseWriter, r *http.Request, c cloud.Caller) (any, error) {
	return nil, s.cloud.Revoke(r.Context(), c, r.PathValue("platform"), r.PathValue("appid"))
}

// Ticket returns a platform's current verify ticket.
func (c *Client) Ticket(ctx context.Context, platform string) (string, error) {
	t, err := ask[Ticket](ctx, c, "GET", platformPath(platform)+"/ticket", nil)
	return t.Ticket, err
}

// Authorize gives the merchant's consent and returns the authorization code.
func (c *Client) Authorize(ctx context.Context, platform, appid string, sets []int) (AuthorizationCode, error) {
	return ask[AuthorizationCode](ctx, c, "POST", authorizationPath(platform, appid), Consent{PermissionSets: sets})
}

// Authorizations gives the authorizations that the query chooses to each, by appid
// and platform.
func (c *Client) Authorizations(
	ctx context.Context, query url.Values, each func(cloud.AuthorizationView) error,
) error {
	return Each(ctx, c, "/v1/authorizations", query, each)
}

// Authorization returns an authorization, in force or cancelled.
func (c *Client) Authorization(ctx context.Context, platform, appid string) (cloud.AuthorizationView, error) {
	return ask[cloud.AuthorizationView](ctx, c, "GET", "/v1/authorizations/"+url.PathEscape(platform)+"/"+url.PathEscape(appid), nil)
}

// Revoke cancels an authorization.
func (c *Client) Revoke(ctx context.Context, platform, appid string) error {
	return c.call(ctx, "DELETE", authorizationPath(platform, appid), content{}, nil)
}

func authorizationPath(platform, appid string) string {
	return platformPath(platform) + "/authorizations/" + url.PathEscape(appid)
}
