package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/inject"
	"github.com/opentcb/opentcb/internal/journal"
	"github.com/opentcb/opentcb/tcb"
)

// testBench is a server in test mode on a port of its own, and a token.
type testBench struct {
	*fixture
	url   string
	token string
}

func newTestBench(t *testing.T) *testBench {
	t.Helper()
	f := newFixture(t, Config{TestMode: true, Bench: NewBench()})
	ts := httptest.NewServer(f)
	t.Cleanup(ts.Close)
	t.Cleanup(f.bench.End)
	b := &testBench{fixture: f, url: ts.URL}
	b.token = f.fixtureToken(t)
	return b
}

// fixtureToken is token, under a name that does not hide it.
func (f *fixture) fixtureToken(t *testing.T) string { return f.token(t) }

// inject adds a rule.
func (b *testBench) inject(t *testing.T, text string) string {
	t.Helper()
	var rule inject.Rule
	must(t, json.Unmarshal([]byte(text), &rule))
	listed, err := b.bench.Faults().Add(rule, beginning)
	must(t, err)
	if listed.Never != "" {
		t.Fatalf("%s: %s", text, listed.Never)
	}
	return listed.ID
}

// call calls an interface and returns status and answer, or the error of the
// connection.
func (b *testBench) call(t *testing.T, path, body string) (int, string, error) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Post(b.url+path, "application/json", strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}

// create creates a function.
func (b *testBench) create(t *testing.T, name string) (int, string, error) {
	t.Helper()
	return b.call(t, "/tcb/createfunction?access_token="+b.token, `{"env":"`+env+`","function_name":"`+name+`"}`)
}

func (b *testBench) isThere(t *testing.T, name string) bool {
	t.Helper()
	_, text, err := b.call(t, "/tcb/listfunctions?access_token="+b.token, `{"env":"`+env+`"}`)
	must(t, err)
	return strings.Contains(text, `"`+name+`"`)
}

// last returns the latest entry of the journal of an interface.
func (b *testBench) last(t *testing.T, iface string) *journal.Entry {
	t.Helper()
	all := b.bench.Journal().Find(journal.Filter{Match: journal.Match{Interface: iface}}, 0, journal.MaxEntries)
	if len(all) == 0 {
		t.Fatalf("the journal has no call of %s", iface)
	}
	return all[len(all)-1]
}

// recorded returns the audit record of a call that says injected.
func (b *testBench) recorded(t *testing.T, rid string) (found cloud.Record) {
	t.Helper()
	must(t, b.cloud.Records(t.Context(), cloud.RecordFilter{}, func(r cloud.Record) error {
		if strings.HasPrefix(r.Detail, "injected: ") && r.RID == rid {
			found = r
		}
		return nil
	}))
	return found
}

// TestFaultsActBefore: what these faults answer, and that the call was not carried
// out. What they did stands in journal, log and audit.
//
// Proves: FA-2, FA-4
func TestFaultsActBefore(t *testing.T) {
	t.Parallel()
	b := newTestBench(t)
	for _, c := range []struct {
		do, did string
		status  int
		holds   string // of the answer; "": the connection breaks
	}{
		{`{"errcode":-1}`, "errcode -1", 200, `{"errcode":-1,"errmsg":"system error rid: `},
		{`{"errcode":45009}`, "errcode 45009", 200, `{"errcode":45009,"errmsg":"reach max api daily quota limit rid: `},
		{`{"errcode":12345,"errmsg":"of the test"}`, "errcode 12345", 200, `{"errcode":12345,"errmsg":"of the test rid: `},
		{`{"status":{"code":502,"body":"<html>bad gateway</html>"}}`, "status 502", 502, `<html>bad gateway</html>`},
		{`{"status":{"code":503}}`, "status 503", 503, "Service Unavailable\n"},
		{`{"reset":true}`, "reset", 0, ""},
	} {
		id := b.inject(t, `{"match":{"interface":"createfunction","function":"another"},"do":`+c.do+`}`)
		status, text, err := b.create(t, "another")
		isRight := err == nil && status == c.status && strings.HasPrefix(text, c.holds)
		if c.holds == "" && err == nil || c.holds != "" && !isRight {
			t.Errorf("%s: %d %s %v", c.do, status, text, err)
		}
		e := b.last(t, "createfunction")
		if e.Fault == nil || e.Fault.Rule != id || e.Fault.Did != c.did || e.Status != c.status ||
			e.Platform != platform || e.AppID != mini {
			t.Errorf("%s: the journal has %+v, %+v", c.do, e, e.Fault)
		}
		if !strings.Contains(b.log.String(), `injected="`+c.did+" by rule "+id+`"`) {
			t.Errorf("%s: it is not in the log", c.do)
		}
		if last := b.recorded(t, e.RID); last.Detail != "injected: "+c.did || last.Target != "fault "+id ||
			last.Platform != platform || e.ErrCode != nil && int(last.Code) != *e.ErrCode {
			t.Errorf("%s: the audit record has %+v", c.do, last)
		}
		b.bench.Faults().Clear()
	}
	if b.isThere(t, "another") {
		t.Error("a call was carried out")
	}
}

