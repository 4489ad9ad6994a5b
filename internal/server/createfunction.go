package server

import (
	"context"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/tcb"
)

var createFunction = call(endpoint{
	path:       "/tcb/createfunction",
	iface:      cloud.Interface{Tokens: cloud.AuthorizerToken, Sets: developerSets},
	documented: bodyFaults,
}, makeFunction)

func makeFunction(
	ctx context.Context, s *Server, v *visit, req *tcb.CreateFunctionRequest,
) (tcb.CreateFunctionResponse, error) {
	err := s.cloud.CreateFunction(ctx, v.caller, *req.Env, *req.FunctionName)
	return tcb.CreateFunctionResponse{Status: tcb.Success()}, err
}
