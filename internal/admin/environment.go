package admin

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
)

// CloudbaseToken is what code in an environment calls open interfaces with.
// ExpiresIn is in seconds.
type CloudbaseToken struct {
	Token     string `json:"cloudbase_access_token"`
	ExpiresIn int64  `json:"expires_in"`
	// CredentialExpiresIn is when the credential expires that it was got with; 0 if
	// it does not, or it was the operator's token.
	CredentialExpiresIn int64 `json:"credential_expires_in,omitempty"`
}

// cloudbaseToken answers the operator and the environment's own runtime.
func (s *Server) cloudbaseToken(_ http.ResponseWriter, r *http.Request, c cloud.Caller) (any, error) {
	t, err := s.cloud.CloudbaseToken(r.Context(), c, r.PathValue("environment"))
	if cloud.KindOf(err) == cloud.LimitReached {
		s.limited.Inc()
	}
	token := CloudbaseToken{Token: t.Value, ExpiresIn: int64(t.Life.Seconds())}
	if c.CredentialEnds != 0 {
		token.CredentialExpiresIn = max(1, (c.CredentialEnds-c.Now)/1000)
	}
	return token, err
}

// Credential is what the runtime of an environment proves itself with. ExpiresIn is
// in seconds, 0 if it does not expire; Code reports whether it opens code too.
type Credential struct {
	Credential string `json:"credential"`
	ExpiresIn  int64  `json:"expires_in,omitempty"`
	Code       bool   `json:"code,omitempty"`
}

func (s *Server) credential(_ http.ResponseWriter, r *http.Request, c cloud.Caller) (any, error) {
	var life int
	var code cloud.Maybe[bool]
	if err := (parameters{"expires_in": number(&life, maxExpiry), "code": truth(&code)}).read(r); err != nil {
		return nil, err
	}
	text, err := s.cloud.EnvironmentCredential(
		r.Context(), c, r.PathValue("environment"), time.Duration(life)*time.Second, code.Value)
	return Credential{text, int64(life), code.Value}, err
}

func (s *Server) revokeCredentials(_ http.ResponseWriter, r *http.Request, c cloud.Caller) (any, error) {
	return nil, s.cloud.RevokeEnvironmentCredentials(r.Context(), c, r.PathValue("environment"))
}

func (s *Server) environments(_ http.ResponseWriter, r *http.Request, _ cloud.Caller) (any, error) {
	var f cloud.EnvironmentFilter
	return list(r, parameters{
		"appid": anyText(&f.AppID), "platform": anyText(&f.Platform), "alias": anyText(&f.Alias),
	}, func(p cloud.Page) ([]cloud.EnvironmentView, error) { return s.cloud.Environments(r.Context(), f, p) })
}

func (s *Server) putEnvironment(
	ctx context.Context, c cloud.Caller, id string, with cloud.EnvironmentChange,
) (e cloud.EnvironmentView, isNew bool, err error) {
	version, err := seenVersion(c)
	if err != nil {
		return e, false, err
	}
	return s.cloud.PutEnvironment(ctx, c, id, with, version)
}

func (s *Server) changeEnvironment(
	ctx context.Context, c cloud.Caller, id string, with cloud.EnvironmentChange,
) (e cloud.EnvironmentView, err error) {
	version, err := seenVersion(c)
	if err != nil {
		return e, err
	}
	return s.cloud.ChangeEnvironment(ctx, c, id, with, version)
}

// seenVersion is the version that a change was decided on, -1 for whatever stands.
func seenVersion(c cloud.Caller) (int64, error) {
	if c.Seen == "" || c.Seen == "*" {
		return -1, nil
	}
	version, err := strconv.ParseInt(c.Seen, 10, 64)
	if err != nil || version < 0 {
		return 0, cloud.RefusedMember("If-Match", "If-Match must be the ETag of the environment, which is its version")
	}
	return version, nil
}

// Environments gives the environments that the query chooses to each, by id.
func (c *Client) Environments(ctx context.Context, query url.Values, each func(cloud.EnvironmentView) error) error {
	return Each(ctx, c, "/v1/environments", query, each)
}

// Environment returns an environment.
func (c *Client) Environment(ctx context.Context, id string) (cloud.EnvironmentView, error) {
	return ask[cloud.EnvironmentView](ctx, c, "GET", environmentPath(id, ""), nil)
}

// PutEnvironment makes an environment, or replaces one whole but for its account's
// switch, which stays unless it is given.
func (c *Client) PutEnvironment(
	ctx context.Context, id string, with cloud.EnvironmentChange,
) (cloud.EnvironmentView, error) {
	return ask[cloud.EnvironmentView](ctx, c, "PUT", environmentPath(id, ""), with)
}

// ChangeEnvironment changes the members that are given, whatever the environment's
// version.
func (c *Client) ChangeEnvironment(
	ctx context.Context, id string, with cloud.EnvironmentChange,
) (cloud.EnvironmentView, error) {
	return ask[cloud.EnvironmentView](ctx, c, "PATCH", environmentPath(id, ""), with)
}

// CloudbaseToken gives a token for the code of an environment.
func (c *Client) CloudbaseToken(ctx context.Context, env string) (CloudbaseToken, error) {
	return ask[CloudbaseToken](ctx, c, "POST", environmentPath(env, "/token"), nil)
}

// Credential gives what the runtime of an environment proves itself with, good for
// that life; 0: until it is revoked. It opens tokens, and with code also what the
// runtime runs.
func (c *Client) Credential(ctx context.Context, env string, life time.Duration, code bool) (Credential, error) {
	var credential Credential
	query := url.Values{}
	if life > 0 {
		query.Set("expires_in", strconv.FormatInt(int64(life.Seconds()), 10))
	}
	if code {
		query.Set("code", "true")
	}
	err := c.call(ctx, "POST", environmentPath(env, "/credential?"+query.Encode()), content{}, &credential)
	return credential, err
}

// RevokeCredentials voids every credential of an environment.
func (c *Client) RevokeCredentials(ctx context.Context, env string) error {
	return c.call(ctx, "DELETE", environmentPath(env, "/credential"), content{}, nil)
}

func environmentPath(env, rest string) string {
	return "/v1/environments/" + url.PathEscape(env) + rest
}
