package tcb

import "context"

// UseCloudAccessTokenRequest is the body of POST /tcb/usecloudaccesstoken
// (setCloudAccessToken). A "get" needs Action and Env, a "set" all members.
type UseCloudAccessTokenRequest struct {
	Action       *string   `json:"action,omitempty"`
	Env          *string   `json:"env,omitempty"`
	Open         *bool     `json:"open,omitempty"`
	APIWhitelist *[]string `json:"api_whitelist,omitempty"`
	Version      *Integer  `json:"version,omitempty"`
}

// UseCloudAccessTokenResponse is the answer. A successful "get" has all
// members; a successful "set" has the status and Open, and leaves APIWhitelist
// and Version nil.
type UseCloudAccessTokenResponse struct {
	Status
	Open         bool      `json:"open"`
	APIWhitelist *[]string `json:"api_whitelist,omitempty"`
	Version      *int64    `json:"version,omitempty"`
}

// Permission reports whether, and for which interfaces, code in an environment may
// use the cloudbase_access_token. Open is one switch for all environments of an
// account; the others are the environment's own.
type Permission struct {
	Open         bool
	APIWhitelist []string // such as /wxa/msg_sec_check, /wxa/* or /*
	Version      int64
}

// GetCloudAccessToken calls POST /tcb/usecloudaccesstoken with action get
// (setCloudAccessToken) and returns the permission of an environment. The
// interface needs permission set 49 or 64; for a platform's own environments it
// takes the component_access_token.
func (c *Client) GetCloudAccessToken(ctx context.Context, env string) (Permission, error) {
	action := "get"
	var answer permissionAnswer
	request := UseCloudAccessTokenRequest{Action: &action, Env: &env}
	if err := c.call(ctx, tcbRoute("usecloudaccesstoken"), request, &answer); err != nil {
		return Permission{}, err
	}
	return Permission{Open: answer.Open, APIWhitelist: *answer.APIWhitelist, Version: *answer.Version}, nil
}

// SetCloudAccessToken calls POST /tcb/usecloudaccesstoken with action set
// (setCloudAccessToken). The version of p is the one that was read: if somebody
// has set the permission since, the error is an Error with the code 40097. A
// set whose answer was lost can be sent again, and is answered like the first.
func (c *Client) SetCloudAccessToken(ctx context.Context, env string, p Permission) error {
	action, list := "set", p.APIWhitelist
	if list == nil {
		list = []string{}
	}
	version := Integer(p.Version)
	var answer UseCloudAccessTokenResponse
	return c.call(ctx, tcbRoute("usecloudaccesstoken"), UseCloudAccessTokenRequest{
		Action: &action, Env: &env, Open: &p.Open, APIWhitelist: &list, Version: &version,
	}, &answer)
}

// permissionAnswer is the answer of a get, which has all members.
type permissionAnswer struct{ UseCloudAccessTokenResponse }

func (r *permissionAnswer) lacks() string {
	switch {
	case r.APIWhitelist == nil:
		return "api_whitelist"
	case r.Version == nil:
		return "version"
	}
	return ""
}
