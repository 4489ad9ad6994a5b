package server

import (
	"context"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/tcb"
)

var createFunction = call(endpoint{
	path:  "/tcb/createfunction",
	iface: cloud.Interface{Name: "createfunction", Tokens: cloud.AuthorizerToken, Sets: developerSets},
	lists: []cloud.Kind{cloud.EmptyBody, cloud.MalformedBody, cloud.InvalidArgs},
}, shape[tcb.CreateFunctionRequest]{required: func(r *tcb.CreateFunctionRequest) []member {
	return []member{{"env", r.Env == nil}, {"function_name", r.FunctionName == nil}}
}}, func(ctx context.Context, s *Server, in inbound, req *tcb.CreateFunctionRequest) (tcb.CreateFunctionResponse, error) {
	err := s.cloud.CreateFunction(ctx, in.Caller, *req.Env, *req.FunctionName)
	return tcb.CreateFunctionResponse{Status: tcb.Success()}, err
})
