package server

import (
	"context"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/tcb"
)

var clearQuota = call(endpoint{
	path:       "/cgi-bin/clear_quota",
	iface:      cloud.Interface{Tokens: cloud.ComponentToken | cloud.AuthorizerToken, Free: true},
	documented: bodyFaults,
}, func(ctx context.Context, s *Server, v *visit, req *tcb.ClearQuotaRequest) (tcb.Status, error) {
	return tcb.Success(), s.cloud.ClearQuota(ctx, v.caller, *req.AppID)
})

var clearQuotaV2 = call(endpoint{
	path:       "/cgi-bin/component/clear_quota/v2",
	iface:      cloud.Interface{Name: "clear_quota_v2", Free: true},
	noToken:    true,
	documented: bodyFaults,
	secret:     true,
}, func(ctx context.Context, s *Server, v *visit, req *tcb.ClearQuotaV2Request) (tcb.Status, error) {
	from, _ := s.clientOf(v.r)
	return tcb.Success(), s.cloud.ClearQuotaBySecret(ctx, *req.ComponentAppID, *req.AppSecret, from, v.rid)
})
