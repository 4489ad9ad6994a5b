package server

import (
	"context"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/tcb"
)

var quotaGet = call(endpoint{
	path: "/cgi-bin/openapi/quota/get",
	iface: cloud.Interface{
		Name: "quota_get", Tokens: cloud.ComponentToken | cloud.AuthorizerToken, Free: true,
	},
	documented: bodyFaults,
}, getQuota)

func getQuota(ctx context.Context, s *Server, v *visit, req *tcb.QuotaRequest) (tcb.QuotaResponse, error) {
	answer := tcb.QuotaResponse{Status: tcb.Success()}
	of, ok := s.interfaces[*req.CGIPath]
	if !ok {
		return answer, cloud.Refused(cloud.PathNotFound, "")
	}
	day, minute, err := s.cloud.QuotaUse(ctx, v.caller, of.name)
	if day.Limit > 0 {
		answer.Quota = &tcb.DayQuota{DailyLimit: day.Limit, Used: day.Used, Remain: day.Left()}
	}
	if minute.Limit > 0 {
		answer.RateLimit = &tcb.RateLimit{CallCount: minute.Limit, RefreshSecond: 60}
	}
	return answer, err
}
