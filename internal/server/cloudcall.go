package server

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/gateway"
	"github.com/opentcb/opentcb/tcb"
)

// cloudCalls is the entrance of code in an environment: its calls are judged,
// then forwarded or refused (CC-1).
var cloudCalls = entrance{name: "cloudcall", serve: (*Server).forward, refuse: func(v *visit, err error) {
	answer(v.w, http.StatusOK, failure(err, v.rid))
}}

// forward judges a call and forwards it.
func (s *Server) forward(v *visit) error {
	r, q := v.r, parseCloudQuery(v.r.URL.RawQuery)
	path, _, _ := strings.Cut(r.RequestURI, "?")
	if s.isOwn(path, r.Method) && r.Method != http.MethodPost && !isReady(path, r.Method) {
		return cloud.Refused(cloud.WrongMethod, "")
	}
	call, err := s.judge(v, q, path, r.Method)
	v.caller.AppID, v.env = call.Account, call.Env
	if err != nil {
		return err
	}
	if s.gateway == nil {
		answer(v.w, http.StatusOK, tcb.Success())
		return nil
	}
	v.begun = true
	err = s.gateway.Forward(v.w, r, gateway.Call{
		Path: call.Path, Query: q.rest, AppID: call.Account, Env: call.Env, Token: q.token,
	})
	if err != nil {
		v.begun = false // Forward has written nothing
		return &cloud.Error{Kind: cloud.Unavailable, Err: err}
	}
	return nil
}

// judge is the one decision on a cloud call, whether it is forwarded from
// here or by another proxy. path is as it came, before the query.
func (s *Server) judge(v *visit, q cloudQuery, path, method string) (cloud.CloudCall, error) {
	switch {
	case q.odd:
		return cloud.CloudCall{}, cloud.Refused(cloud.InvalidToken, "give "+cloudbaseParameter+" once")
	case q.token == "":
		return cloud.CloudCall{}, cloud.Refused(cloud.MissingToken, "")
	case s.isOwn(path, method):
		return s.cloud.RefuseOwnCall(v.rid, q.token, path)
	}
	return s.cloud.JudgeCall(v.r.Context(), v.rid, q.token, path)
}

// isOwn reports whether a path is one of the server's own, which are never
// called with a cloudbase_access_token (CC-5).
func (s *Server) isOwn(path, method string) bool {
	_, isInterface := s.interfaces[path]
	return isInterface || isConsent(path) || path == "/" && method == http.MethodPost ||
		strings.HasPrefix(path, downloadPath) || isDecide(path) || path == readyPath
}

// cloudbaseParameter is the parameter that makes a request a cloud call
// (CC-1).
const cloudbaseParameter = "cloudbase_access_token"

// isCloudCall reports whether a query has the parameter.
func isCloudCall(rawQuery string) bool {
	for pair := range strings.SplitSeq(rawQuery, "&") {
		if name, _, _ := strings.Cut(pair, "="); name == cloudbaseParameter {
			return true
		}
	}
	return false
}

// cloudQuery is the query of a cloud call, taken apart.
type cloudQuery struct {
	token string // "" if there is none
	odd   bool   // it came twice, or its name is spelled in another way
	rest  string // the other pairs, as they came
}

// parseCloudQuery finds the token in a query.
func parseCloudQuery(raw string) (q cloudQuery) {
	if !strings.Contains(raw, cloudbaseParameter) {
		return q
	}
	var rest []string
	found := false
	for pair := range strings.SplitSeq(raw, "&") {
		name, value, _ := strings.Cut(pair, "=")
		switch {
		case name == cloudbaseParameter && !found:
			q.token, found = value, true
		case meansCloudbase(name):
			q.odd = true
		default:
			rest = append(rest, pair)
		}
	}
	q.rest = strings.Join(without(rest, q.token), "&")
	return q
}

// meansCloudbase reports whether another server would read a name as the
// token's: such a pair is not forwarded.
func meansCloudbase(name string) bool {
	if strings.ContainsAny(name, "%+") {
		if unescaped, err := url.QueryUnescape(name); err == nil {
			name = unescaped
		}
	}
	return strings.EqualFold(name, cloudbaseParameter)
}

// without leaves out the pairs that hold the token under another name: it
// never reaches the upstream (CC-1).
func without(pairs []string, token string) []string {
	if token == "" {
		return pairs
	}
	kept := pairs[:0]
	for _, pair := range pairs {
		if !strings.Contains(pair, token) {
			kept = append(kept, pair)
		}
	}
	return kept
}
