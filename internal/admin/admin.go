package admin

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/world"
	"github.com/opentcb/opentcb/tcb"
)

// Bounds of a request, in bytes.
const (
	maxWorld   = 256 << 20 // a million Mini Programs
	maxConsent = 64 << 10
	maxCode    = 64 << 20
)

// transferTime is how long an upload or a world may take.
const transferTime = 10 * time.Minute

// Config is what a Server works with. Cloud and Token are required.
type Config struct {
	Cloud   *cloud.Service
	Token   string              // the bearer token of the operator
	Metrics prometheus.Gatherer // default: /metrics is empty
	Log     *slog.Logger        // default: nothing is logged
	// Backup writes an archive of everything; default: there are no backups.
	Backup func(ctx context.Context, w io.Writer) error
}

// Server answers every request of the admin listener.
type Server struct {
	cloud  *cloud.Service
	token  [sha256.Size]byte // its hash, so that comparing takes the same time for any length
	log    *slog.Logger
	backup func(ctx context.Context, w io.Writer) error
	mux    *http.ServeMux
}

// New returns a handler of the admin interface.
func New(cfg Config) *Server {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{cloud: cfg.Cloud, token: sha256.Sum256([]byte(cfg.Token)), log: cfg.Log, backup: cfg.Backup, mux: http.NewServeMux()}
	for pattern, handle := range s.openRoutes(cfg.Metrics) {
		s.mux.Handle(pattern, handle)
	}
	for pattern, handle := range s.routes() {
		s.mux.Handle(pattern, s.authorized(handle))
	}
	s.mux.Handle(tokenRoute, s.runtimeToo(s.cloudbaseToken))
	s.mux.Handle("/", s.authorized(s.noSuchPath))
	return s
}

// tokenRoute is the one path that an environment's own credential opens too.
const tokenRoute = "POST /v1/environments/{environment}/token"

// routes is every path that needs the admin token.
func (s *Server) routes() map[string]handler {
	return map[string]handler{
		"POST /v1/apply":                      s.apply,
		"PUT /v1/code":                        s.addCode,
		"POST /v1/code/collection":            s.collect,
		"POST /v1/code/check":                 s.scrub,
		"GET /v1/audit":                       s.audit,
		"GET /v1/backup":                      s.backupArchive,
		"GET /v1/platforms/{platform}/ticket": s.ticket,
		"POST /v1/platforms/{platform}/authorizations/{appid}":         s.authorize,
		"DELETE /v1/platforms/{platform}/authorizations/{appid}":       s.revoke,
		"PUT /v1/environments/{environment}/functions/{function}/code": s.deploy,
		"POST /v1/environments/{environment}/credential":               s.credential,
		"DELETE /v1/environments/{environment}/credential":             s.revokeCredentials,
		"GET /v1/environments/{environment}/whitelist/suggestion":      s.suggestWhitelist,
		"POST /v1/environments/{environment}/whitelist/trial":          s.tryWhitelist,
		"GET /v1/environments/{environment}/whitelist/history":         s.whitelistHistory,
		"POST /v1/environments/{environment}/whitelist/restore":        s.restoreWhitelist,
		"GET /v1/calls/{rid}": s.explain,
	}
}

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

// handler answers a request of the operator's. What it returns is written as
// JSON; nil is an answer without content.
type handler func(w http.ResponseWriter, r *http.Request, c cloud.Caller) (any, error)

// streamed is returned by a handler that has written its answer itself.
type streamed struct{}

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
	errNotAdmin   = &httpError{http.StatusUnauthorized, tcb.InvalidToken, "give the admin token: Authorization: Bearer TOKEN"}
	errNotRuntime = &httpError{http.StatusUnauthorized, tcb.InvalidToken, "give the environment's credential, which may have been revoked, or the admin token: Authorization: Bearer TOKEN"}
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

func (s *Server) write(w http.ResponseWriter, v any) {
	switch v.(type) {
	case streamed:
	case nil:
		w.WriteHeader(http.StatusNoContent)
	default:
		writeJSON(w, http.StatusOK, v)
	}
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the operator has gone away: nobody to tell
}