// TestDelay: the call waits, and then is carried out.
//
// Proves: FA-2
func TestDelay(t *testing.T) {
	t.Parallel()
	b := newTestBench(t)
	b.inject(t, `{"match":{"interface":"createfunction"},"do":{"delay":"80ms"}}`)
	began := time.Now()
	_, text, err := b.create(t, "late")
	took := time.Since(began)
	if err != nil || !strings.Contains(text, `"errcode":0`) || took < 80*time.Millisecond || !b.isThere(t, "late") {
		t.Errorf("after %v: %s %v", took, text, err)
	}
	// One that is removed lets go of those who wait.
	id := b.inject(t, `{"match":{"interface":"getcodesecret"},"do":{"delay":"10m"}}`)
	answered := make(chan error)
	go func() {
		_, _, err := b.call(t, "/tcb/getcodesecret?access_token="+b.token, "")
		answered <- err
	}()
	waitFor(t, func() bool { return b.bench.Faults().List(beginning)[1].Hits == 1 })
	b.bench.Faults().Remove(id)
	must(t, <-answered)
}

// TestStall: nothing is answered until the caller gives up, and nothing carried out;
// the end of the server ends it, too.
//
// Proves: FA-2
func TestStall(t *testing.T) {
	t.Parallel()
	b := newTestBench(t)
	b.inject(t, `{"match":{"interface":"createfunction"},"do":{"stall":true}}`)
	ctx, giveUp := context.WithCancel(t.Context())
	ended := make(chan error)
	stall := func(ctx context.Context) {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, b.url+"/tcb/createfunction?access_token="+b.token,
			strings.NewReader(`{"env":"`+env+`","function_name":"never"}`))
		if err == nil {
			_, err = http.DefaultClient.Do(r) //nolint:bodyclose // there is no answer
		}
		ended <- err
	}
	go stall(ctx)
	waitFor(t, func() bool { return b.bench.Faults().List(beginning)[0].Hits == 1 })
	if len(b.bench.Journal().Find(journal.Filter{Match: journal.Match{Interface: "createfunction"}}, 0, 1)) != 0 {
		t.Error("it ended by itself")
	}
	giveUp()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	waitFor(t, func() bool {
		return len(b.bench.Journal().Find(journal.Filter{Match: journal.Match{Interface: "createfunction"}}, 0, 1)) == 1
	})
	if e := b.last(t, "createfunction"); e.Status != 0 || e.Answer != "" || e.Body == "" || e.Fault.Did != "stall" {
		t.Errorf("the journal has %+v", e)
	}
	if b.isThere(t, "never") {
		t.Error("it was carried out")
	}
	go stall(t.Context())
	waitFor(t, func() bool { return b.bench.Faults().List(beginning)[0].Hits == 2 })
	b.bench.End()
	if err := <-ended; err == nil {
		t.Error("it was answered")
	}
}

