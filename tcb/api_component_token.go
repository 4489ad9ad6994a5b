package tcb

import "context"

// ComponentTokenRequest is the body of POST
// /cgi-bin/component/api_component_token.
type ComponentTokenRequest struct {
	ComponentAppID        *string `json:"component_appid,omitempty"`
	ComponentAppSecret    *string `json:"component_appsecret,omitempty"`
	ComponentVerifyTicket *string `json:"component_verify_ticket,omitempty"`
}

// ComponentTokenResponse is the answer. A success has both members and no
// errcode. ExpiresIn is in seconds.
type ComponentTokenResponse struct {
	ComponentAccessToken string `json:"component_access_token"`
	ExpiresIn            int64  `json:"expires_in"`
}

func (r *ComponentTokenResponse) lacks() string {
	if r.ExpiresIn <= 0 {
		return "expires_in"
	}
	return firstEmpty("component_access_token", r.ComponentAccessToken)
}

// ComponentToken calls POST /cgi-bin/component/api_component_token. It returns
// a new component_access_token for the platform's secret and its current verify
// ticket. It needs no Tokens.
func (c *Client) ComponentToken(ctx context.Context, appid, secret, ticket string) (ComponentTokenResponse, error) {
	var answer ComponentTokenResponse
	err := c.call(ctx, route{path: "/cgi-bin/component/api_component_token"}, ComponentTokenRequest{
		ComponentAppID: &appid, ComponentAppSecret: &secret, ComponentVerifyTicket: &ticket,
	}, &answer)
	return answer, err
}
