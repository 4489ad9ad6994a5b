package server

import (
	"context"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/journal"
	"github.com/opentcb/opentcb/tcb"
)

var ridGet = call(endpoint{
	path:       "/cgi-bin/openapi/rid/get",
	iface:      cloud.Interface{Name: "rid_get", Tokens: cloud.ComponentToken | cloud.AuthorizerToken},
	documented: bodyFaults,
}, getRID)

// getRID answers what is kept of a failed call: everything in test mode, where the
// journal has it, and otherwise what is recorded of refusals.
func getRID(ctx context.Context, s *Server, v *visit, req *tcb.RIDRequest) (tcb.RIDResponse, error) {
	if e := s.bench.failure(*req.RID, v.caller.Now-cloud.FailuresKept.Milliseconds()); e != nil {
		if !v.caller.Owns(e.Platform, e.AppID) {
			return tcb.RIDResponse{}, cloud.Refused(cloud.RIDForeign, "")
		}
		call := journaled(e, s.origin(v.r))
		if s.random != nil {
			call.CostInMS = 0 // no two runs take as long
		}
		return tcb.RIDResponse{Status: tcb.Success(), Request: call}, nil
	}
	failed, err := s.cloud.FailedCall(ctx, v.caller, *req.RID)
	if err != nil {
		return tcb.RIDResponse{}, err
	}
	return tcb.RIDResponse{Status: tcb.Success(), Request: &tcb.FailedCall{
		InvokeTime: failed.At / 1000, RequestURL: s.origin(v.r) + failed.Path + s.pathOf(failed.Action),
	}}, nil
}

// failure returns the failed call of a rid from the journal; nil if that has none
// since a time in Unix milliseconds.
func (b *Bench) failure(rid string, since int64) *journal.Entry {
	if b == nil {
		return nil
	}
	e := b.journal.ByRID(rid)
	if e == nil || e.At < since || e.ErrCode == nil || *e.ErrCode == int(tcb.OK) {
		return nil
	}
	return e
}

// journaled is what the journal has of a failed call.
func journaled(e *journal.Entry, origin string) *tcb.FailedCall {
	call := &tcb.FailedCall{
		InvokeTime: e.At / 1000, CostInMS: int64(e.TookMS), RequestURL: origin + e.Path,
		RequestBody: e.Body, ResponseBody: e.Answer, ClientIP: e.From,
	}
	if e.Query != "" {
		call.RequestURL += "?" + e.Query
	}
	return call
}

// pathOf returns the path of the interface of an action; "" if it is none.
func (s *Server) pathOf(action string) string {
	for path, d := range s.interfaces {
		if d.name == action {
			return path
		}
	}
	return ""
}