// TestLoseAnswer: a call is carried out and its caller does not learn it. What it
// finds when it repeats the call.
//
// Proves: FA-2
func TestLoseAnswer(t *testing.T) {
	t.Parallel()
	b := newTestBench(t)
	lost := func(iface string) {
		b.inject(t, `{"match":{"interface":"`+iface+`"},"when":{"times":1},"do":{"lose_answer":true}}`)
	}
	repeated := func(iface, path, body string) string {
		t.Helper()
		lost(iface)
		if status, text, err := b.call(t, path, body); err == nil {
			t.Fatalf("%s: %d %s", iface, status, text)
		}
		e := b.last(t, iface)
		if e.Fault == nil || e.Fault.Did != "lose_answer" || e.Status != 200 || *e.ErrCode != 0 || e.Answer == "" {
			t.Errorf("%s: the journal has %+v", iface, e)
		}
		_, text, err := b.call(t, path, body)
		must(t, err)
		return text
	}
	// A set is answered like the first time, with the version of the first.
	if text := repeated("usecloudaccesstoken", "/tcb/usecloudaccesstoken?access_token="+b.token,
		`{"action":"set","env":"`+env+`","open":true,"api_whitelist":["/wxa/*"],"version":2}`); !strings.Contains(text, `"errcode":0`) {
		t.Errorf("set: %s", text)
	}
	if _, text, _ := b.call(t, "/tcb/usecloudaccesstoken?access_token="+b.token, `{"action":"get","env":"`+env+`"}`); !strings.Contains(text, `"version":4`) {
		t.Errorf("the set counted twice: %s", text)
	}
	// A refresh token still works, and the token that was lost is not missed.
	var component tcb.ComponentTokenResponse
	b.post(t, "/cgi-bin/component/api_component_token",
		`{"component_appid":"`+platform+`","component_appsecret":"`+secret+`","component_verify_ticket":"`+ticket+`"}`, &component)
	credential := "?component_access_token=" + component.ComponentAccessToken
	text := repeated("api_authorizer_token", "/cgi-bin/component/api_authorizer_token"+credential,
		`{"component_appid":"`+platform+`","authorizer_appid":"`+mini+`","authorizer_refresh_token":"`+refresh+`"}`)
	if !strings.Contains(text, `"authorizer_refresh_token":"`+refresh+`"`) {
		t.Errorf("refresh: %s", text)
	}
	// An upload is answered like the first time, and its code is there once.
	body := b.uploadBody(t, b.token, zipOf(t, []byte("lost")))
	headers := b.signed(t, b.token, strings.TrimPrefix(b.url, "http://"), body)
	send := func() (*http.Response, error) {
		r, err := http.NewRequest(http.MethodPost, b.url+"/", bytes.NewReader(body))
		must(t, err)
		r.Header = headers
		return http.DefaultClient.Do(r)
	}
	lost("upload")
	if resp, err := send(); err == nil {
		t.Fatalf("upload: %d", resp.StatusCode)
	}
	e := b.last(t, "upload")
	if e.Function != function || e.Env != env || !strings.Contains(e.Body, `"ZipFile":"zip of `) || e.AppID != mini {
		t.Errorf("the journal has %+v", e)
	}
	resp, err := send()
	must(t, err)
	answer, err := io.ReadAll(resp.Body)
	must(t, errors.Join(err, resp.Body.Close()))
	if strings.Contains(string(answer), "Error") {
		t.Errorf("upload: %s", answer)
	}
	// A code is used up: whoever loses the answer needs the merchant's consent again.
	code, err := b.cloud.Authorize(t.Context(), b.cloud.OperatorCaller("test"), platform, mini, []int{49})
	must(t, err)
	text = repeated("api_query_auth", "/cgi-bin/component/api_query_auth"+credential,
		`{"component_appid":"`+platform+`","authorization_code":"`+code.Value+`"}`)
	if !strings.Contains(text, `"errcode":61009`) {
		t.Errorf("query_auth: %s", text)
	}
}

