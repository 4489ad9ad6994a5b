package server

import (
	"context"

	"github.com/opentcb/opentcb/tcb"
)

var apiStartPushTicket = call(endpoint{
	path:       "/cgi-bin/component/api_start_push_ticket",
	noToken:    true,
	documented: bodyFaults,
	secret:     true,
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
