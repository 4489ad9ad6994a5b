package tcb

import "context"

// CreateFunctionRequest is the body of POST /tcb/createfunction.
type CreateFunctionRequest struct {
	Env          *string `json:"env,omitempty"`
	FunctionName *string `json:"function_name,omitempty"`
}

// CreateFunctionResponse is the answer. A success has the status only.
type CreateFunctionResponse struct{ Status }

// CreateFunction calls POST /tcb/createfunction, which makes a function without
// code. The interface needs permission set 49 or 64.
func (c *Client) CreateFunction(ctx context.Context, env, function string) error {
	var answer CreateFunctionResponse
	return c.call(ctx, tcbRoute("createfunction"), CreateFunctionRequest{Env: &env, FunctionName: &function}, &answer)
}