// TestLinks: a link's answer is altered, cut off or expired.
//
// Proves: FA-2, FA-3
func TestLinks(t *testing.T) {
	t.Parallel()
	b := newTestBench(t)
	code := zipOf(t, bytes.Repeat([]byte("code"), 50_000))
	b.upload(t, b.token, b.url, code)
	link := func() string {
		var answer tcb.DownloadFunctionResponse
		b.post(t, "/tcb/downloadfunction?access_token="+b.token, `{"env":"`+env+`","function_name":"`+function+`"}`, &answer)
		return b.url + answer.URL[strings.Index(answer.URL, "/download/"):]
	}
	address := link()
	download := func() (int, []byte, error) {
		resp, err := http.Get(address)
		must(t, err)
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		return resp.StatusCode, text, err
	}
	b.inject(t, `{"match":{"interface":"link"},"when":{"times":1},"do":{"alter":true}}`)
	_, got, err := download()
	differing := 0
	for i := range got {
		if got[i] != code[i] {
			differing++
		}
	}
	if err != nil || len(got) != len(code) || differing != 1 {
		t.Errorf("altered: %d bytes, %d of them others, %v", len(got), differing, err)
	}
	for _, after := range []string{"0", "1", "100000"} {
		b.inject(t, `{"match":{"interface":"link","function":"login"},"when":{"times":1},"do":{"cut":{"after":`+after+`}}}`)
		if _, got, err := download(); err == nil || after != "100000" && len(got) > 1 || !bytes.HasPrefix(code, got) {
			t.Errorf("cut after %s: %d bytes, %v", after, len(got), err)
		}
	}
	if e := b.last(t, "link"); e.Fault.Did != "cut after 100000 bytes" || strings.Contains(e.Path, address[len(b.url)+10:]) {
		t.Errorf("the journal has %+v", e)
	}
	if _, got, err := download(); err != nil || !bytes.Equal(got, code) {
		t.Errorf("afterwards: %d bytes, %v", len(got), err)
	}
	if e := b.last(t, "link"); !strings.HasPrefix(e.Answer, "zip of ") || e.Fault != nil || e.Platform != platform {
		t.Errorf("the journal has %+v", e)
	}
	b.inject(t, `{"match":{"interface":"link"},"when":{"times":1},"do":{"expire":true}}`)
	for range 2 { // for good
		if status, text, _ := download(); status != http.StatusForbidden || !bytes.Contains(text, []byte("the link has expired")) {
			t.Errorf("expired: %d %s", status, text)
		}
	}
	address = link()
	if status, _, err := download(); err != nil || status != http.StatusOK {
		t.Errorf("another link: %d, %v", status, err)
	}
}

// TestExpire: the caller's token is expired from this call on; another is good.
//
// Proves: FA-3
func TestExpire(t *testing.T) {
	t.Parallel()
	b := newTestBench(t)
	id := b.inject(t, `{"match":{"appid":"`+mini+`"},"when":{"times":1},"do":{"expire":true}}`)
	secretOf := func(token string) string {
		_, text, err := b.call(t, "/tcb/getcodesecret?access_token="+token, "")
		must(t, err)
		return text
	}
	for range 2 {
		if text := secretOf(b.token); !strings.HasPrefix(text, `{"errcode":42001,`) {
			t.Errorf("expired: %s", text)
		}
	}
	if e := b.last(t, "getcodesecret"); e.Fault != nil || *e.ErrCode != 42001 {
		t.Errorf("the journal has %+v", e) // the second time no rule acted
	}
	if another := b.fixtureToken(t); !strings.HasPrefix(secretOf(another), `{"errcode":0,`) {
		t.Error("another token is not good")
	}
	if text := secretOf("false"); !strings.HasPrefix(text, `{"errcode":40014,`) {
		t.Errorf("a false token: %s", text)
	}
	b.bench.Faults().Remove(id)
	b.bench.Reset()
	if text := secretOf(b.token); !strings.HasPrefix(text, `{"errcode":0,`) {
		t.Errorf("after all was forgotten: %s", text)
	}
	// The signature of an upload.
	body := b.uploadBody(t, b.token, zipOf(t, []byte("x")))
	h := b.signed(t, b.token, strings.TrimPrefix(b.url, "http://"), body)
	b.inject(t, `{"match":{"interface":"upload","function":"`+function+`"},"do":{"expire":true}}`)
	answer := uploadTo(t, b.url, h, bytes.NewReader(body), int64(len(body)))
	if answer.Response.Error == nil || answer.Response.Error.Code != "AuthFailure.SignatureExpire" {
		t.Errorf("upload: %+v", answer.Response.Error)
	}
}

