package admin

import (
	"context"
	"net/http"
	"net/url"

	"github.com/opentcb/opentcb/internal/cloud"
)

// CloudbaseToken is what code in an environment calls open interfaces with.
// ExpiresIn is in seconds.
type CloudbaseToken struct {
	Token     string `json:"cloudbase_access_token"`
	ExpiresIn int64  `json:"expires_in"`
}

// cloudbaseToken answers the operator and the environment's own runtime.
func (s *Server) cloudbaseToken(_ http.ResponseWriter, r *http.Request, c cloud.Caller) (any, error) {
	t, err := s.cloud.CloudbaseToken(r.Context(), c, r.PathValue("environment"))
	return CloudbaseToken{t.Value, int64(t.Life.Seconds())}, err
}

// Credential is what the runtime of an environment proves itself with.
type Credential struct {
	Credential string `json:"credential"`
}

func (s *Server) credential(_ http.ResponseWriter, r *http.Request, c cloud.Caller) (any, error) {
	text, err := s.cloud.EnvironmentCredential(r.Context(), c, r.PathValue("environment"))
	return Credential{text}, err
}

func (s *Server) revokeCredentials(_ http.ResponseWriter, r *http.Request, c cloud.Caller) (any, error) {
	return nil, s.cloud.RevokeEnvironmentCredentials(r.Context(), c, r.PathValue("environment"))
}

// CloudbaseToken gives a token for the code of an environment.
func (c *Client) CloudbaseToken(ctx context.Context, env string) (CloudbaseToken, error) {
	var token CloudbaseToken
	err := c.call(ctx, "POST", environmentPath(env, "token"), content{}, &token)
	return token, err
}

// Credential gives what the runtime of an environment proves itself with.
func (c *Client) Credential(ctx context.Context, env string) (Credential, error) {
	var credential Credential
	err := c.call(ctx, "POST", environmentPath(env, "credential"), content{}, &credential)
	return credential, err
}

// RevokeCredentials voids every credential of an environment.
func (c *Client) RevokeCredentials(ctx context.Context, env string) error {
	return c.call(ctx, "DELETE", environmentPath(env, "credential"), content{}, nil)
}

func environmentPath(env, rest string) string {
	return "/v1/environments/" + url.PathEscape(env) + "/" + rest
}
