package tcb

// The credential interfaces under /cgi-bin/component/. Their successes carry
// no errcode.

// ComponentTokenRequest is the body of api_component_token.
type ComponentTokenRequest struct {
	ComponentAppID        *string `json:"component_appid,omitempty"`
	ComponentAppSecret    *string `json:"component_appsecret,omitempty"`
	ComponentVerifyTicket *string `json:"component_verify_ticket,omitempty"`
}

// ComponentTokenResponse answers it. ExpiresIn is in seconds.
type ComponentTokenResponse struct {
	ComponentAccessToken string `json:"component_access_token"`
	ExpiresIn            int64  `json:"expires_in"`
}

// PreAuthCodeRequest is the body of api_create_preauthcode.
type PreAuthCodeRequest struct {
	ComponentAppID *string `json:"component_appid,omitempty"`
}

// PreAuthCodeResponse answers it. ExpiresIn is in seconds.
type PreAuthCodeResponse struct {
	PreAuthCode string `json:"pre_auth_code"`
	ExpiresIn   int64  `json:"expires_in"`
}

// QueryAuthRequest is the body of api_query_auth.
type QueryAuthRequest struct {
	ComponentAppID    *string `json:"component_appid,omitempty"`
	AuthorizationCode *string `json:"authorization_code,omitempty"`
}

// QueryAuthResponse answers it.
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

// AuthorizerTokenRequest is the body of api_authorizer_token.
type AuthorizerTokenRequest struct {
	ComponentAppID         *string `json:"component_appid,omitempty"`
	AuthorizerAppID        *string `json:"authorizer_appid,omitempty"`
	AuthorizerRefreshToken *string `json:"authorizer_refresh_token,omitempty"`
}

// AuthorizerTokenResponse answers it. ExpiresIn is in seconds.
type AuthorizerTokenResponse struct {
	AuthorizerAccessToken  string `json:"authorizer_access_token"`
	ExpiresIn              int64  `json:"expires_in"`
	AuthorizerRefreshToken string `json:"authorizer_refresh_token"`
}
