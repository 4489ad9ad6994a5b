package server

import (
	"context"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/tcb"
)

var listFunctions = callWith(endpoint{
	path:       "/tcb/listfunctions",
	iface:      cloud.Interface{Tokens: cloud.AuthorizerToken, Sets: developerSets},
	documented: bodyFaults,
}, func(r *tcb.ListFunctionsRequest) []member {
	return []member{{"env", r.Env == nil}}
}, listOfFunctions)

func listOfFunctions(
	ctx context.Context, s *Server, v *visit, req *tcb.ListFunctionsRequest,
) (tcb.ListFunctionsResponse, error) {
	limit, offset := tcb.Integer(cloud.DefaultListLimit), tcb.Integer(0)
	if req.Limit != nil {
		limit = *req.Limit
	}
	if req.Offset != nil {
		offset = *req.Offset
	}
	fs, total, err := s.cloud.ListFunctions(ctx, v.caller, *req.Env, int64(offset), int64(limit))
	resp := tcb.ListFunctionsResponse{
		Status: tcb.Success(), TotalCount: total, Functions: make([]tcb.Function, len(fs)),
	}
	for i, f := range fs {
		resp.Functions[i] = tcb.Function{
			Name: f.Name, Runtime: functionRuntime, Status: functionStatus,
			AddTime: platformTime(f.AddedAt), ModTime: platformTime(f.ModifiedAt),
		}
	}
	return resp, err
}

// What the platform says of a function that is ready; nothing here makes
// another runtime or another state.
const (
	functionRuntime = "Nodejs8.9"
	functionStatus  = "Active"
)

// platformZone is the zone of the platform's times, UTC+8.
var platformZone = time.FixedZone("UTC+8", 8*60*60)

// platformTime writes Unix milliseconds as the platform does.
func platformTime(ms int64) string {
	return time.UnixMilli(ms).In(platformZone).Format(time.DateTime)
}
