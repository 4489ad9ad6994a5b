package server

import (
	"context"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/tcb"
)

var apiCreatePreAuthCode = call(endpoint{
	path:       "/cgi-bin/component/api_create_preauthcode",
	iface:      cloud.Interface{Tokens: cloud.ComponentToken},
	documented: bodyFaults,
}, createPreAuthCode)

func createPreAuthCode(
	ctx context.Context, s *Server, v *visit, req *tcb.PreAuthCodeRequest,
) (tcb.PreAuthCodeResponse, error) {
	t, err := s.cloud.CreatePreAuthCode(ctx, v.caller, *req.ComponentAppID)
	return tcb.PreAuthCodeResponse{PreAuthCode: t.Value, ExpiresIn: int64(t.Life.Seconds())}, err
}
