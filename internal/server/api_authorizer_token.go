package server

import (
	"context"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/tcb"
)

var apiAuthorizerToken = call(endpoint{
	path:       "/cgi-bin/component/api_authorizer_token",
	iface:      cloud.Interface{Tokens: cloud.ComponentToken},
	documented: bodyFaults,
	secret:     true,
}, refreshAuthorizerToken)

func refreshAuthorizerToken(
	ctx context.Context, s *Server, v *visit, req *tcb.AuthorizerTokenRequest,
) (tcb.AuthorizerTokenResponse, error) {
	g, err := s.cloud.RefreshAuthorizerToken(
		ctx, v.caller, *req.ComponentAppID, *req.AuthorizerAppID, *req.AuthorizerRefreshToken)
	return tcb.AuthorizerTokenResponse{
		AuthorizerAccessToken:  g.AccessToken.Value,
		ExpiresIn:              int64(g.AccessToken.Life.Seconds()),
		AuthorizerRefreshToken: g.RefreshToken,
	}, err
}
