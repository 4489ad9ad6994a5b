package tcb

import "context"

// QuotaRequest is the body of POST /cgi-bin/openapi/quota/get.
type QuotaRequest struct {
	CGIPath *string `json:"cgi_path,omitempty"`
}

// QuotaResponse is the answer. A success has Quota if the calls of a day are
// bounded, and RateLimit if those of a minute are.
type QuotaResponse struct {
	Status
	Quota     *DayQuota  `json:"quota,omitempty"`
	RateLimit *RateLimit `json:"rate_limit,omitempty"`
}

// DayQuota is how many calls there may be in a day, which begins at 00:00 UTC+8.
type DayQuota struct {
	DailyLimit int64 `json:"daily_limit"`
	Used       int64 `json:"used"`
	Remain     int64 `json:"remain"`
}

// RateLimit is how many calls there may be in so many seconds.
type RateLimit struct {
	CallCount     int64 `json:"call_count"`
	RefreshSecond int64 `json:"refresh_second"`
}

// Quota calls POST /cgi-bin/openapi/quota/get. It returns how often the platform may
// call the interface of a path, such as /tcb/getcodesecret, and how often it has.
func (c *Client) Quota(ctx context.Context, path string) (QuotaResponse, error) {
	var answer QuotaResponse
	err := c.call(ctx, route{path: "/cgi-bin/openapi/quota/get", parameter: "access_token"}, QuotaRequest{CGIPath: &path}, &answer)
	return answer, err
}
