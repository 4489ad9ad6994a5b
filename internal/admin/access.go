package admin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/throttle"
	"github.com/opentcb/opentcb/tcb"
)

// transferTime is how long an upload or a world may take.
const transferTime = 10 * time.Minute

// ServeHTTP refuses pages of other sites, which a browser marks by an Origin.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if origin := r.Header.Get("Origin"); origin != "" {
		if u, err := url.Parse(origin); err != nil || u.Host != r.Host {
			s.writeError(w, r, "", &httpError{http.StatusForbidden, tcb.Unauthorized, "requests of other sites are refused"})
			return
		}
	}
	s.mux.ServeHTTP(w, r)
}

// authorized lets in whoever has an admin token of a role that has the right.
func (s *Server) authorized(to route) http.Handler {
	return s.admitted(to.do, func(r *http.Request, token, rid string) (cloud.Caller, error) {
		c, role, err := s.operator(r.Context(), token, rid)
		if err != nil {
			return c, orElse(err, errNotAdmin)
		}
		return c, s.allow(r, c, role, to.needs)
	})
}

// runtimeToo lets the operator in, and the runtime of the environment that
// the path names.
func (s *Server) runtimeToo(to route) http.Handler {
	return s.admitted(to.do, func(r *http.Request, _, rid string) (cloud.Caller, error) {
		return s.runtimeCaller(r, rid, to.needs)
	})
}

// runtimeCaller returns the caller that the token of a request proves, at this moment:
// an operator who has the right, or the runtime of the environment.
func (s *Server) runtimeCaller(r *http.Request, rid string, needs right) (cloud.Caller, error) {
	token := bearer(r)
	c, role, err := s.operator(r.Context(), token, rid)
	if err == nil {
		return c, s.allow(r, c, role, needs)
	}
	if cloud.KindOf(err) == cloud.InvalidToken {
		c, err = s.cloud.Runtime(r.Context(), token, r.PathValue("environment"), rid)
	}
	if cloud.KindOf(err) == cloud.TokenExpired {
		err = errExpired
	}
	return c, orElse(err, errNotRuntime)
}

// bearer returns the bearer token of a request, "" if it has none.
func bearer(r *http.Request) string {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return ""
	}
	return token
}

// operator returns the caller that an admin token proves, and its role. The first
// token is known without the store, whose owner may have to look at a fault of it.
func (s *Server) operator(ctx context.Context, token, rid string) (cloud.Caller, cloud.Role, error) {
	if s.first.Is(token) {
		return s.cloud.FirstAdminCaller(rid), cloud.RoleAdmin, nil
	}
	return s.cloud.AdminCaller(ctx, token, rid)
}

// orElse returns the refusal in place of an error that is of a token that is none.
func orElse(err error, refusal *httpError) error {
	if cloud.KindOf(err) == cloud.InvalidToken {
		return refusal
	}
	return err
}

var (
	errNotAdmin = &httpError{http.StatusUnauthorized, tcb.InvalidToken,
		"give an admin token, which may have expired or been revoked: Authorization: Bearer TOKEN"}
	errNotRuntime = &httpError{http.StatusUnauthorized, tcb.InvalidToken,
		"give the environment's credential, which may have been revoked, or an admin token: Authorization: Bearer TOKEN"}
	errNoName  = &httpError{http.StatusNotFound, tcb.InvalidURL, "no such path: no name is so"}
	errExpired = &httpError{http.StatusUnauthorized, tcb.TokenExpired, "the environment's credential has expired: give another"}
)

