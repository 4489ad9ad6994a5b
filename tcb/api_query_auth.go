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
	ConfirmInfo       *ConfirmInfo      `json:"confirm_info,omitempty"` // of api_get_authorizer_info
}

// FuncScopeCategory is the permission set's id; api_get_authorizer_info tells more
// where it is known.
type FuncScopeCategory struct {
	ID   int    `json:"id"`
	Type int    `json:"type,omitempty"`
	Name string `json:"name,omitempty"`
	Desc string `json:"desc,omitempty"`
}

// ConfirmInfo is whether the merchant has yet to confirm a permission set.
type ConfirmInfo struct {
	NeedConfirm    int `json:"need_confirm"`
	AlreadyConfirm int `json:"already_confirm"`
	CanConfirm     int `json:"can_confirm"`
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
