package server

import (
	"context"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/tcb"
)

// credentialFaults are the faults of the body that the credential calls list.
var credentialFaults = []cloud.Kind{cloud.EmptyBody, cloud.MalformedBody, cloud.InvalidArgs}

var apiComponentToken = call(endpoint{
	path:  "/cgi-bin/component/api_component_token",
	iface: cloud.Interface{Name: "api_component_token"},
	open:  true,
	lists: credentialFaults,
}, shape[tcb.ComponentTokenRequest]{required: func(r *tcb.ComponentTokenRequest) []member {
	return []member{
		{"component_appid", r.ComponentAppID == nil},
		{"component_appsecret", r.ComponentAppSecret == nil},
		{"component_verify_ticket", r.ComponentVerifyTicket == nil},
	}
}}, func(ctx context.Context, s *Server, in inbound, req *tcb.ComponentTokenRequest) (tcb.ComponentTokenResponse, error) {
	t, err := s.cloud.IssueComponentToken(ctx, cloud.ComponentTokenRequest{
		AppID: *req.ComponentAppID, Secret: *req.ComponentAppSecret, Ticket: *req.ComponentVerifyTicket,
	}, in.RID)
	return tcb.ComponentTokenResponse{ComponentAccessToken: t.Value, ExpiresIn: int64(t.Life.Seconds())}, err
})
