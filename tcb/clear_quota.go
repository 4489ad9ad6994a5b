package tcb

import "context"

// ClearQuotaRequest is the body of POST /cgi-bin/clear_quota.
type ClearQuotaRequest struct {
	AppID *string `json:"appid,omitempty"`
}

// ClearQuotaV2Request is the body of POST /cgi-bin/component/clear_quota/v2.
type ClearQuotaV2Request struct {
	ComponentAppID *string `json:"component_appid,omitempty"`
	AppSecret      *string `json:"appsecret,omitempty"`
}

// ClearQuota calls POST /cgi-bin/clear_quota. appid is whom the client's token is of,
// a platform or a Mini Program. The platform's calls of the day and of the minute are
// counted anew. That can be done ten times a month.
func (c *Client) ClearQuota(ctx context.Context, appid string) error {
	return c.call(ctx, route{path: "/cgi-bin/clear_quota", parameter: "access_token"}, ClearQuotaRequest{AppID: &appid}, new(Status))
}

// ClearQuotaBySecret calls POST /cgi-bin/component/clear_quota/v2. It is ClearQuota
// for a platform that has no token.
func (c *Client) ClearQuotaBySecret(ctx context.Context, appid, secret string) error {
	request := ClearQuotaV2Request{ComponentAppID: &appid, AppSecret: &secret}
	return c.call(ctx, route{path: "/cgi-bin/component/clear_quota/v2"}, request, new(Status))
}
