package server

import (
	"context"

	"github.com/opentcb/opentcb/tcb"
)

var apiStartPushTicket = call(endpoint{
	path:       "/cgi-bin/component/api_start_push_ticket",
	noToken:    true,
	documented: bodyFaults,
	proofOf: func(req any) (platform, appid string) {
		r, _ := req.(*tcb.StartPushTicketRequest)
		return *r.ComponentAppID, ""
	},
}, func(r *tcb.StartPushTicketRequest) []member {
	return []member{
		{"component_appid", r.ComponentAppID == nil},
		{"component_secret", r.ComponentSecret == nil},
	}
}, startPushTicket)

func startPushTicket(
	ctx context.Context, s *Server, v *visit, req *tcb.StartPushTicketRequest,
) (tcb.Status, error) {
	arrives, err := s.cloud.StartPushTicket(ctx, *req.ComponentAppID, *req.ComponentSecret, v.rid)
	status := tcb.Success()
	if arrives {
		status.ErrMsg = "in a normal state"
	}
	return status, err
}
