package tcb

import "context"

// GetFuncConfigRequest is the body of POST /tcb/getfuncconfig.
type GetFuncConfigRequest struct {
	Type         *FuncConfigType `json:"type,omitempty"`
	Env          *string         `json:"env,omitempty"`
	FunctionName *string         `json:"function_name,omitempty"`
}

// GetFuncConfigResponse is the answer. A success has both members.
type GetFuncConfigResponse struct {
	Status
	Config string `json:"config"` // JSON text
}

func (r *GetFuncConfigResponse) lacks() string { return firstEmpty("config", r.Config) }

// GetFuncConfig calls POST /tcb/getfuncconfig. It returns a kind of a function's
// configuration as it was uploaded: JSON text. The interface needs permission set 49 or
// 64.
func (c *Client) GetFuncConfig(ctx context.Context, env, function string, kind FuncConfigType) (string, error) {
	var answer GetFuncConfigResponse
	request := GetFuncConfigRequest{Type: &kind, Env: &env, FunctionName: &function}
	err := c.call(ctx, tcbRoute("getfuncconfig"), request, &answer)
	return answer.Config, err
}
