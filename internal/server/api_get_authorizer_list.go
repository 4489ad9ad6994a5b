package server

import (
	"context"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/tcb"
)

var apiGetAuthorizerList = call(endpoint{
	path:       "/cgi-bin/component/api_get_authorizer_list",
	iface:      cloud.Interface{Tokens: cloud.ComponentToken},
	documented: bodyFaults,
}, getAuthorizerList)

func getAuthorizerList(
	ctx context.Context, s *Server, v *visit, req *tcb.AuthorizerListRequest,
) (tcb.AuthorizerListResponse, error) {
	list, total, err := s.cloud.Authorizers(ctx, v.caller, *req.ComponentAppID, int64(*req.Offset), int64(*req.Count))
	resp := tcb.AuthorizerListResponse{TotalCount: total, List: make([]tcb.Authorizer, len(list))}
	for i, a := range list {
		resp.List[i] = tcb.Authorizer{AuthorizerAppID: a.AppID, RefreshToken: a.RefreshToken, AuthTime: a.Since / 1000}
	}
	return resp, err
}
