// The document's name of this interface is setCloudAccessToken.

package server

import (
	"context"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/tcb"
)

var useCloudAccessToken = call(endpoint{
	path: "/tcb/usecloudaccesstoken",
	iface: cloud.Interface{
		Tokens: cloud.AuthorizerToken | cloud.ComponentToken, // common and batch environments (UT-14)
		Sets:   developerSets,
	},
	documented: bodyFaults,
}, codec[tcb.UseCloudAccessTokenRequest]{required: permissionMembers, plain: permissionPlain}, usePermission)

// permissionMembers is UT-2 and UT-3.
func permissionMembers(r *tcb.UseCloudAccessTokenRequest) []member {
	action, env := member{"action", r.Action == nil}, member{"env", r.Env == nil}
	if r.Action == nil || *r.Action != cloud.ActionSet {
		return []member{action, env}
	}
	return []member{action, env, {"open", r.Open == nil}, {"api_whitelist", r.APIWhitelist == nil}, {"version", r.Version == nil}}
}

func permissionPlain(r *tcb.UseCloudAccessTokenRequest, name, from string) (rest string, ok bool) {
	switch name {
	case "action":
		return readPlain(&r.Action, from, plainText)
	case "env":
		return readPlain(&r.Env, from, plainText)
	case "open":
		return readPlain(&r.Open, from, plainBool)
	case "api_whitelist":
		return readPlain(&r.APIWhitelist, from, plainTexts)
	case "version":
		return readPlain(&r.Version, from, plainInt)
	}
	return "", false
}

func usePermission(ctx context.Context, s *Server, v *visit, req *tcb.UseCloudAccessTokenRequest) (tcb.UseCloudAccessTokenResponse, error) {
	switch *req.Action {
	case cloud.ActionGet:
		return getPermission(ctx, s, v, req)
	case cloud.ActionSet:
		return setPermission(ctx, s, v, req)
	}
	return tcb.UseCloudAccessTokenResponse{}, s.cloud.RefuseAction(v.caller) // UT-1
}

func getPermission(ctx context.Context, s *Server, v *visit, req *tcb.UseCloudAccessTokenRequest) (tcb.UseCloudAccessTokenResponse, error) {
	e, err := s.cloud.Permission(ctx, v.caller, *req.Env)
	if err != nil {
		return tcb.UseCloudAccessTokenResponse{}, err
	}
	return tcb.UseCloudAccessTokenResponse{
		Status: tcb.Success(), Open: e.Open, APIWhitelist: &e.Whitelist, Version: &e.Version,
	}, nil
}

func setPermission(ctx context.Context, s *Server, v *visit, req *tcb.UseCloudAccessTokenRequest) (tcb.UseCloudAccessTokenResponse, error) {
	err := s.cloud.SetPermission(ctx, v.caller, *req.Env, *req.Open, *req.APIWhitelist, *req.Version)
	return tcb.UseCloudAccessTokenResponse{Status: tcb.Success(), Open: *req.Open}, err
}
