package server

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/gateway"
	"github.com/opentcb/opentcb/tcb"
)

// cloudbaseParameter is the parameter that makes a request a cloud call
// (CC-1).
const cloudbaseParameter = "cloudbase_access_token"

// cloudQuery is the query of a cloud call, taken apart.
type cloudQuery struct {
	token string // "" if there is none
	odd   bool   // it came twice, or its name is not written plainly
	rest  string // the other pairs, as they came
}

// parseCloudQuery finds the token in a query; false if the query has none.
func parseCloudQuery(raw string) (q cloudQuery, found bool) {
	if !strings.Contains(raw, cloudbaseParameter) {
		return q, false
	}
	var rest []string
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
	return q, found
}

// meansCloudbase says whether another server would read a name as the
// token's: such a pair is not forwarded.
func meansCloudbase(name string) bool {
	if strings.ContainsAny(name, "%+") {
		if plain, err := url.QueryUnescape(name); err == nil {
			name = plain
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

// cloudCall serves a call of code in an environment: judged, then forwarded
// or refused (CC-1).
func (s *Server) cloudCall(w http.ResponseWriter, r *http.Request, q cloudQuery) {
	begin := time.Now()
	rid := s.rids.next(begin)
	err := s.forward(w, r, q, rid)
	brokeOff := errors.Is(err, http.ErrAbortHandler)
	if err != nil && !brokeOff {
		s.answer(w, http.StatusOK, failure(err, rid))
	}
	code := cloud.CodeOf(err)
	s.calls.observe(code, time.Since(begin))
	if err != nil && r.Context().Err() != nil {
		s.log.Debug("the caller of a cloud call went away", "rid", rid) // no fault of the server's or the upstream's
	} else {
		s.logCall(r.Context(), "cloudcall", rid, code, err)
	}
	if brokeOff {
		panic(http.ErrAbortHandler) // what was sent so far must not look whole
	}
}

// forward judges a call and forwards it. An answer that the upstream broke off
// is an error that wraps http.ErrAbortHandler; before any other, nothing was
// written.
func (s *Server) forward(w http.ResponseWriter, r *http.Request, q cloudQuery, rid string) (err error) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			err = &cloud.Error{Kind: cloud.Unavailable, Err: fmt.Errorf("the upstream broke off: %w", http.ErrAbortHandler)}
		default:
			err = &cloud.Error{Kind: cloud.Internal, Err: fmt.Errorf("panic: %v\n%s", p, debug.Stack())}
		}
	}()
	path, _, _ := strings.Cut(r.RequestURI, "?")
	if s.isOwn(path, r.Method) && r.Method != http.MethodPost {
		return &cloud.Error{Kind: cloud.WrongMethod}
	}
	call, err := s.judge(r, q, path, r.Method, rid)
	if err != nil {
		return err
	}
	if s.gateway == nil {
		s.answer(w, http.StatusOK, tcb.Success())
		return nil
	}
	err = s.gateway.Forward(w, r, gateway.Call{Path: call.Path, Query: q.rest, AppID: call.Account, Env: call.Env, Token: q.token})
	if err != nil {
		return &cloud.Error{Kind: cloud.Unavailable, Err: err}
	}
	return nil
}

// judge is the one decision on a cloud call, whether it is forwarded from
// here or by another proxy. path is as it came, before the query.
func (s *Server) judge(r *http.Request, q cloudQuery, path, method, rid string) (cloud.CloudCall, error) {
	switch {
	case q.odd:
		return cloud.CloudCall{}, &cloud.Error{Kind: cloud.InvalidToken, Detail: "give " + cloudbaseParameter + " once"}
	case q.token == "":
		return cloud.CloudCall{}, &cloud.Error{Kind: cloud.MissingToken}
	case s.isOwn(path, method):
		return cloud.CloudCall{}, s.cloud.RefuseOwnCall(rid, q.token, path)
	}
	return s.cloud.JudgeCall(r.Context(), rid, q.token, path)
}

// isOwn says whether a path is one of the server's own, which are never
// called with a cloudbase_access_token (CC-5).
func (s *Server) isOwn(path, method string) bool {
	_, isRoute := s.routes[path]
	return isRoute || path == "/" && method == http.MethodPost || strings.HasPrefix(path, downloadPath) || isDecide(path)
}
