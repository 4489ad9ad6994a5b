package admin

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/opentcb/opentcb/internal/cloud"
)

func (s *Server) platforms(_ http.ResponseWriter, r *http.Request, _ cloud.Caller) (any, error) {
	var f cloud.PlatformFilter
	return list(r, parameters{"name": anyText(&f.Name), "disabled": truth(&f.Disabled)},
		func(p cloud.Page) ([]cloud.PlatformView, error) { return s.cloud.Platforms(r.Context(), f, p) })
}

func (s *Server) platform(w http.ResponseWriter, r *http.Request, _ cloud.Caller) (any, error) {
	if err := (parameters{}).read(r); err != nil {
		return nil, err
	}
	p, err := s.cloud.PlatformView(r.Context(), r.PathValue("platform"))
	return tagged(w, p, err)
}

func (s *Server) putPlatform(w http.ResponseWriter, r *http.Request, c cloud.Caller) (any, error) {
	var with cloud.PlatformChange
	if err := readChange(w, r, &with); err != nil {
		return nil, err
	}
	p, made, err := s.cloud.PutPlatform(r.Context(), c, r.PathValue("platform"), with)
	v, err := tagged(w, p, err)
	return put(v, made), err
}

func (s *Server) changePlatform(w http.ResponseWriter, r *http.Request, c cloud.Caller) (any, error) {
	var with cloud.PlatformChange
	if err := readChange(w, r, &with); err != nil {
		return nil, err
	}
	p, err := s.cloud.ChangePlatform(r.Context(), c, r.PathValue("platform"), with)
	return tagged(w, p, err)
}

// PlatformSecret is a platform's secret: in a request the one that it gets, in an
// answer the one that was made, which is shown never again.
type PlatformSecret struct {
	Secret cloud.Maybe[string] `json:"secret,omitzero"`
}

func (s *Server) platformSecret(w http.ResponseWriter, r *http.Request, c cloud.Caller) (any, error) {
	revoke := cloud.Given(true)
	if err := (parameters{"revoke_tokens": truth(&revoke)}).read(r); err != nil {
		return nil, err
	}
	var given, made PlatformSecret
	if err := readMembers(w, r, &given); err != nil {
		return nil, err
	}
	secret, err := s.cloud.SetPlatformSecret(r.Context(), c, r.PathValue("platform"), given.Secret, !revoke.Value)
	if secret != "" {
		made.Secret = cloud.Given(secret)
	}
	return made, err
}

// Platforms gives the platforms that the query chooses to each, by appid.
func (c *Client) Platforms(ctx context.Context, query url.Values, each func(cloud.PlatformView) error) error {
	return Each(ctx, c, "/v1/platforms", query, each)
}

// Platform returns a platform.
func (c *Client) Platform(ctx context.Context, appid string) (p cloud.PlatformView, err error) {
	return p, c.call(ctx, "GET", platformPath(appid), content{}, &p)
}

// PutPlatform makes a platform, or replaces one whole but for its secret. A new
// one that brought no secret has it in the result.
func (c *Client) PutPlatform(
	ctx context.Context, appid string, with cloud.PlatformChange,
) (p cloud.PlatformView, err error) {
	return p, c.send(ctx, "PUT", platformPath(appid), with, &p)
}

// ChangePlatform changes the members that are given.
func (c *Client) ChangePlatform(
	ctx context.Context, appid string, with cloud.PlatformChange,
) (p cloud.PlatformView, err error) {
	return p, c.send(ctx, "PATCH", platformPath(appid), with, &p)
}

// SetPlatformSecret replaces a platform's secret: by the given one, or by a new
// one, which it returns. Tokens that were issued stay good with keepTokens.
func (c *Client) SetPlatformSecret(ctx context.Context, appid, secret string, keepTokens bool) (string, error) {
	var given, made PlatformSecret
	if secret != "" {
		given.Secret = cloud.Given(secret)
	}
	path := platformPath(appid) + "/secret?revoke_tokens=" + strconv.FormatBool(!keepTokens)
	err := c.send(ctx, "POST", path, given, &made)
	return made.Secret.Value, err
}

func platformPath(appid string) string { return "/v1/platforms/" + url.PathEscape(appid) }
