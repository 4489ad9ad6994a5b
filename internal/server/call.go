package server

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/tcb"
)

// endpoint is one interface: its data, and what it does with a call that has
// passed the checks.
type endpoint struct {
	path       string // its last element is the interface's name
	iface      cloud.Interface
	noToken    bool         // the body proves who calls
	noBody     bool         // takes no body; what comes is ignored (CS-2)
	maxBody    int          // the largest body, in bytes; 0: maxBody
	keepsBody  bool         // the body is needed until the call is answered
	documented []cloud.Kind // faults of the body that its document lists (EN-12)

	query  func(v *visit) error // checks what else the query brings; nil: nothing
	secret bool                 // its body brings a secret, of component_appid and perhaps authorizer_appid
	names  []string             // what its calls name, for rules of faults
	decode func(body []byte) (any, error)
	handle func(ctx context.Context, s *Server, v *visit, req any) (any, error)
	// proofOf returns whose secret a body brings, by which guesses are told
	// apart: a platform's, or a Mini Program's at a platform. Nil: it brings none.
	proofOf func(req any) (platform, appid string)
}

// What several interfaces have in common.
var (
	// bodyFaults are the faults of a body, which most documents list.
	bodyFaults = []cloud.Kind{cloud.EmptyBody, cloud.MalformedBody, cloud.InvalidArgs}
	// developerSets are the permission sets for developing a merchant's cloud
	// functions, one of which the /tcb/ interfaces need.
	developerSets = []int{49, 64}
)

// handler is what an interface does with a call, whose body is req.
type handler[Req, Resp any] func(ctx context.Context, s *Server, v *visit, req *Req) (Resp, error)

// call completes an endpoint whose body must have every member of Req.
func call[Req, Resp any](e endpoint, do handler[Req, Resp]) endpoint {
	return callWith(e, everyMember[Req](), do)
}

// callWith completes an endpoint with its name, with decode, which wants some
// members of the body, and with handle, made from a typed handler.
func callWith[Req, Resp any](e endpoint, required func(*Req) []member, do handler[Req, Resp]) endpoint {
	e.iface.Name = cmp.Or(e.iface.Name, path.Base(e.path))
	e.names = namesOf[Req](e.iface)
	if e.secret {
		members := membersOf[Req]()
		platform, appid := slices.Index(members, "component_appid"), slices.Index(members, "authorizer_appid")
		e.proofOf = func(req any) (string, string) { return textOf(req, platform), textOf(req, appid) }
	}
	e.decode = func(body []byte) (any, error) {
		req, err := decode(body, required)
		if req == nil {
			return nil, err
		}
		return req, err
	}
	e.handle = func(ctx context.Context, s *Server, v *visit, req any) (any, error) {
		r, _ := req.(*Req)
		return do(ctx, s, v, r)
	}
	return e
}

// namesOf returns what the calls of an interface name, by its tokens and the members
// of its body.
func namesOf[Req any](iface cloud.Interface) []string {
	names := []string{"platform"}
	of := map[string]string{"authorizer_appid": "appid", "env": "env", "function_name": "function"}
	for _, member := range membersOf[Req]() {
		if name := of[member]; name != "" {
			names = append(names, name)
		}
	}
	if iface.Tokens&cloud.AuthorizerToken != 0 {
		names = append(names, "appid")
	}
	return names
}

// entrance is the interface's way through the door.
func (e *endpoint) entrance() entrance {
	return entrance{name: e.iface.Name, serve: e.serve, refuse: func(v *visit, err error) {
		answer(v.w, http.StatusOK, failure(err, v.rid))
	}}
}

// slowBody is how long a body may take to arrive before its caller is
// authenticated again.
const slowBody = 50 * time.Millisecond

