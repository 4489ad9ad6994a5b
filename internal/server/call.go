package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/tcb"
)

// inbound is what a handler knows of a call besides its body.
type inbound struct {
	cloud.Caller
	request *http.Request // for what its headers say; its body is read
}

// endpoint is one interface: its data, and what it does with a call that has
// passed the checks.
type endpoint struct {
	path   string
	iface  cloud.Interface
	open   bool         // needs no token: the body proves who calls
	noBody bool         // takes no body; what comes is ignored (CS-2)
	lists  []cloud.Kind // faults of the body that its document lists (EN-12)

	decode func(body []byte) (any, error)
	handle func(ctx context.Context, s *Server, in inbound, req any) (any, error)
}

// call makes an endpoint's decode and handle from a typed handler.
func call[Req, Resp any](e endpoint, s shape[Req], do func(ctx context.Context, s *Server, in inbound, req *Req) (Resp, error)) endpoint {
	e.decode = func(body []byte) (any, error) { return decode(body, s) }
	e.handle = func(ctx context.Context, s *Server, in inbound, req any) (any, error) {
		r, _ := req.(*Req)
		return do(ctx, s, in, r)
	}
	return e
}

// slowBody is how long a body may take to arrive before its caller is looked
// at again.
const slowBody = 50 * time.Millisecond

// handler serves an endpoint: the order of checks (EN-11), the answer, the
// log line and the counts.
func (s *Server) handler(e endpoint) http.Handler {
	m := s.metrics.route(e.iface.Name)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begin := time.Now()
		rid := s.rids.next(begin)
		resp, err := s.serve(e, w, r, rid)
		code := tcb.OK
		if err != nil {
			code = cloud.CodeOf(err)
			resp = failure(err, rid)
		}
		s.answer(w, http.StatusOK, resp)
		m.observe(code, time.Since(begin))
		s.logCall(r.Context(), e.iface.Name, rid, code, err)
	})
}

// serve takes a call through the checks to its handler. The numbers are those
// of the order that every interface follows.
func (s *Server) serve(e endpoint, w http.ResponseWriter, r *http.Request, rid string) (resp any, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &cloud.Error{Kind: cloud.Internal, Err: fmt.Errorf("panic: %v\n%s", p, debug.Stack())}
		}
	}()
	if r.Method != http.MethodPost { // 1
		return nil, &cloud.Error{Kind: cloud.WrongMethod}
	}
	// A caller that closes its sending side is still there for the answer,
	// though net/http takes it for gone and ends the request's context.
	ctx, end := s.cloud.Limit(context.WithoutCancel(r.Context()))
	defer func() { end() }()
	in := inbound{Caller: cloud.Caller{RID: rid}, request: r}
	if !e.open {
		token := queryToken(r)
		if token == "" { // 2
			return nil, &cloud.Error{Kind: cloud.MissingToken}
		}
		in.Caller, err = s.cloud.Authenticate(ctx, token, e.iface, rid) // 3 to 7
		if err != nil {
			return nil, s.cloud.Refuse(in.Caller, e.iface.Name, err)
		}
	}
	// 8: quotas and address lists have their place here.
	req, slow, err := s.body(e, w, r) // 9 to 12
	if slow {
		end()
		ctx, end = s.cloud.Limit(context.WithoutCancel(r.Context()))
		if err == nil && !e.open {
			in.Caller, err = s.cloud.Authenticate(ctx, queryToken(r), e.iface, rid) // what held then may not hold now (CR-9)
		}
	}
	if err != nil {
		return nil, s.cloud.Refuse(in.Caller, e.iface.Name, err)
	}
	resp, err = e.handle(ctx, s, in, req) // 12 and 13
	return resp, e.listed(err)
}

// body reads and decodes the body of a call, and says whether it was slow to
// arrive.
func (s *Server) body(e endpoint, w http.ResponseWriter, r *http.Request) (req any, slow bool, err error) {
	if e.noBody {
		return nil, false, nil
	}
	begin := time.Now()
	buf := bodies.Get().(*[]byte)
	defer bodies.Put(buf)
	body, err := readBody(w, r, (*buf)[:0])
	slow = time.Since(begin) > slowBody
	if err != nil {
		return nil, slow, e.listed(err)
	}
	if cap(body) <= smallBody {
		*buf = body // a larger one is not kept
	}
	req, err = e.decode(body)
	return req, slow, e.listed(err)
}

// listed turns a fault of the request that the interface's document does not
// list into MissingParameter, with a detail that says what is wrong (EN-12).
func (e endpoint) listed(err error) error {
	ce, ok := errors.AsType[*cloud.Error](err)
	if !ok {
		return err
	}
	switch ce.Kind {
	case cloud.EmptyBody, cloud.MalformedBody, cloud.InvalidArgs:
		if !slices.Contains(e.lists, ce.Kind) {
			detail := ce.Detail
			if detail == "" {
				detail = ce.Kind.Code().Text()
			}
			return &cloud.Error{Kind: cloud.MissingParameter, Detail: detail, Err: ce.Err}
		}
	}
	return err
}

// queryToken returns the call credential (EN-6), "" if there is none. A token
// has no character that needs an escape, so the query is read as it stands:
// url.ParseQuery costs more than all else that is done with a token.
func queryToken(r *http.Request) string {
	component := ""
	for pair := range strings.SplitSeq(r.URL.RawQuery, "&") {
		name, value, _ := strings.Cut(pair, "=")
		switch {
		case name == "access_token" && value != "":
			return value
		case name == "component_access_token" && component == "":
			component = value
		}
	}
	return component
}

// logCall writes the line of a call: its rid is what a caller quotes (EN-4).
// Successes are many and say little, so they are for those who ask.
func (s *Server) logCall(ctx context.Context, name, rid string, code tcb.Code, err error) {
	if code == tcb.OK && s.quiet {
		return
	}
	level := slog.LevelDebug
	switch {
	case code == tcb.SystemBusy || code == tcb.SystemError:
		level = slog.LevelError
	case code != tcb.OK:
		level = slog.LevelInfo
	}
	if !s.log.Enabled(ctx, level) {
		return
	}
	attrs := []slog.Attr{slog.String("rid", rid), slog.String("interface", name), slog.Int("errcode", int(code))}
	if err != nil {
		attrs = append(attrs, slog.String("err", err.Error()))
	}
	s.log.LogAttrs(ctx, level, "call", attrs...)
}