// TestInjectedElsewhere: an errcode in the language of each entrance.
//
// Proves: FA-2
func TestInjectedElsewhere(t *testing.T) {
	t.Parallel()
	b := newTestBench(t)
	b.inject(t, `{"do":{"errcode":-1}}`)
	for _, c := range []struct {
		method, target string
		status         int
		holds          string
	}{
		{"POST", "/", 200, `{"Code":"InternalError","Message":"system error: try again"}`},
		{"GET", "/download/x", 503, "system error rid: "},
		{"GET", "/wxa/x?cloudbase_access_token=x", 200, `{"errcode":-1,"errmsg":"system error rid: `},
		{"GET", "/decide/wxa/x?cloudbase_access_token=x", 403, `{"errcode":-1,`},
		{"GET", "/nothing", 404, `{"errcode":-1,`},
		{"GET", "/readyz", 200, `"test_mode":true`},
	} {
		status, text := request(t, c.method, b.url+c.target, strings.NewReader(""))
		if status != c.status || !strings.Contains(text, c.holds) {
			t.Errorf("%s: %d %s", c.target, status, text)
		}
	}
}

// TestJournalHasNoSecrets: whatever is secret on the wire stands nowhere in the
// journal, and what a test wants to see does.
//
// Proves: JN-2, JN-1
func TestJournalHasNoSecrets(t *testing.T) {
	t.Parallel()
	b := newTestBench(t)
	code := zipOf(t, bytes.Repeat([]byte("code"), 1000))
	b.upload(t, b.token, b.url, code)
	var link tcb.DownloadFunctionResponse
	var key tcb.GetCodeSecretResponse
	b.post(t, "/tcb/getcodesecret?access_token="+b.token, "{}", &key)
	names := `{"env":"` + env + `","function_name":"` + function + `"}`
	b.post(t, "/tcb/downloadfunction?access_token="+b.token, names, &link)
	request(t, "GET", b.url+link.URL[strings.Index(link.URL, "/download/"):], nil)
	var status tcb.Status
	b.post(t, "/cgi-bin/component/api_start_push_ticket", `{"component_appid":"`+platform+`","component_secret":"`+secret+`"}`, &status)
	// In places where no secret belongs.
	b.post(t, "/tcb/downloadfunction?access_token="+b.token, `{"env":"`+b.token+`","function_name":"`+b.token+`"}`, &status)
	request(t, "GET", b.url+"/wxa/"+b.token+"?cloudbase_access_token="+b.token, nil)
	b.post(t, "/tcb/createfunction?access_token="+b.token, `{"component_appsecret":"`+secret+`","env":`, &status)
	// The variables of a function: set, read, set in vain, and in a body that is cut.
	const variable, vain = "correct horse battery", "staple"
	for _, value := range []string{variable, vain, vain + strings.Repeat(" pad", journal.MaxBody/4)} {
		config := `{"timeout":5,"environment":[{"key":"GREETING","value":"` + value + `"}]}`
		if value != variable {
			config = strings.Replace(config, "GREETING", "not a name", 1)
		}
		quoted, err := json.Marshal(config)
		must(t, err)
		b.post(t, "/tcb/uploadfuncconfig?access_token="+b.token,
			`{"type":3,"env":"`+env+`","function_name":"`+function+`","config":`+string(quoted)+`}`, &status)
	}
	var config tcb.GetFuncConfigResponse
	b.post(t, "/tcb/getfuncconfig?access_token="+b.token,
		`{"type":3,"env":"`+env+`","function_name":"`+function+`"}`, &config)
	if !strings.Contains(config.Config, variable) {
		t.Errorf("the variable was not set: %+v", config)
	}
	headers := b.signed(t, b.token, "h", []byte("{}"))
	text, err := json.Marshal(b.bench.Journal().Find(journal.Filter{}, 0, journal.MaxEntries))
	must(t, err)
	for name, hidden := range map[string]string{
		"secret": secret, "ticket": ticket, "refresh": refresh, "token": b.token, "key": key.CodeSecret,
		"link": link.URL[strings.LastIndex(link.URL, "/")+1:], "signature": headers.Get("Authorization"),
		"upload": headers.Get("X-TC-Token"), "variable": variable, "variable set in vain": vain,
	} {
		if hidden == "" || bytes.Contains(text, []byte(hidden)) {
			t.Errorf("the journal holds the %s %q", name, hidden)
		}
	}
	for _, shown := range []string{
		journal.Mask("secret", secret), journal.Mask("token", b.token), journal.Mask("key", key.CodeSecret),
		"GREETING", journal.Mask("variable", variable), link.Checksum, `zip of ` + strconv.Itoa(len(code)) + ` bytes, sha256 ` + link.Checksum,
	} {
		if !bytes.Contains(text, []byte(shown)) {
			t.Errorf("the journal does not hold %q: %s", shown, text)
		}
	}
}

