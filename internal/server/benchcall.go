package server

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/inject"
	"github.com/opentcb/opentcb/internal/journal"
	"github.com/opentcb/opentcb/tcb"
)

// everyName are the members of a match that calls may have, beside their path.
var everyName = []string{"platform", "appid", "env", "function"}

// injectable are the interfaces as rules of faults know them.
func injectable() map[string]inject.Interface {
	all := map[string]inject.Interface{
		inject.Link: {Names: everyName}, inject.Upload: {Path: "/", Names: everyName},
		inject.CloudCall: {Names: []string{"appid", "env"}}, decisions.name: {Names: []string{"appid", "env"}},
		inject.Push: {Names: []string{"platform", "appid"}}, inject.Consent: {Names: []string{"platform", "appid"}},
		elsewhere.name: {},
	}
	for _, e := range endpoints {
		all[e.iface.Name] = inject.Interface{Path: e.path, Names: e.names}
	}
	return all
}

// ruleName is what rules and the journal call an entrance.
func ruleName(entrance string) string {
	switch entrance {
	case downloads.name:
		return inject.Link
	case uploads.name:
		return inject.Upload
	}
	return entrance
}

// identify finds out what the rules ask of a call before it is carried out: whose it
// is by its token, and what it is about by its body, which is read ahead if a rule
// wants to know.
func (t *onBench) identify(v *visit) {
	token := ""
	switch t.call.Interface {
	case inject.Link:
		token = linkToken(rawPath(v.r))
	case inject.Upload:
		token = v.r.Header.Get("X-TC-Token")
	case inject.CloudCall:
		token = parseCloudQuery(v.r.URL.RawQuery).token
	case inject.Consent:
		query, form := v.r.URL.Query(), url.Values{}
		if v.r.Method == http.MethodPost {
			form, _ = url.ParseQuery(string(t.readAhead(v)))
		}
		t.call.Platform = query.Get("component_appid")
		t.call.AppID = cmp.Or(form.Get("appid"), query.Get("biz_appid"))
	default:
		token = queryToken(v.r)
	}
	if holder, ok := t.server.cloud.HolderOf(token); ok && token != "" {
		t.token = token
		t.call.Platform, t.call.AppID = holder.Platform, holder.AppID
		t.call.Env, t.call.Function = holder.Env, holder.Function
	}
	who, what := t.rules.Wants(t.call.Interface)
	isUpload := t.call.Interface == inject.Upload
	if isUpload && what || !isUpload && (who || what) && t.server.interfaces[t.call.Path] != nil {
		about(t.readAhead(v), &t.call)
	}
}

// readAhead returns the body of a call, which is then there once more.
func (t *onBench) readAhead(v *visit) []byte {
	most := int64(maxBody)
	if t.call.Interface == inject.Upload {
		most = maxUpload
		_ = http.NewResponseController(v.w).SetReadDeadline(time.Now().Add(t.server.transferTime))
	}
	body, err := io.ReadAll(io.LimitReader(t.body.ReadCloser, most))
	rest := io.Reader(t.body.ReadCloser)
	if err != nil {
		rest = failing{err}
	}
	t.body.ReadCloser = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(body), rest), t.body.ReadCloser}
	return body
}

// failing is a body that could not be read.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// about notes what the body of a call says that it is about, beside what is known.
func about(body []byte, call *journal.Match) (action string) {
	var names struct {
		Action   string `json:"action"`
		Platform string `json:"component_appid"`
		AppID    string `json:"authorizer_appid"`
		Env      string `json:"env"`
		Function string `json:"function_name"`
		EnvID    string `json:"EnvId"`        // of an upload
		Name     string `json:"FunctionName"` // of an upload
	}
	_ = json.Unmarshal(body, &names) // a body that is none names nothing, or some
	for _, name := range []struct {
		to *string
		is string
	}{
		{&call.Platform, names.Platform}, {&call.AppID, names.AppID},
		{&call.Env, names.Env}, {&call.Env, names.EnvID},
		{&call.Function, names.Function}, {&call.Function, names.Name},
	} {
		if *name.to == "" {
			*name.to = name.is
		}
	}
	return names.Action
}