// noSuchPath refuses what no route takes: the path, or its method.
func (s *Server) noSuchPath(w http.ResponseWriter, r *http.Request, _ cloud.Caller) (any, error) {
	var allowed []string
	for _, method := range []string{"GET", "POST", "PUT", "DELETE"} {
		other := r.Clone(r.Context())
		other.Method = method
		if _, pattern := s.mux.Handler(other); pattern != "/" {
			allowed = append(allowed, method)
		}
	}
	if len(allowed) == 0 {
		return nil, &httpError{http.StatusNotFound, tcb.InvalidURL, "no such path: /openapi.yaml lists them"}
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	return nil, &httpError{http.StatusMethodNotAllowed, tcb.InvalidURL, "the path takes " + strings.Join(allowed, " or ")}
}

// httpError is a refusal with a status of its own.
type httpError struct {
	status  int
	code    tcb.Code
	message string
}

func (e *httpError) Error() string { return e.message }

// Fault is something in a world file that cannot be.
type Fault struct {
	Line    int    `json:"line,omitempty"`
	Message string `json:"message"`
}

// ErrorBody is the body of every refusal.
type ErrorBody struct {
	Error struct {
		Code    int     `json:"code"`    // the errcode of the kind of fault
		Message string  `json:"message"` // for a person
		RID     string  `json:"rid,omitempty"`
		Faults  []Fault `json:"faults,omitempty"` // of a world file
	} `json:"error"`
}

// statuses is each kind of error in ordinary HTTP; others are 500.
var statuses = map[cloud.Kind]int{
	cloud.Unavailable:         http.StatusServiceUnavailable,
	cloud.InvalidArgs:         http.StatusBadRequest,
	cloud.MalformedBody:       http.StatusBadRequest,
	cloud.MissingParameter:    http.StatusBadRequest,
	cloud.NotFound:            http.StatusNotFound,
	cloud.FunctionNotFound:    http.StatusNotFound,
	cloud.EnvironmentNotFound: http.StatusNotFound,
	cloud.Conflict:            http.StatusConflict,
	cloud.InvalidCode:         http.StatusUnprocessableEntity,
}

func (s *Server) writeError(w http.ResponseWriter, r *http.Request, rid string, err error) {
	var body ErrorBody
	body.Error.RID = rid
	status := http.StatusInternalServerError
	body.Error.Code = int(cloud.CodeOf(err))
	body.Error.Message = cloud.CodeOf(err).Text()
	if he, ok := errors.AsType[*httpError](err); ok {
		status, body.Error.Code, body.Error.Message = he.status, int(he.code), he.message
	}
	if ce, ok := errors.AsType[*cloud.Error](err); ok {
		if known, ok := statuses[ce.Kind]; ok {
			status = known
		}
		if ce.Detail != "" {
			body.Error.Message = ce.Detail
		}
	}
	if faults := worldFaults(err); len(faults) > 0 {
		status, body.Error.Code = http.StatusUnprocessableEntity, int(tcb.InvalidArgs)
		body.Error.Message, body.Error.Faults = "the world file cannot be applied", faults
	}
	if status >= 500 {
		s.log.Error("admin", "rid", rid, "path", r.URL.Path, "err", err)
	}
	writeJSON(w, status, body)
}

// worldFaults returns the faults of a world file that an error tells.
func worldFaults(err error) []Fault {
	var out []Fault
	if we, ok := errors.AsType[cloud.WorldError](err); ok {
		for _, f := range we {
			out = append(out, Fault{f.Line, f.Message})
		}
	}
	if wf, ok := errors.AsType[world.Faults](err); ok {
		for _, f := range wf {
			out = append(out, Fault{f.Line, f.Message})
		}
	}
	return out
}

// readJSON reads a request's body: one JSON value of known members, of at most
// so many bytes.
func readJSON(w http.ResponseWriter, r *http.Request, most int64, v any) error {
	large := &httpError{http.StatusRequestEntityTooLarge, tcb.MalformedBody, fmt.Sprintf("the body is over %d bytes", most)}
	if r.ContentLength > most {
		return large
	}
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, most))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if err == nil {
		if _, err = d.Token(); errors.Is(err, io.EOF) {
			return nil
		}
		err = cmp.Or(err, errors.New("something follows it"))
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return large
	}
	return &httpError{http.StatusBadRequest, tcb.MalformedBody, "the body must be JSON: " + err.Error()}
}