// TestJournalCuts: of a long body the beginning is kept, and said so.
//
// Proves: JN-2
func TestJournalCuts(t *testing.T) {
	t.Parallel()
	b := newTestBench(t)
	long := `{"env":"` + env + `","x":"` + strings.Repeat("x ", journal.MaxBody) + `"}`
	_, _, err := b.call(t, "/tcb/listfunctions?access_token="+b.token, long)
	must(t, err)
	e := b.last(t, "listfunctions")
	if !e.BodyCut || e.BodyBytes != int64(len(long)) || len(e.Body) != journal.MaxBody || *e.ErrCode != 0 || e.AnswerCut {
		t.Errorf("%d of %d bytes, cut: %v", len(e.Body), e.BodyBytes, e.BodyCut)
	}
}

// TestFailedCallOfJournal: in test mode a caller is told all of its failed call.
//
// Proves: JN-5
func TestFailedCallOfJournal(t *testing.T) {
	t.Parallel()
	b := newTestBench(t)
	_, text, err := b.call(t, "/tcb/listfunctions?access_token="+b.token, `{"env":"none-at-all"}`)
	must(t, err)
	e := b.last(t, "listfunctions")
	var got tcb.RIDResponse
	b.post(t, "/cgi-bin/openapi/rid/get?access_token="+b.token, `{"rid":"`+e.RID+`"}`, &got)
	masked := "/tcb/listfunctions?access_token=" + journal.Mask("token", b.token)
	if r := got.Request; r == nil || r.RequestBody != `{"env":"none-at-all"}` || r.ResponseBody != text ||
		r.ClientIP != "127.0.0.1" ||
		r.InvokeTime != beginning.Unix() || !strings.HasSuffix(r.RequestURL, masked) {
		t.Errorf("%+v", got)
	}
	_, _, err = b.create(t, "fine")
	must(t, err)
	b.post(t, "/cgi-bin/openapi/rid/get?access_token="+b.token, `{"rid":"`+b.last(t, "createfunction").RID+`"}`, &got)
	if got.ErrCode != tcb.RIDNotFound {
		t.Errorf("a call that succeeded: %+v", got)
	}
}
