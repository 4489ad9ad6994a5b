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
}, plain: downloadPlain}, func(ctx context.Context, s *Server, in inbound, req *tcb.DownloadFunctionRequest) (tcb.DownloadFunctionResponse, error) {
	link, err := s.cloud.DownloadFunction(ctx, in.Caller, *req.Env, *req.FunctionName)
	return tcb.DownloadFunctionResponse{
		Status: tcb.Success(), URL: s.origin(in.request) + downloadPath + link.Token, Checksum: link.Checksum,
	}, err
})

func downloadPlain(r *tcb.DownloadFunctionRequest, name, from string) (rest string, ok bool) {
	switch name {
	case "env":
		return readPlain(&r.Env, from, plainText)
	case "function_name":
		return readPlain(&r.FunctionName, from, plainText)
	}
	return "", false
}
