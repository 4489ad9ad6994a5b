package tcb

import "context"

// RIDRequest is the body of POST /cgi-bin/openapi/rid/get.
type RIDRequest struct {
	RID *string `json:"rid,omitempty"`
}

// RIDResponse is the answer.
type RIDResponse struct {
	Status
	Request *FailedCall `json:"request,omitempty"`
}

// FailedCall is a call that was refused. What the server does not keep is empty.
type FailedCall struct {
	InvokeTime   int64  `json:"invoke_time"` // Unix seconds
	CostInMS     int64  `json:"cost_in_ms"`
	RequestURL   string `json:"request_url"`
	RequestBody  string `json:"request_body"`
	ResponseBody string `json:"response_body"`
	ClientIP     string `json:"client_ip"`
}

// FailedCall calls POST /cgi-bin/openapi/rid/get. It returns a failed call of the
// caller's own by the rid that its errmsg ended with.
func (c *Client) FailedCall(ctx context.Context, rid string) (FailedCall, error) {
	var answer RIDResponse
	err := c.call(ctx, route{path: "/cgi-bin/openapi/rid/get", parameter: "access_token"}, RIDRequest{RID: &rid}, &answer)
	if err != nil || answer.Request == nil {
		return FailedCall{}, err
	}
	return *answer.Request, nil
}
