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
	proofOf: func(req any) (platform, appid string) {
		r, _ := req.(*tcb.ComponentTokenRequest)
		return *r.ComponentAppID, ""
	},
}, func(r *tcb.ComponentTokenRequest) []member {
	return []member{
		{"component_appid", r.ComponentAppID == nil},
		{"component_appsecret", r.ComponentAppSecret == nil},
		{"component_verify_ticket", r.ComponentVerifyTicket == nil},
	}
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
