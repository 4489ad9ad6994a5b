package server

import (
	"context"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/tcb"
)

var apiComponentToken = call(endpoint{
	path:       "/cgi-bin/component/api_component_token",
	noToken:    true,
	documented: bodyFaults,
	secret:     true,
}, issueComponentToken)

func issueComponentToken(
	ctx context.Context, s *Server, v *visit, req *tcb.ComponentTokenRequest,
) (tcb.ComponentTokenResponse, error) {
	from, _ := s.clientOf(v.r)
	t, err := s.cloud.IssueComponentToken(ctx, cloud.ComponentTokenRequest{
		AppID: *req.ComponentAppID, Secret: *req.ComponentAppSecret, Ticket: *req.ComponentVerifyTicket, From: from,
	}, v.rid)
	return tcb.ComponentTokenResponse{ComponentAccessToken: t.Value, ExpiresIn: int64(t.Life.Seconds())}, err
}
