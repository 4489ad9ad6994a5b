package admin

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

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

// authorized lets the operator in.
func (s *Server) authorized(h handler) http.Handler {
	return s.admitted(h, func(r *http.Request, token, rid string) (cloud.Caller, error) {
		if !s.isAdmin(token) {
			return cloud.Caller{}, errNotAdmin
		}
		return s.cloud.OperatorCaller(rid), nil
	})
}

// runtimeToo lets the operator in, and the runtime of the environment that
// the path names.
func (s *Server) runtimeToo(h handler) http.Handler {
	return s.admitted(h, func(r *http.Request, token, rid string) (cloud.Caller, error) {
		if s.isAdmin(token) {
			return s.cloud.OperatorCaller(rid), nil
		}
		c, err := s.cloud.Runtime(r.Context(), token, r.PathValue("environment"), rid)
		if cloud.KindOf(err) == cloud.InvalidToken {
			err = errNotRuntime
		}
		return c, err
	})
}

// isAdmin compares in constant time (CR-11).
func (s *Server) isAdmin(token string) bool {
	sum := sha256.Sum256([]byte(token))
	return token != "" && subtle.ConstantTimeCompare(sum[:], s.token[:]) == 1
}

var (
	errNotAdmin = &httpError{http.StatusUnauthorized, tcb.InvalidToken,
		"give the admin token: Authorization: Bearer TOKEN"}
	errNotRuntime = &httpError{http.StatusUnauthorized, tcb.InvalidToken,
		"give the environment's credential, which may have been revoked, or the admin token: Authorization: Bearer TOKEN"}
)

// admitted serves a request whose bearer token proves a caller.
func (s *Server) admitted(h handler, who func(r *http.Request, token, rid string) (cloud.Caller, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// As for the calls of the API: who closes the sending side is still there
		// for the answer, though net/http ends the request's context.
		r = r.WithContext(context.WithoutCancel(r.Context()))
		rid := rand.Text()
		token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok {
			token = ""
		}
		caller, err := who(r, token, rid)
		if err != nil {
			if he, ok := errors.AsType[*httpError](err); ok && he.status == http.StatusUnauthorized {
				w.Header().Set("WWW-Authenticate", "Bearer")
				err = s.falseToken(r, token, rid, err)
			}
			s.writeError(w, r, rid, err)
			return
		}
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

const actAdmin = "admin"

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
	_ = s.cloud.RefuseSecret(rid, "", "", actAdmin, address, cloud.Refused(cloud.InvalidToken, ""))
	waited, ok := s.guesses.Wait(r.Context(), address)
	if !ok {
		return errSlowDown
	}
	if !waited { // at most some in a minute
		s.log.Warn("false admin token", "rid", rid, "from", address)
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
