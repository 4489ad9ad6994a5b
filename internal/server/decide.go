package server

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/tcb"
)

// decidePath is where proxies ask whether they may forward a cloud call
// (CC-7).
const decidePath = "/decide"

func isDecide(path string) bool {
	return path == decidePath || strings.HasPrefix(path, decidePath+"/")
}

// decide answers whether a cloud call is allowed, and does not forward it:
// 200, 401 for the token, 403 for everything else. The code is in a header,
// for proxies that do not show the body.
func (s *Server) decide(w http.ResponseWriter, r *http.Request) {
	begin := time.Now()
	rid := s.rids.next(begin)
	status, resp := http.StatusOK, tcb.Success()
	err := s.decision(w.Header(), r, rid)
	code := cloud.CodeOf(err)
	if err != nil {
		status, resp = decideStatus(err), failure(err, rid)
		// Proxies that ask with HEAD have no body to show to the caller.
		if text, err := json.Marshal(resp); err == nil {
			w.Header()["X-Opentcb-Envelope"] = []string{string(text)}
		}
	}
	w.Header()["X-Opentcb-Errcode"] = []string{code.String()}
	s.answer(w, status, resp)
	s.decisions.observe(code, time.Since(begin))
	s.logCall(r.Context(), "decide", rid, code, err)
}

// decideStatus is what a proxy understands as a refusal. What cannot be
// decided is one too: some proxies let pass what they take for a fault (CC-8).
func decideStatus(err error) int {
	switch cloud.KindOf(err) {
	case cloud.MissingToken, cloud.InvalidToken, cloud.TokenExpired:
		return http.StatusUnauthorized
	}
	return http.StatusForbidden
}

// decision judges the call that a proxy asks about. If it is allowed, headers
// tell the proxy what to forward: the address without the token, and whose
// call it is.
func (s *Server) decision(h http.Header, r *http.Request, rid string) error {
	target, method, err := askedCall(r)
	if err != nil {
		return err
	}
	path, query, _ := strings.Cut(target, "?")
	q, _ := parseCloudQuery(query)
	call, err := s.judge(r, q, path, method, rid)
	if err != nil {
		return err
	}
	address := call.Path.String()
	if q.rest != "" {
		address += "?" + q.rest
	}
	h["X-Wx-Appid"], h["X-Wx-Env"], h["X-Opentcb-Uri"] = []string{call.Account}, []string{call.Env}, []string{address}
	return nil
}

// askedCall is the call that a proxy asks about: in X-Original-URI (nginx), in
// X-Forwarded-Uri (forward-auth proxies), or, with neither, the path that
// follows (Envoy). A proxy sets one of the headers; a second one would be its
// caller's, and which is whose cannot be known (CC-8).
func askedCall(r *http.Request) (target, method string, err error) {
	original, forwarded := r.Header["X-Original-Uri"], r.Header["X-Forwarded-Uri"]
	switch {
	case len(original)+len(forwarded) > 1:
		return "", "", &cloud.Error{Kind: cloud.NotWhitelisted, Detail: "X-Original-URI and X-Forwarded-Uri name more than one call: the proxy must clear what it does not set"}
	case len(original) == 1:
		return original[0], r.Header.Get("X-Original-Method"), nil
	case len(forwarded) == 1:
		return forwarded[0], r.Header.Get("X-Forwarded-Method"), nil
	}
	target, _ = strings.CutPrefix(r.RequestURI, decidePath)
	if !strings.HasPrefix(target, "/") {
		return "", "", &cloud.Error{Kind: cloud.MissingToken, Detail: "give the call in X-Original-URI or X-Forwarded-Uri"}
	}
	return target, r.Method, nil
}
