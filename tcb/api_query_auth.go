package tcb

import "context"

// QueryAuthRequest is the body of POST /cgi-bin/component/api_query_auth.
type QueryAuthRequest struct {
	ComponentAppID    *string `json:"component_appid,omitempty"`
	AuthorizationCode *string `json:"authorization_code,omitempty"`
}

// QueryAuthResponse is the answer. A success has AuthorizationInfo, with all
// its members, and no errcode.
type QueryAuthResponse struct {
	AuthorizationInfo AuthorizationInfo `json:"authorization_info"`
}

// AuthorizationInfo is what a merchant's consent gives the platform.
// ExpiresIn is in seconds.
type AuthorizationInfo struct {
	AuthorizerAppID        string     `json:"authorizer_appid"`
	AuthorizerAccessToken  string     `json:"authorizer_access_token"`
	ExpiresIn              int64      `json:"expires_in"`
	AuthorizerRefreshToken string     `json:"authorizer_refresh_token"`
	FuncInfo               []FuncInfo `json:"func_info"`
}

// FuncInfo names one permission set that the merchant granted.
type FuncInfo struct {
	FuncScopeCategory FuncScopeCategory `json:"funcscope_category"`
}

// FuncScopeCategory is the permission set's id.
type FuncScopeCategory struct {
	ID int `json:"id"`
}

func (r *QueryAuthResponse) lacks() string {
	a := r.AuthorizationInfo
	return firstEmpty("authorizer_appid", a.AuthorizerAppID,
		"authorizer_access_token", a.AuthorizerAccessToken,
		"authorizer_refresh_token", a.AuthorizerRefreshToken)
}

// QueryAuth calls POST /cgi-bin/component/api_query_auth with the platform's
// token. It returns what a merchant's consent gives, once for each
// authorization code.
func (c *Client) QueryAuth(ctx context.Context, appid, authorizationCode string) (AuthorizationInfo, error) {
	var answer QueryAuthResponse
	request := QueryAuthRequest{ComponentAppID: &appid, AuthorizationCode: &authorizationCode}
	err := c.call(ctx, componentRoute("api_query_auth"), request, &answer)
	return answer.AuthorizationInfo, err
}
