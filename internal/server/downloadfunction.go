// The document's name of this interface is getFuntionLink [sic].

package server

import (
	"context"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/tcb"
)

var downloadFunction = call(endpoint{
	path:  "/tcb/downloadfunction",
	iface: cloud.Interface{Tokens: cloud.AuthorizerToken, Sets: developerSets},
}, linkToFunction)

func linkToFunction(
	ctx context.Context, s *Server, v *visit, req *tcb.DownloadFunctionRequest,
) (tcb.DownloadFunctionResponse, error) {
	link, err := s.cloud.DownloadFunction(ctx, v.caller, *req.Env, *req.FunctionName)
	return tcb.DownloadFunctionResponse{
		Status: tcb.Success(), URL: s.origin(v.r) + downloadPath + link.Token, Checksum: link.Checksum,
	}, err
}
