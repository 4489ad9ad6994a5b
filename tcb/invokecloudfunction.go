package tcb

import (
	"context"
	"encoding/json"
	"net/url"
)

// InvokeCloudFunctionResponse is the answer of POST /tcb/invokecloudfunction. A
// success has all members.
type InvokeCloudFunctionResponse struct {
	Status
	// RespData is what the function returned, as JSON text.
	RespData string `json:"resp_data"`
}

func (r *InvokeCloudFunctionResponse) lacks() string { return firstEmpty("resp_data", r.RespData) }

// InvokeCloudFunction calls POST /tcb/invokecloudfunction, which has a function run
// with an event, and returns its result. Both are JSON; without an event it is {}. The
// function may have run also where the error is none of the platform's, or a timeout.
// The interface needs permission set 49 or 64; for a platform's own environments it
// takes the component_access_token.
func (c *Client) InvokeCloudFunction(
	ctx context.Context, env, function string, event json.RawMessage,
) (json.RawMessage, error) {
	if len(event) == 0 {
		event = json.RawMessage("{}")
	}
	r := tcbRoute("invokecloudfunction")
	r.query = url.Values{"env": {env}, "name": {function}}
	var answer InvokeCloudFunctionResponse
	if err := c.call(ctx, r, event, &answer); err != nil {
		return nil, err
	}
	if !json.Valid([]byte(answer.RespData)) {
		return nil, &AnswerError{Interface: r.name(), Status: 200, Reason: "has a resp_data that is no JSON"}
	}
	return json.RawMessage(answer.RespData), nil
}
