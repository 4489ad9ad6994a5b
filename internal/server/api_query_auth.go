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
	proofOf: func(req any) (platform, appid string) {
		r, _ := req.(*tcb.QueryAuthRequest)
		return *r.ComponentAppID, ""
	},
}, func(r *tcb.QueryAuthRequest) []member {
	return []member{
		{"component_appid", r.ComponentAppID == nil},
		{"authorization_code", r.AuthorizationCode == nil},
	}
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
