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
	if err := readMembers(w, r, maxJSON, &given); err != nil {
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
func (c *Client) Platform(ctx context.Context, appid string) (cloud.PlatformView, error) {
	return ask[cloud.PlatformView](ctx, c, "GET", platformPath(appid), nil)
}

// PutPlatform makes a platform, or replaces one whole but for its secret. A new
// one that brought no secret has it in the result.
func (c *Client) PutPlatform(
	ctx context.Context, appid string, with cloud.PlatformChange,
) (cloud.PlatformView, error) {
	return ask[cloud.PlatformView](ctx, c, "PUT", platformPath(appid), with)
}

// ChangePlatform changes the members that are given.
func (c *Client) ChangePlatform(
	ctx context.Context, appid string, with cloud.PlatformChange,
) (cloud.PlatformView, error) {
	return ask[cloud.PlatformView](ctx, c, "PATCH", platformPath(appid), with)
}

// SetPlatformSecret replaces a platform's secret: by the given one, or by a new
// one, which it returns. Tokens that were issued stay good with keepTokens.
func (c *Client) SetPlatformSecret(ctx context.Context, appid, secret string, keepTokens bool) (string, error) {
	var given PlatformSecret
	if secret != "" {
		given.Secret = cloud.Given(secret)
	}
	path := platformPath(appid) + "/secret?revoke_tokens=" + strconv.FormatBool(!keepTokens)
	made, err := ask[PlatformSecret](ctx, c, "POST", path, given)
	return made.Secret.Value, err
}

func platformPath(appid string) string { return "/v1/platforms/" + url.PathEscape(appid) }
