package server

import (
	"context"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/tcb"
)

// configFaults are the faults of a body that the documents of a function's
// configuration list: createfunction's without 40097.
var configFaults = []cloud.Kind{cloud.EmptyBody, cloud.MalformedBody}

var uploadFuncConfig = call(endpoint{
	path:       "/tcb/uploadfuncconfig",
	iface:      cloud.Interface{Tokens: cloud.AuthorizerToken, Sets: developerSets},
	documented: configFaults,
}, configureFunction)

func configureFunction(
	ctx context.Context, s *Server, v *visit, req *tcb.UploadFuncConfigRequest,
) (tcb.UploadFuncConfigResponse, error) {
	err := s.cloud.SetFuncConfig(ctx, v.caller, *req.Env, *req.FunctionName, *req.Type, *req.Config)
	return tcb.UploadFuncConfigResponse{Status: tcb.Success()}, err
}