// note writes a visit into the journal.
func (t *onBench) note(v *visit) {
	t.readIgnored(v)
	e := &journal.Entry{
		At: t.at.UnixMilli(), Match: t.call, From: t.server.addressOf(v.r),
		Method: v.r.Method, Host: v.r.Host,
		Query: journal.MaskText(v.r.URL.RawQuery), Headers: journal.MaskHeaders(v.r.Header),
		Body: journal.MaskBody(t.body.kept, t.zip), BodyBytes: t.body.size, BodyCut: t.body.isCut(), RID: v.rid,
		TookMS: float64(time.Since(v.begin).Microseconds()) / 1000,
	}
	e.Action = about(t.body.kept, &e.Match)
	for _, known := range []struct {
		to *string
		is string
	}{{&e.Platform, v.caller.Platform}, {&e.AppID, v.caller.AppID}, {&e.Env, v.env}} {
		if known.is != "" {
			*known.to = known.is
		}
	}
	e.Path, e.Action = journal.MaskText(e.Path), journal.MaskText(e.Action)
	e.Env, e.Function = journal.MaskText(e.Env), journal.MaskText(e.Function)
	t.noteAnswer(e)
	if t.call.Path == downloadFunction.path {
		t.reissued()
	}
	t.journal.Add(e)
}

// ignoredTime is how long a body may take to arrive that the interface ignores.
const ignoredTime = time.Second

// readIgnored reads the body of a call that was answered without it.
func (t *onBench) readIgnored(v *visit) {
	if t.outcome == nil && t.body.size == 0 && v.r.ContentLength > 0 && v.r.Header.Get("Expect") == "" && t.acting == nil {
		_ = http.NewResponseController(v.w).SetReadDeadline(time.Now().Add(ignoredTime))
		readRest(v.w, v.r)
	}
}

// noteAnswer writes how a visit was answered.
func (t *onBench) noteAnswer(e *journal.Entry) {
	e.Answer, e.AnswerBytes, e.AnswerCut = t.answer.text(), t.answer.size, t.answer.isTooLong()
	e.AnswerHeaders = journal.MaskHeaders(t.answer.Header())
	e.Status = t.answer.status
	a := t.acting
	if a != nil {
		e.Fault = &journal.Fault{Rule: a.ID, Did: a.String()}
	}
	if a == nil || a.Status == nil && !a.Reset && !a.Stall {
		code := int(codeOf(t.outcome))
		e.ErrCode = &code
	}
	if t.outcome != nil {
		e.Reason = codeOf(t.outcome).Text()
		if detail := detailOf(t.outcome); detail != "" && detail != e.Reason {
			e.Reason += ": " + detail
		}
		if a != nil {
			e.Reason = fmt.Sprintf("injected by rule %s: %s", a.ID, a.String())
		}
		e.Reason = journal.MaskText(e.Reason)
	}
}

// injectedError is the refusal that a rule wants, in the envelope of the interface.
type injectedError struct {
	code tcb.Code
	msg  string
	as   *cloud.Error // what an envelope without errcode says in its place
}

// Error says what was injected.
func (e *injectedError) Error() string { return fmt.Sprintf("%v: %d %s", errInjected, e.code, e.msg) }

// Unwrap returns the error of the rules that comes nearest.
func (e *injectedError) Unwrap() error { return e.as }

func newInjectedError(iface string, code int, msg string) *injectedError {
	e := &injectedError{code: tcb.Code(code), msg: msg}
	if e.msg == "" {
		e.msg = e.code.Text()
	}
	e.as = &cloud.Error{Kind: kindOfCode(e.code, iface), Detail: e.msg}
	return e
}

// kindOfCode returns the kind of error of an errcode, for an interface that has its
// own words for some kinds.
func kindOfCode(code tcb.Code, iface string) cloud.Kind {
	if code == tcb.SystemBusy {
		return cloud.Unavailable
	}
	for kind := cloud.Internal; kind < 256; kind++ {
		_, ofUpload := uploadCodes[kind]
		_, ofLink := linkRefusals[kind]
		isKnown := iface == inject.Upload && ofUpload || iface == inject.Link && ofLink ||
			iface != inject.Upload && iface != inject.Link
		if kind.Code() == code && isKnown {
			return kind
		}
	}
	return cloud.Internal
}

// injected returns what a rule did to a visit, for the log; "" if none did.
func (v *visit) injected() string {
	if v.bench == nil || v.bench.acting == nil {
		return ""
	}
	return v.bench.acting.String() + " by rule " + strings.TrimSpace(v.bench.acting.ID)
}
