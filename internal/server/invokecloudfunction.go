package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/invoke"
	"github.com/opentcb/opentcb/tcb"
)

// maxEvent is the largest event, in bytes (IV-2).
const maxEvent = 6 << 20

var invokeCloudFunction = endpoint{
	path: "/tcb/invokecloudfunction",
	iface: cloud.Interface{
		Name:   "invokecloudfunction",
		Tokens: cloud.AuthorizerToken | cloud.ComponentToken, // common and batch environments
		Sets:   developerSets,
	},
	documented: []cloud.Kind{cloud.EmptyBody},
	query:      namesFunction,
	maxBody:    maxEvent,
	keepsBody:  true,
	decode:     decodeEvent,
	handle:     runFunction,
}

// namesFunction is the first part of IV-2.
func namesFunction(v *visit) error {
	q := v.r.URL.Query()
	v.env = q.Get("env")
	return missing([]member{{"env", v.env == ""}, {"name", q.Get("name") == ""}}, nil)
}

// decodeEvent takes a body as an event, which may be any JSON.
func decodeEvent(body []byte) (any, error) {
	if len(body) == 0 {
		return nil, cloud.Refused(cloud.EmptyBody, "")
	}
	if !json.Valid(body) {
		return nil, cloud.Refused(cloud.MalformedBody, "the event is no JSON")
	}
	return body, nil
}

func runFunction(ctx context.Context, s *Server, v *visit, req any) (any, error) {
	event, _ := req.([]byte)
	begin := time.Now()
	inv, err := s.cloud.Invocation(ctx, v.caller, v.env, v.r.URL.Query().Get("name"))
	var result []byte
	if err == nil {
		// The wait ends with the call's own time, and when the caller goes away (IV-10).
		result, err = s.invoker.Run(v.r.Context(), invoke.Call{
			Runtime: inv.Runtime, AppID: inv.Account, Env: inv.Env, Function: inv.Function, Sum: inv.Sum,
			RID: v.rid, Event: withUserInfo(event, inv.Account),
		})
	}
	err = s.cloud.RecordInvocation(v.caller, inv, time.Since(begin), invocationError(err))
	return tcb.InvokeCloudFunctionResponse{Status: tcb.Success(), RespData: string(result)}, err
}

// failureKinds are the kinds of errors by how a function's call ended (IV-6, IV-7).
var failureKinds = map[invoke.Reason]cloud.Kind{
	invoke.Unreachable: cloud.RuntimeUnreachable,
	invoke.Unanswered:  cloud.InvocationTimeout,
	invoke.Busy:        cloud.TooManyInvocations,
	invoke.Failed:      cloud.FunctionFailed,
	invoke.TimedOut:    cloud.FunctionTimeout,
	invoke.TooLarge:    cloud.ResultTooLarge,
}

// invocationError returns a failure as an error of the rules, and others as they are.
func invocationError(err error) error {
	f, ok := errors.AsType[*invoke.Failure](err)
	if !ok {
		return err
	}
	return &cloud.Error{Kind: failureKinds[f.Reason], Detail: f.Message, Err: f.Err}
}

// withUserInfo gives an event that is an object its userInfo, in place of what the
// caller put there (IV-4). Other events stay as they are.
func withUserInfo(event []byte, appid string) []byte {
	event = bytes.TrimLeft(event, " \t\r\n")
	if len(event) == 0 || event[0] != '{' {
		return event
	}
	info, _ := json.Marshal(map[string]map[string]string{"userInfo": {"appId": appid}})
	in, out := json.NewDecoder(bytes.NewReader(event)), bytes.NewBuffer(make([]byte, 0, len(event)+len(info)))
	out.Write(info[:len(info)-1])
	_, _ = in.Token() // the brace; the event is known to be JSON
	for in.More() {
		name, _ := in.Token()
		var value json.RawMessage
		if in.Decode(&value) != nil || name == "userInfo" {
			continue
		}
		key, _ := json.Marshal(name)
		for _, part := range [][]byte{{','}, key, {':'}, value} {
			out.Write(part)
		}
	}
	out.WriteByte('}')
	return out.Bytes()
}

// Invocations returns how many calls wait for a function, and how many of one
// environment may.
func (s *Server) Invocations() (now, most int) { return s.invoker.UnderWay() }
