// The document's name of this interface is getFuntionLink [sic].

package server

import (
	"context"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/tcb"
)

var downloadFunction = call(endpoint{
	path:  "/tcb/downloadfunction",
	iface: cloud.Interface{Name: "downloadfunction", Tokens: cloud.AuthorizerToken, Sets: developerSets},
}, shape[tcb.DownloadFunctionRequest]{required: func(r *tcb.DownloadFunctionRequest) []member {
	return []member{{"env", r.Env == nil}, {"function_name", r.FunctionName == nil}}
}, text: downloadText}, func(ctx context.Context, s *Server, in inbound, req *tcb.DownloadFunctionRequest) (tcb.DownloadFunctionResponse, error) {
	link, err := s.cloud.DownloadFunction(ctx, in.Caller, *req.Env, *req.FunctionName)
	return tcb.DownloadFunctionResponse{
		Status: tcb.Success(), URL: s.origin(in.request) + downloadPath + link.Token, Checksum: link.Checksum,
	}, err
})

func downloadText(r *tcb.DownloadFunctionRequest, name, value string) bool {
	switch name {
	case "env":
		return setOnce(&r.Env, value)
	case "function_name":
		return setOnce(&r.FunctionName, value)
	}
	return false
}
