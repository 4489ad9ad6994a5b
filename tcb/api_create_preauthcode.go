package tcb

import "context"

// PreAuthCodeRequest is the body of POST
// /cgi-bin/component/api_create_preauthcode.
type PreAuthCodeRequest struct {
	ComponentAppID *string `json:"component_appid,omitempty"`
}

// PreAuthCodeResponse is the answer. A success has both members and no errcode.
// ExpiresIn is in seconds.
type PreAuthCodeResponse struct {
	PreAuthCode string `json:"pre_auth_code"`
	ExpiresIn   int64  `json:"expires_in"`
}

func (r *PreAuthCodeResponse) lacks() string { return firstEmpty("pre_auth_code", r.PreAuthCode) }

// CreatePreAuthCode calls POST /cgi-bin/component/api_create_preauthcode with
// the platform's token. It returns a code for the page on which a merchant
// consents.
func (c *Client) CreatePreAuthCode(ctx context.Context, appid string) (PreAuthCodeResponse, error) {
	var answer PreAuthCodeResponse
	err := c.call(ctx, componentRoute("api_create_preauthcode"), PreAuthCodeRequest{ComponentAppID: &appid}, &answer)
	return answer, err
}
