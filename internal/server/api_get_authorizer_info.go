package server

import (
	"context"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/tcb"
)

var apiGetAuthorizerInfo = call(endpoint{
	path:       "/cgi-bin/component/api_get_authorizer_info",
	iface:      cloud.Interface{Tokens: cloud.ComponentToken},
	documented: bodyFaults,
}, getAuthorizerInfo)

func getAuthorizerInfo(
	ctx context.Context, s *Server, v *visit, req *tcb.AuthorizerInfoRequest,
) (tcb.AuthorizerInfoResponse, error) {
	a, err := s.cloud.Authorizer(ctx, v.caller, *req.ComponentAppID, *req.AuthorizerAppID)
	info := tcb.AuthorizerInfo{
		NickName: a.Name, UserName: a.UserName, PrincipalName: a.Principal, AccountStatus: 1,
		MiniProgramInfo: tcb.MiniProgramInfo{Categories: []tcb.Category{}, Network: tcb.Network{
			RequestDomain: []string{}, WsRequestDomain: []string{}, UploadDomain: []string{},
			DownloadDomain: []string{}, BizDomain: []string{}, UDPDomain: []string{},
		}},
	}
	if a.Principal == "" {
		info.VerifyTypeInfo.ID = -1
	}
	kept := tcb.AuthorizationKept{
		AuthorizerAppID: a.AppID, AuthorizerRefreshToken: a.RefreshToken, FuncInfo: make([]tcb.FuncInfo, len(a.Sets)),
	}
	for i, id := range a.Sets {
		known := cloud.KnownSet(id)
		kept.FuncInfo[i] = tcb.FuncInfo{
			FuncScopeCategory: tcb.FuncScopeCategory{ID: id, Type: known.Type, Name: known.Name, Desc: known.Desc},
			ConfirmInfo:       &tcb.ConfirmInfo{},
		}
	}
	return tcb.AuthorizerInfoResponse{AuthorizerInfo: info, AuthorizationInfo: kept}, err
}