// admitted serves a request whose bearer token proves a caller.
func (s *Server) admitted(h handler, who func(r *http.Request, token, rid string) (cloud.Caller, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// As for the calls of the API: who closes the sending side is still there
		// for the answer, though net/http ends the request's context.
		r = r.WithContext(context.WithoutCancel(r.Context()))
		rid := cloud.RandomText(s.random)
		token := bearer(r)
		caller, err := who(r, token, rid)
		if err != nil {
			if he, ok := errors.AsType[*httpError](err); ok && he.status == http.StatusUnauthorized {
				w.Header().Set("WWW-Authenticate", "Bearer")
				err = s.falseToken(r, token, rid, err)
			}
			s.writeError(w, r, rid, err)
			return
		}
		if !utf8.ValidString(r.URL.Path) || strings.ContainsRune(r.URL.Path, 0) {
			s.writeError(w, r, rid, errNoName) // PostgreSQL can hold no such text
			return
		}
		caller.Seen = strings.Trim(r.Header.Get("If-Match"), `"`)
		conn := http.NewResponseController(w)
		_ = conn.SetReadDeadline(time.Now().Add(transferTime))
		_ = conn.SetWriteDeadline(time.Now().Add(2 * transferTime))
		v, err := guarded(h, w, r, caller)
		if err != nil {
			s.writeError(w, r, rid, err)
			return
		}
		s.write(w, v)
	})
}

// freeGuesses is how many tokens of one address may be false in a minute before
// further answers are held up. A good token is never held up.
const freeGuesses = 10

var errSlowDown = &httpError{http.StatusTooManyRequests, tcb.MinuteQuota, "too many false tokens from this address: try again later"}

// falseToken counts and records a token that is not the operator's, holds up the
// answer if there were many from the same address, and returns the error to answer
// with. Nothing is said of a request without a token: it guesses nothing.
func (s *Server) falseToken(r *http.Request, token, rid string, err error) error {
	if token == "" {
		return err
	}
	address := throttle.AddressOf(r.RemoteAddr)
	s.refused.Inc()
	s.guesses.Failed(address)
	if err := s.cloud.RefuseAdminToken(rid, address); err != nil {
		return err
	}
	if _, ok := s.guesses.Wait(r.Context(), address); !ok {
		return errSlowDown
	}
	return err
}

// guarded turns a panic, which is a bug, into an error that is logged (EN-13).
// A handler that breaks its answer off on purpose still does.
func guarded(h handler, w http.ResponseWriter, r *http.Request, c cloud.Caller) (v any, err error) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			panic(p)
		default:
			err = &cloud.Error{Kind: cloud.Internal, Err: fmt.Errorf("panic: %v\n%s", p, debug.Stack())}
		}
	}()
	return h(w, r, c)
}

// right is what a route needs of the role of a token.
type right int

// The rights. A route that names none needs the first.
const (
	toAdminister right = iota // tokens, keys and backups
	toChange                  // what the server keeps
	toTest                    // what only test mode has
	toReadSecret              // tickets and code
	toAudit                   // the audit record
	toRead                    // what the server keeps
	toWatch                   // how the server is
)

// holders are the roles that have each right.
var holders = map[right][]cloud.Role{
	toAdminister: {cloud.RoleAdmin},
	toChange:     {cloud.RoleAdmin, cloud.RoleOperator},
	toTest:       {cloud.RoleAdmin, cloud.RoleOperator, cloud.RoleDeveloper},
	toReadSecret: {cloud.RoleAdmin, cloud.RoleOperator, cloud.RoleDeveloper},
	toAudit:      {cloud.RoleAdmin, cloud.RoleOperator, cloud.RoleAuditor},
	toRead:       {cloud.RoleAdmin, cloud.RoleOperator, cloud.RoleDeveloper, cloud.RoleAuditor},
	toWatch:      cloud.Roles,
}

// route is what is done with the requests of a path and method, and the right
// that they need.
type route struct {
	do    handler
	needs right
}

// allow returns nil if a role has the right that a route needs, and else a
// refusal, which is recorded.
func (s *Server) allow(r *http.Request, c cloud.Caller, role cloud.Role, needs right) error {
	if slices.Contains(holders[needs], role) {
		return nil
	}
	var names []string
	for _, holder := range holders[needs] {
		names = append(names, string(holder))
	}
	s.forbidden.Inc()
	why := fmt.Sprintf("the token has the role %s, and this needs %s", role, strings.Join(names, " or "))
	return cmp.Or[error](s.cloud.RefuseRole(c, r.Pattern, why), &httpError{http.StatusForbidden, tcb.Unauthorized, why})
}
