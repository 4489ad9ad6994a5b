package tcb

import "context"

// AuthorizerInfoRequest is the body of
// POST /cgi-bin/component/api_get_authorizer_info.
type AuthorizerInfoRequest struct {
	ComponentAppID  *string `json:"component_appid,omitempty"`
	AuthorizerAppID *string `json:"authorizer_appid,omitempty"`
}

// AuthorizerInfoResponse is the answer. A success has all members, and no errcode.
type AuthorizerInfoResponse struct {
	AuthorizerInfo    AuthorizerInfo    `json:"authorizer_info"`
	AuthorizationInfo AuthorizationKept `json:"authorization_info"`
}

// AuthorizationKept is what the platform may do for the Mini Program, and the
// refresh token by which it does, without an access token.
type AuthorizationKept struct {
	AuthorizerAppID        string     `json:"authorizer_appid"`
	AuthorizerRefreshToken string     `json:"authorizer_refresh_token"`
	FuncInfo               []FuncInfo `json:"func_info"`
}

// AuthorizerInfo is what a platform is told of a Mini Program. Members of which
// nothing is known are empty.
type AuthorizerInfo struct {
	NickName        string          `json:"nick_name"`
	HeadImg         string          `json:"head_img"`
	ServiceTypeInfo TypeInfo        `json:"service_type_info"`
	VerifyTypeInfo  TypeInfo        `json:"verify_type_info"` // -1: nobody is known whom it belongs to
	UserName        string          `json:"user_name"`        // "gh_…"
	PrincipalName   string          `json:"principal_name"`
	Alias           string          `json:"alias"`
	QRCodeURL       string          `json:"qrcode_url"`
	Signature       string          `json:"signature"`
	BusinessInfo    BusinessInfo    `json:"business_info"`
	MiniProgramInfo MiniProgramInfo `json:"MiniProgramInfo"`
	RegisterType    int             `json:"register_type"`
	AccountStatus   int             `json:"account_status"` // 1: in use
	BasicConfig     BasicConfig     `json:"basic_config"`
}

// TypeInfo is a kind of account, or of its verification.
type TypeInfo struct {
	ID int `json:"id"`
}

// BusinessInfo is which of the platform's businesses are opened: 0 is that one is not.
type BusinessInfo struct {
	OpenStore int `json:"open_store"`
	OpenScan  int `json:"open_scan"`
	OpenPay   int `json:"open_pay"`
	OpenCard  int `json:"open_card"`
	OpenShake int `json:"open_shake"`
}

// MiniProgramInfo is how a Mini Program is set up.
type MiniProgramInfo struct {
	Network     Network    `json:"network"`
	Categories  []Category `json:"categories"`
	VisitStatus int        `json:"visit_status"`
}

// Network is the domains that a Mini Program may reach.
type Network struct {
	RequestDomain   []string `json:"RequestDomain"`
	WsRequestDomain []string `json:"WsRequestDomain"`
	UploadDomain    []string `json:"UploadDomain"`
	DownloadDomain  []string `json:"DownloadDomain"`
	BizDomain       []string `json:"BizDomain"`
	UDPDomain       []string `json:"UDPDomain"`
}

// Category is one of a Mini Program's categories.
type Category struct {
	First  string `json:"first"`
	Second string `json:"second"`
}

// BasicConfig is which contacts of the account are set.
type BasicConfig struct {
	IsPhoneConfigured bool `json:"is_phone_configured"`
	IsEmailConfigured bool `json:"is_email_configured"`
}

func (r *AuthorizerInfoResponse) lacks() string {
	a := r.AuthorizationInfo
	return firstEmpty("authorizer_appid", a.AuthorizerAppID, "authorizer_refresh_token", a.AuthorizerRefreshToken)
}

// AuthorizerInfo calls POST /cgi-bin/component/api_get_authorizer_info with the
// platform's token. It tells of a Mini Program that authorizes the platform, with the
// refresh token in force: the way back for who lost it.
func (c *Client) AuthorizerInfo(ctx context.Context, platform, appid string) (AuthorizerInfoResponse, error) {
	var answer AuthorizerInfoResponse
	request := AuthorizerInfoRequest{ComponentAppID: &platform, AuthorizerAppID: &appid}
	err := c.call(ctx, componentRoute("api_get_authorizer_info"), request, &answer)
	return answer, err
}
