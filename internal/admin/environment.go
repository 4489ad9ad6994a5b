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
// in seconds, 0 if it does not expire.
type Credential struct {
	Credential string `json:"credential"`
	ExpiresIn  int64  `json:"expires_in,omitempty"`
}

func (s *Server) credential(_ http.ResponseWriter, r *http.Request, c cloud.Caller) (any, error) {
	var life int
	if err := (parameters{"expires_in": number(&life, maxExpiry)}).read(r); err != nil {
		return nil, err
	}
	text, err := s.cloud.EnvironmentCredential(
		r.Context(), c, r.PathValue("environment"), time.Duration(life)*time.Second)
	return Credential{text, int64(life)}, err
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

// Credential gives what the runtime of an environment proves itself with, good for
// that life; 0: until it is revoked.
func (c *Client) Credential(ctx context.Context, env string, life time.Duration) (Credential, error) {
	var credential Credential
	path := environmentPath(env, "credential")
	if life > 0 {
		path += "?expires_in=" + strconv.FormatInt(int64(life.Seconds()), 10)
	}
	err := c.call(ctx, "POST", path, content{}, &credential)
	return credential, err
}

// RevokeCredentials voids every credential of an environment.
func (c *Client) RevokeCredentials(ctx context.Context, env string) error {
	return c.call(ctx, "DELETE", environmentPath(env, "credential"), content{}, nil)
}

func environmentPath(env, rest string) string {
	return "/v1/environments/" + url.PathEscape(env) + "/" + rest
}
