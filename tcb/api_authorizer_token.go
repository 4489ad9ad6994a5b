package tcb

import "context"

// AuthorizerTokenRequest is the body of POST
// /cgi-bin/component/api_authorizer_token.
type AuthorizerTokenRequest struct {
	ComponentAppID         *string `json:"component_appid,omitempty"`
	AuthorizerAppID        *string `json:"authorizer_appid,omitempty"`
	AuthorizerRefreshToken *string `json:"authorizer_refresh_token,omitempty"`
}

// AuthorizerTokenResponse is the answer. A success has all members and no
// errcode. ExpiresIn is in seconds.
type AuthorizerTokenResponse struct {
	AuthorizerAccessToken  string `json:"authorizer_access_token"`
	ExpiresIn              int64  `json:"expires_in"`
	AuthorizerRefreshToken string `json:"authorizer_refresh_token"`
}

func (r *AuthorizerTokenResponse) lacks() string {
	if r.ExpiresIn <= 0 {
		return "expires_in"
	}
	return firstEmpty("authorizer_access_token", r.AuthorizerAccessToken)
}

// AuthorizerToken calls POST /cgi-bin/component/api_authorizer_token with the
// platform's token. It returns a new authorizer_access_token for a Mini
// Program.
func (c *Client) AuthorizerToken(
	ctx context.Context, appid, authorizer, refreshToken string,
) (AuthorizerTokenResponse, error) {
	var answer AuthorizerTokenResponse
	err := c.call(ctx, componentRoute("api_authorizer_token"), AuthorizerTokenRequest{
		ComponentAppID: &appid, AuthorizerAppID: &authorizer, AuthorizerRefreshToken: &refreshToken,
	}, &answer)
	return answer, err
}