// serve takes a call through the checks to its handler, and answers it. The
// numbers are those of the order that every interface follows (EN-11).
func (e *endpoint) serve(s *Server, v *visit) error {
	if v.r.Method != http.MethodPost { // 1
		return cloud.Refused(cloud.WrongMethod, "")
	}
	// A caller that closes its sending side is still there for the answer,
	// though net/http takes it for gone and ends the request's context.
	present := context.WithoutCancel(v.r.Context())
	ctx, end := s.cloud.WithCallDeadline(present)
	defer func() { end() }()
	err := e.authenticate(ctx, s, v) // 2 to 7
	if v.caller.Bounded {
		from, _ := s.clientOf(v.r)
		err = s.cloud.Admit(ctx, v.caller, e.iface, from, err) // 8
	}
	if err != nil {
		return s.cloud.Refuse(v.caller, e.iface.Name, err)
	}
	reader := bodyReader{budget: &s.bodies, isOpen: e.noToken, most: e.maxBody}
	defer reader.end()
	req, slow, err := e.body(v, &reader) // 9 to 12
	v.env = cmp.Or(v.env, envOf(req))
	if err == nil {
		var waited bool
		waited, err = e.awaitTurn(present, s, v, req)
		slow = slow || waited
	}
	if slow {
		end()
		ctx, end = s.cloud.WithCallDeadline(present)
		if err == nil {
			err = e.authenticate(ctx, s, v) // what held then may not hold now (CR-9)
		}
	}
	if err != nil {
		return s.cloud.Refuse(v.caller, e.iface.Name, err)
	}
	resp, err := e.handle(ctx, s, v, req) // 12 and 13
	if err = e.checked(s, v, req, err); err != nil {
		return e.asDocumented(err)
	}
	answer(v.w, http.StatusOK, resp)
	return nil
}

// authenticate finds out who calls, and what it may do.
func (e *endpoint) authenticate(ctx context.Context, s *Server, v *visit) error {
	if e.noToken {
		return nil
	}
	token := queryToken(v.r)
	if token == "" { // 2
		return cloud.Refused(cloud.MissingToken, "")
	}
	var err error
	v.caller, err = s.cloud.Authenticate(ctx, token, e.iface, v.rid) // 3 to 7
	return err
}

// body reads and decodes the body of a call, and reports whether it was slow
// to arrive.
func (e *endpoint) body(v *visit, reader *bodyReader) (req any, slow bool, err error) {
	if e.noBody {
		return nil, false, nil
	}
	if e.query != nil {
		if err := e.query(v); err != nil {
			return nil, false, err
		}
	}
	switch {
	case e.noToken:
		reader.buf = make([]byte, 0, freeOpenBody)
	case e.keepsBody:
		reader.buf = make([]byte, 0, freeBody)
	default:
		buf := buffers.Get().(*[]byte) // a larger one that the body needs is not kept
		defer buffers.Put(buf)
		reader.buf = *buf
	}
	if !e.keepsBody {
		defer reader.end()
	}
	body, err := reader.read(v.w, v.r)
	slow = time.Since(v.begin) > slowBody
	if err != nil {
		return nil, slow, e.asDocumented(err)
	}
	req, err = e.decode(body)
	return req, slow, e.asDocumented(err)
}

// envOf returns the environment that a call names, "" if it names none.
func envOf(req any) string {
	var env *string
	switch r := req.(type) {
	case *tcb.UseCloudAccessTokenRequest:
		env = r.Env
	case *tcb.DownloadFunctionRequest:
		env = r.Env
	case *tcb.CreateFunctionRequest:
		env = r.Env
	case *tcb.ListFunctionsRequest:
		env = r.Env
	case *tcb.UploadFuncConfigRequest:
		env = r.Env
	case *tcb.GetFuncConfigRequest:
		env = r.Env
	}
	if env == nil {
		return ""
	}
	return *env
}

// asDocumented turns a fault of the body that the interface's document does
// not list into MissingParameter, with a detail that says what is wrong
// (EN-12). It returns every other error as it is.
func (e *endpoint) asDocumented(err error) error {
	ce, ok := errors.AsType[*cloud.Error](err)
	if !ok || !slices.Contains(bodyFaults, ce.Kind) || slices.Contains(e.documented, ce.Kind) {
		return err
	}
	detail := ce.Detail
	if detail == "" {
		detail = ce.Kind.Code().Text()
	}
	return &cloud.Error{Kind: cloud.MissingParameter, Detail: detail, Err: ce.Err}
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
