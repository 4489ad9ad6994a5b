package server

import (
	"context"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/tcb"
)

var getFuncConfig = call(endpoint{
	path:       "/tcb/getfuncconfig",
	iface:      cloud.Interface{Tokens: cloud.AuthorizerToken, Sets: developerSets},
	documented: configFaults,
}, configOfFunction)

func configOfFunction(
	ctx context.Context, s *Server, v *visit, req *tcb.GetFuncConfigRequest,
) (tcb.GetFuncConfigResponse, error) {
	text, err := s.cloud.FuncConfig(ctx, v.caller, *req.Env, *req.FunctionName, *req.Type)
	return tcb.GetFuncConfigResponse{Status: tcb.Success(), Config: text}, err
}
