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
}, codec[tcb.DownloadFunctionRequest]{required: func(r *tcb.DownloadFunctionRequest) []member {
	return []member{{"env", r.Env == nil}, {"function_name", r.FunctionName == nil}}
}, plain: downloadPlain}, func(ctx context.Context, s *Server, v *visit, req *tcb.DownloadFunctionRequest) (tcb.DownloadFunctionResponse, error) {
	link, err := s.cloud.DownloadFunction(ctx, v.caller, *req.Env, *req.FunctionName)
	return tcb.DownloadFunctionResponse{
		Status: tcb.Success(), URL: s.origin(v.r) + downloadPath + link.Token, Checksum: link.Checksum,
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
