package admin

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/words"
	"github.com/opentcb/opentcb/tcb"
)

// handler answers a request of the operator's. What it returns is written as
// JSON; nil is an answer without content.
type handler func(w http.ResponseWriter, r *http.Request, c cloud.Caller) (any, error)

// streamed is returned by a handler that has written its answer itself.
type streamed struct{}

// notModified is an answer for what the caller has already.
type notModified struct{}

// made is an answer for what was not there before.
type made struct{ v any }

// accepted is an answer for what has begun and is not done.
type accepted struct{ v any }

// put answers for what was made, or replaced.
func put(v any, isNew bool) any {
	if isNew {
		return made{v}
	}
	return v
}

// resource is what is answered with its ETag, for If-Match.
type resource interface{ ETag() string }

func tagged[T resource](w http.ResponseWriter, v T, err error) (any, error) {
	if err == nil {
		w.Header().Set("ETag", `"`+v.ETag()+`"`)
	}
	return v, err
}

// show answers what a parameter of the path names.
func show[T resource](name string, find func(context.Context, string) (T, error)) handler {
	return noQuery(func(w http.ResponseWriter, r *http.Request, _ cloud.Caller) (any, error) {
		v, err := find(r.Context(), r.PathValue(name))
		return tagged(w, v, err)
	})
}

// putting makes what a parameter of the path names, or replaces it, with what the body
// says of it.
func putting[C any, T resource](
	name string, do func(context.Context, cloud.Caller, string, C) (T, bool, error),
) handler {
	return func(w http.ResponseWriter, r *http.Request, c cloud.Caller) (any, error) {
		var with C
		if err := readChange(w, r, &with); err != nil {
			return nil, err
		}
		v, isNew, err := do(r.Context(), c, r.PathValue(name), with)
		answer, err := tagged(w, v, err)
		return put(answer, isNew), err
	}
}

// changing is putting of what is there, of which the body need not say all.
func changing[C any, T resource](name string, do func(context.Context, cloud.Caller, string, C) (T, error)) handler {
	return putting(name, func(ctx context.Context, c cloud.Caller, id string, with C) (T, bool, error) {
		v, err := do(ctx, c, id, with)
		return v, false, err
	})
}

// write writes what a handler returned.
func (s *Server) write(w http.ResponseWriter, v any) {
	switch v := v.(type) {
	case streamed:
	case notModified:
		w.WriteHeader(http.StatusNotModified)
	case accepted:
		writeJSON(w, http.StatusAccepted, v.v)
	case made:
		writeJSON(w, http.StatusCreated, v.v)
	case nil:
		w.WriteHeader(http.StatusNoContent)
	default:
		writeJSON(w, http.StatusOK, v)
	}
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store") // tokens, tickets and credentials are among them
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the operator may have gone away
}

// httpError is a refusal with a status of its own.
type httpError struct {
	status  int
	code    tcb.Code
	message string
}

// Error returns the message.
func (e *httpError) Error() string { return e.message }

// ErrorBody is the body of every refusal.
type ErrorBody struct {
	Error struct {
		Code    int          `json:"code"`             // the errcode of the kind of error
		Message string       `json:"message"`          // for a person
		Member  string       `json:"member,omitempty"` // of the body or the query, that is at fault
		RID     string       `json:"rid,omitempty"`
		Faults  words.Faults `json:"faults,omitempty"` // of a world file
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
	cloud.LimitReached:        http.StatusTooManyRequests,
	cloud.WrongTokenKind:      http.StatusForbidden,
}

// whyNot returns why storage failed, for the operator: what the error says, or
// what /readyz does.
func (s *Server) whyNot(r *http.Request, err error) string {
	if known, ok := errors.AsType[cloud.Reasoned](err); ok && known.Reason() != "" {
		return known.Reason()
	}
	if cloud.CodeOf(err) == tcb.SystemBusy {
		h := s.cloud.Health(r.Context())
		if reasons := slices.Concat(h.Unavailable, h.Degraded); len(reasons) > 0 {
			return strings.Join(reasons, "; ")
		}
	}
	return cloud.CodeOf(err).Text()
}

// writeError writes a refusal. The cause of an error of the server's own is
// logged under the rid and not shown.
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
		switch {
		case ce.Detail != "":
			body.Error.Message = ce.Detail
		case status >= 500:
			body.Error.Message = s.whyNot(r, err)
		}
		if body.Error.Member = ce.Member; ce.Member != "" && ce.Kind == cloud.InvalidArgs {
			status = http.StatusUnprocessableEntity
		}
	}
	if errors.Is(err, cloud.ErrVersion) {
		status = http.StatusPreconditionFailed
	}
	if found, ok := errors.AsType[words.Faults](err); ok {
		status, body.Error.Code = http.StatusUnprocessableEntity, int(tcb.InvalidArgs)
		body.Error.Message, body.Error.Faults = "the world file cannot be applied", found
	}
	if status >= 500 {
		s.log.Error("admin", "rid", rid, "path", r.URL.Path, "err", err)
	}
	writeJSON(w, status, body)
}
