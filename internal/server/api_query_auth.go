package server

import (
	"context"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/tcb"
)

var apiQueryAuth = call(endpoint{
	path:       "/cgi-bin/component/api_query_auth",
	iface:      cloud.Interface{Tokens: cloud.ComponentToken},
	documented: bodyFaults,
	secret:     true,
}, queryAuth)

func queryAuth(
	ctx context.Context, s *Server, v *visit, req *tcb.QueryAuthRequest,
) (tcb.QueryAuthResponse, error) {
	g, err := s.cloud.QueryAuth(ctx, v.caller, *req.ComponentAppID, *req.AuthorizationCode)
	info := tcb.AuthorizationInfo{
		AuthorizerAppID:        g.AppID,
		AuthorizerAccessToken:  g.AccessToken.Value,
		ExpiresIn:              int64(g.AccessToken.Life.Seconds()),
		AuthorizerRefreshToken: g.RefreshToken,
		FuncInfo:               make([]tcb.FuncInfo, len(g.Sets)),
	}
	for i, id := range g.Sets {
		info.FuncInfo[i].FuncScopeCategory.ID = id
	}
	return tcb.QueryAuthResponse{AuthorizationInfo: info}, err
}
