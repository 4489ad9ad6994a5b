package tcb

import "context"

// FuncConfigType is one of the kinds of a function's configuration.
type FuncConfigType = Integer

// The kinds of a function's configuration, and the JSON texts that they are.
const (
	FuncConfigAPIs     FuncConfigType = 1 // {"permissions":{"openapi":["wxacode.get"]}}
	FuncConfigTriggers FuncConfigType = 2 // {"triggers":[{"name":"daily","type":"timer","config":"0 0 2 * * * *"}]}
	FuncConfigProcess  FuncConfigType = 3 // {"timeout":5,"environment":[{"key":"GREETING","value":"hi"}]}
)

// UploadFuncConfigRequest is the body of POST /tcb/uploadfuncconfig. Config is JSON text.
type UploadFuncConfigRequest struct {
	Type         *FuncConfigType `json:"type,omitempty"`
	Env          *string         `json:"env,omitempty"`
	FunctionName *string         `json:"function_name,omitempty"`
	Config       *string         `json:"config,omitempty"`
}

// UploadFuncConfigResponse is the answer. A success has the status only.
type UploadFuncConfigResponse struct{ Status }

// UploadFuncConfig calls POST /tcb/uploadfuncconfig, which replaces a kind of a
// function's configuration whole. The interface needs permission set 49 or 64.
func (c *Client) UploadFuncConfig(
	ctx context.Context, env, function string, kind FuncConfigType, config string,
) error {
	var answer UploadFuncConfigResponse
	request := UploadFuncConfigRequest{Type: &kind, Env: &env, FunctionName: &function, Config: &config}
	return c.call(ctx, tcbRoute("uploadfuncconfig"), request, &answer)
}
