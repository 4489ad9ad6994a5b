package server

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/tcb"
)

// decidePath is where proxies ask whether they may forward a cloud call
// (CC-7).
const decidePath = "/decide"

// isDecide reports whether a path leads to the decisions.
func isDecide(path string) bool {
	return path == decidePath || strings.HasPrefix(path, decidePath+"/")
}

// decisions is the entrance of proxies that forward by themselves. It answers
// whether a cloud call is allowed, and does not forward it.
var decisions = entrance{name: "decide", serve: (*Server).decideCall, refuse: refuseDecision}

// errcodeHeader has the code of every decision, for proxies that do not show
// the body.
const errcodeHeader = "X-Opentcb-Errcode"

// decideCall judges the call that a proxy asks about. If it is allowed, the
// headers of the answer are what the proxy has to forward: the address without
// the token, and whose call it is.
func (s *Server) decideCall(v *visit) error {
	target, method, err := askedCall(v.r)
	if err != nil {
		return err
	}
	path, query, _ := strings.Cut(target, "?")
	if !isPlainQuery(query) {
		return cloud.Refused(cloud.NotWhitelisted, "the query has a character that must be escaped")
	}
	q := parseCloudQuery(query)
	call, err := s.judge(v, q, path, method)
	v.caller.AppID, v.env = call.Account, call.Env
	if err != nil {
		return err
	}
	address := call.Path.String()
	if q.rest != "" {
		address += "?" + q.rest
	}
	h := v.w.Header()
	h["X-Wx-Appid"], h["X-Wx-Env"] = []string{call.Account}, []string{call.Env}
	h["X-Opentcb-Uri"], h[errcodeHeader] = []string{address}, []string{tcb.OK.String()}
	answer(v.w, http.StatusOK, tcb.Success())
	return nil
}

// isPlainQuery reports whether a query can be repeated in a header of the answer,
// and is read there by everybody in the same way: printable ASCII without spaces.
func isPlainQuery(query string) bool {
	for i := range len(query) {
		if query[i] <= ' ' || query[i] > '~' {
			return false
		}
	}
	return true
}

// refuseDecision answers what a proxy understands as a refusal: 401 for the
// token, 403 for everything else. What cannot be decided is refused too: some
// proxies let pass what they take for a fault (CC-8).
func refuseDecision(v *visit, err error) {
	status := http.StatusForbidden
	switch cloud.KindOf(err) {
	case cloud.MissingToken, cloud.InvalidToken, cloud.InvalidCredential, cloud.TokenExpired:
		status = http.StatusUnauthorized
	}
	resp, h := failure(err, v.rid), v.w.Header()
	h[errcodeHeader] = []string{resp.ErrCode.String()}
	// Proxies that ask with HEAD have no body to show to the caller.
	if text, err := json.Marshal(resp); err == nil {
		h["X-Opentcb-Envelope"] = []string{string(text)}
	}
	answer(v.w, status, resp)
}

// askedCall returns the call that a proxy asks about: in X-Original-URI
// (nginx), in X-Forwarded-Uri (forward-auth proxies), or, with neither, the
// path that follows (Envoy). A proxy sets one of the headers; a second one
// would be its caller's, and which is whose cannot be known (CC-8).
func askedCall(r *http.Request) (target, method string, err error) {
	original, forwarded := r.Header["X-Original-Uri"], r.Header["X-Forwarded-Uri"]
	switch {
	case len(original)+len(forwarded) > 1:
		return "", "", cloud.Refused(cloud.NotWhitelisted,
			"X-Original-URI and X-Forwarded-Uri name more than one call: the proxy must clear what it does not set")
	case len(original) == 1:
		return original[0], r.Header.Get("X-Original-Method"), nil
	case len(forwarded) == 1:
		return forwarded[0], r.Header.Get("X-Forwarded-Method"), nil
	}
	target, _ = strings.CutPrefix(r.RequestURI, decidePath)
	if !strings.HasPrefix(target, "/") {
		return "", "", cloud.Refused(cloud.MissingToken, "give the call in X-Original-URI or X-Forwarded-Uri")
	}
	return target, r.Method, nil
}
