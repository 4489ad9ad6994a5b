// The document's name of this interface is setCloudAccessToken.

package server

import (
	"context"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/tcb"
)

var useCloudAccessToken = callWith(endpoint{
	path: "/tcb/usecloudaccesstoken",
	iface: cloud.Interface{
		Tokens: cloud.AuthorizerToken | cloud.ComponentToken, // common and batch environments (UT-14)
		Sets:   developerSets,
	},
	documented: bodyFaults,
}, permissionMembers, usePermission)

// permissionMembers is UT-2 and UT-3.
func permissionMembers(r *tcb.UseCloudAccessTokenRequest) []member {
	members := []member{{"action", r.Action == nil}, {"env", r.Env == nil}}
	if r.Action != nil && *r.Action == cloud.ActionSet {
		members = append(members,
			member{"open", r.Open == nil},
			member{"api_whitelist", r.APIWhitelist == nil},
			member{"version", r.Version == nil})
	}
	return members
}

func usePermission(
	ctx context.Context, s *Server, v *visit, req *tcb.UseCloudAccessTokenRequest,
) (tcb.UseCloudAccessTokenResponse, error) {
	resp := tcb.UseCloudAccessTokenResponse{Status: tcb.Success()}
	switch *req.Action {
	case cloud.ActionGet:
		e, err := s.cloud.Permission(ctx, v.caller, *req.Env)
		if err != nil {
			return resp, err
		}
		resp.Open, resp.APIWhitelist, resp.Version = e.Open, &e.Whitelist, &e.Version
		return resp, nil
	case cloud.ActionSet:
		resp.Open = *req.Open
		version := int64(*req.Version)
		return resp, s.cloud.SetPermission(ctx, v.caller, *req.Env, *req.Open, *req.APIWhitelist, version)
	}
	return resp, s.cloud.RefuseAction(v.caller) // UT-1
}
