package wirescript

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// serve starts a server with the given handler.
func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

// answers is a handler that always gives this JSON.
func answers(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		io.WriteString(w, body)
	}
}

// failing is a handler that gives a failure with a new rid each time.
func failing(code int, message string) http.HandlerFunc {
	var count atomic.Int64
	return func(w http.ResponseWriter, r *http.Request) {
		rid := fmt.Sprintf("%08x-00000000-%08x", time.Now().Unix(), count.Add(1))
		answers(fmt.Sprintf(`{"errcode":%d,"errmsg":"%s rid: %s"}`, code, message, rid))(w, r)
	}
}

// play plays the steps of one case against a target.
func play(t *testing.T, target Target, steps string) Result {
	t.Helper()
	script, err := parse("x.txt", world+steps)
	if err != nil {
		t.Fatal(err)
	}
	return NewPlayer(target).Play(script)[0]
}

var vars = map[string]string{"c1": "wx00000000000000c1", "a1": "wx00000000000000a1", "test": "test-1", "token c1 a1": "secret-token"}

// TestAnswers plays one request against one answer.
func TestAnswers(t *testing.T) {
	for name, test := range map[string]struct {
		handler http.HandlerFunc
		steps   string
		says    string // "" where the case holds
	}{
		"object":           {answers(`{"b":[1,"x"],"a":true}`), "  GET /\n  => {\"a\":true,\"b\":[1,\"x\"]}\n", ""},
		"other value":      {answers(`{"a":1}`), "  GET /\n  => {\"a\":2}\n", "answer.a"},
		"float":            {answers(`{"a":2.0}`), "  GET /\n  => {\"a\":2}\n", "answer.a"},
		"string of number": {answers(`{"a":"2"}`), "  GET /\n  => {\"a\":2}\n", "answer.a"},
		"more members":     {answers(`{"a":1,"b":2}`), "  GET /\n  => {\"a\":1}\n", "2 members"},
		"more admitted":    {answers(`{"a":1,"b":2}`), "  GET /\n  => {\"a\":1,...}\n", ""},
		"twice":            {answers(`{"a":1,"a":1}`), "  GET /\n  => {\"a\":1}\n", "twice"},
		"trailing":         {answers(`{"a":1}x`), "  GET /\n  => {\"a\":1}\n", "no JSON object"},
		"order of a list":  {answers(`{"a":["x","y"]}`), "  GET /\n  => {\"a\":[\"y\",\"x\"]}\n", "answer.a[0]"},
		"longer list":      {answers(`{"a":["x","y"]}`), "  GET /\n  => {\"a\":[\"x\"]}\n", "2 elements"},
		"regexp":           {answers(`{"a":"xyz"}`), "  GET /\n  => {\"a\":\"x${:[y]{1}}z\"}\n", ""},
		"whole regexp":     {answers(`{"a":"xyzz"}`), "  GET /\n  => {\"a\":\"x${:[y]{1}}z\"}\n", "answer.a"},
		"status":           {http.NotFound, "  GET /\n  => 200\n", "HTTP 404"},
		"content type":     {http.NotFound, "  GET /\n  => 404 {...}\n", "EN-2"},
		"header":           {answers(`{}`), "  GET /\n  => 200\n  Content-Type: application/${:[a-z]+}\n", "Content-Type"},
		"absent header":    {answers(`{}`), "  GET /\n  => 200\n  Content-Type:\n", "want none"},
		"body":             {answers(`{"a":1}`), "  GET /\n  => 200\n  body is {\"a\":1}\n  body has \"a\\\":\"\n  body lacks b\n", ""},
		"body lacks":       {answers(`{"a":1}`), "  GET /\n  => 200\n  body lacks \"a\"\n", "body lacks"},
		"or":               {answers(`{"a":1}`), "  GET /\n  => 404\n  or {\"a\":1}\n", ""},
		"none of both":     {answers(`{"a":1}`), "  GET /\n  => 404\n  or {\"a\":2}\n", "HTTP 200, want 404"},
		"fails":            {failing(40014, "invalid access_token"), "  GET /\n  => fails 40014 invalid access_token\n", ""},
		"any detail":       {failing(40014, "invalid access_token: because"), "  GET /\n  => fails 40014 invalid access_token\n", ""},
		"detail":           {failing(40097, "invalid args: version 2"), "  GET /\n  => fails 40097 invalid args: version 2\n", ""},
		"other detail":     {failing(40097, "invalid args: version 3"), "  GET /\n  => fails 40097 invalid args: version 2\n", "detail"},
		"no detail":        {failing(40097, "invalid args"), "  GET /\n  => fails 40097 invalid args: /./\n", "detail"},
		"regexp of detail": {failing(40097, "invalid args: version 3"), "  GET /\n  => fails 40097 invalid args: /^version [0-9]$/\n", ""},
		"other text":       {failing(40014, "token is wrong"), "  GET /\n  => fails 40014 invalid access_token\n", "EN-4"},
		"other code":       {failing(41001, "access_token missing"), "  GET /\n  => fails 40014 invalid access_token\n", "errcode 41001"},
		"no rid":           {answers(`{"errcode":40014,"errmsg":"invalid access_token"}`), "  GET /\n  => fails 40014 invalid access_token\n", "EN-4"},
		"old rid":          {answers(`{"errcode":40014,"errmsg":"invalid access_token rid: 00000001-00000000-00000000"}`), "  GET /\n  => fails 40014 invalid access_token\n", "from now"},
		"third member":     {answers(`{"errcode":40014,"errmsg":"invalid access_token rid: 00000001-00000000-00000000","x":1}`), "  GET /\n  => fails 40014 invalid access_token\n", "alone"},
		"secret in detail": {failing(40014, "invalid access_token: secret-token"), "  GET /?t=${token c1 a1}\n  => fails 40014 invalid access_token\n", "EN-5"},
		"refused":          {answers(`{"Response":{"Error":{"Code":"X.Y","Message":"m"},"RequestId":"1"}}`), "  GET /\n  => refused X.Y\n", ""},
		"refused else":     {answers(`{"Response":{"Error":{"Code":"X.Z","Message":"m"},"RequestId":"1"}}`), "  GET /\n  => refused X.Y\n", "Code"},
		"uploaded":         {answers(`{"Response":{"RequestId":"1"}}`), "  GET /\n  => uploaded\n", ""},
		"not uploaded":     {answers(`{"Response":{"Error":{},"RequestId":"1"}}`), "  GET /\n  => uploaded\n", "members"},
		"broken":           {broken, "  GET /\n  => broken\n", ""},
		"broken unasked":   {broken, "  GET /\n  => 200\n", "breaks off"},
		"whole":            {answers(`{}`), "  GET /\n  => broken\n", "whole answer"},
	} {
		t.Run(name, func(t *testing.T) {
			result := play(t, Target{URL: serve(t, test.handler), Vars: vars}, test.steps)
			told := fmt.Sprint(result.Err)
			if (result.Err == nil) != (test.says == "") || !strings.Contains(told, test.says) || result.LeftOut != "" {
				t.Errorf("got %v, want %q; left out: %s", told, test.says, result.LeftOut)
			}
			if strings.Contains(told, "secret-token") {
				t.Errorf("the error shows a secret: %s", told)
			}
		})
	}
}

// broken promises more than it sends.
func broken(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "100")
	io.WriteString(w, "x")
	panic(http.ErrAbortHandler)
}

// TestRequest shows what goes over the wire: path as written, headers, body.
func TestRequest(t *testing.T) {
	var got []string
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = append(got, fmt.Sprint(r.Method, " ", r.RequestURI, " ", r.Host, " ", r.Header["X-A"], " ", string(body)))
		answers(`{"v":7,"s":"a/b"}`)(w, r)
	})
	result := play(t, Target{URL: url, Vars: vars}, `  POST //tcb/%2e/${test}?x=${token c1 a1}
  Host: else.example
  X-A: ${c1}
  {"a":
  "b"}
  => {"v":${v:[0-9]+},"s":"${s:.+}"}

  let z = "X-A:signed\r\nX-B:no"
  each w in ${v+2} | "\x01" | ${base64 s}
  PUT /${v-1}
  Host: else.example
  headers ${z}
  X-B:
  body "${w}\n"
  => 200
`)
	if result.Err != nil {
		t.Fatal(result.Err)
	}
	want := []string{
		"POST //tcb/%2e/test-1?x=secret-token else.example [wx00000000000000c1] {\"a\":\n\"b\"}",
		"PUT /6 else.example [signed] 9\n", "PUT /6 else.example [signed] \x01\n", "PUT /6 else.example [signed] YS9i\n",
	}
	if strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestLeftOut leaves out what a target cannot do, and says why.
func TestLeftOut(t *testing.T) {
	url := serve(t, answers(`{}`))
	for steps, says := range map[string]string{
		"  clock +1m\n":                          "clock",
		"  restart\n":                            "restart",
		"  fresh\n":                              "operator",
		"  login c1 a1 49\n":                     "operator",
		"  peek log has x\n":                     "peek log",
		"  GET /?t=${component c1}\n  => 200\n":  "${component c1}",
		"  GET /?t=${token c1 a1}\n  => 200\n":   "",
		"  GET /${test}\n  => 200\n":             "",
		"  GET /?t=${refresh c1 a1}\n  => 200\n": "${refresh c1 a1}",
	} {
		result := play(t, Target{URL: url, Vars: vars}, steps)
		if (result.LeftOut == "") != (says == "") || !strings.Contains(result.LeftOut, says) || result.Err != nil {
			t.Errorf("%q: left out %q, want %q; %v", steps, result.LeftOut, says, result.Err)
		}
	}
}

// stub is an operator that remembers what it was told.
type stub struct {
	told []string
	err  error
}

func (s *stub) Apply(world string) error { s.told = append(s.told, world); return s.err }
func (s *stub) Authorize(p, a string, sets []int) (string, error) {
	s.told = append(s.told, fmt.Sprint("authorize ", p == a, sets))
	return "queryauthcode@@@stub", nil
}
func (s *stub) Revoke(p, a string) error { s.told = append(s.told, "revoke"); return s.err }
func (s *stub) Disable(_ string, disabled bool) error {
	s.told = append(s.told, fmt.Sprint("disable ", disabled))
	return s.err
}
func (s *stub) Ticket(p string) (string, error) { return "ticket@@@stub-ticket", nil }
func (s *stub) Deploy(env, function string, code []byte) error {
	s.told = append(s.told, fmt.Sprint("deploy ", function, " ", bytes.HasPrefix(code, []byte("PK"))))
	return nil
}

func (s *stub) CloudbaseToken(env string) (string, error) {
	if strings.HasPrefix(env, "none") {
		return "", errors.New("no cloud development")
	}
	return "cloudbase-of-" + env, nil
}

// TestWorld applies a world of new names for each case, and obtains a token
// through the calls of section 5.
func TestWorld(t *testing.T) {
	operator := &stub{}
	var asked []string
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path)
		answers(`{"component_access_token":"component-secret","authorizer_access_token":"authorizer-secret",`+
			`"pre_auth_code":"p","authorization_info":{"authorizer_access_token":"login-secret","authorizer_refresh_token":"refresh-secret"}}`)(w, r)
	})
	target := Target{URL: url, Operator: operator, Peek: map[string]func() ([]byte, error){
		"log": func() ([]byte, error) { return []byte("one login-secret here"), nil },
	}}
	result := play(t, target, `  let first = ${token c1 a1}
  check ${first} is authorizer-secret
  login c1 a1 18,49
  check ${token c1 a1} is login-secret
  check ${token c1 a1} is not ${first}
  operator authorize ${c1} ${a1} 64 -> code
  check ${code} is queryauthcode@@@${:.+}
  operator deploy ${test} hello zip:hello
  operator revoke ${c1} ${a1}
  peek log lacks ${first}
  peek log has one
  peek log lacks secrets
`)
	if told := fmt.Sprint(result.Err); !strings.Contains(told, "x.txt:19: the log shows a") {
		t.Errorf("got %s", told)
	}
	component := "/cgi-bin/component/"
	want := []string{
		component + "api_component_token", component + "api_authorizer_token",
		component + "api_create_preauthcode", component + "api_query_auth",
	}
	if strings.Join(asked, " ") != strings.Join(want, " ") {
		t.Errorf("asked %v", asked)
	}
	if got := strings.Join(operator.told[1:], ","); got != "authorize false [18 49],authorize false [64],deploy hello true,revoke" {
		t.Errorf("told %s", got)
	}
	play(t, target, "  fresh\n")
	first, second := operator.told[0], operator.told[len(operator.told)-1]
	if first == second || strings.Contains(first, "${") || !strings.Contains(first, "test-") {
		t.Errorf("worlds %q and %q", first, second)
	}
	operator.err = errors.New("no room")
	if err := play(t, target, "  fresh\n").Err; err == nil || !strings.Contains(err.Error(), "no room") {
		t.Errorf("got %v", err)
	}
}

// TestClockAndRestart move the player's idea of time and place.
func TestClockAndRestart(t *testing.T) {
	rid := func(offset time.Duration) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			answers(fmt.Sprintf(`{"errcode":40014,"errmsg":"invalid access_token rid: %08x-00000000-0000000a"}`, time.Now().Add(offset).Unix()))(w, r)
		}
	}
	here, there := serve(t, rid(0)), serve(t, rid(2*time.Hour))
	target := Target{
		URL: here, Vars: vars, Clock: func(time.Duration) error { return nil },
		Restart: func() (string, error) { return there, nil },
	}
	steps := "  GET /\n  => fails 40014 invalid access_token\n\n  clock +2h\n  restart\n  GET /\n  => fails 40014 invalid access_token\n"
	if err := play(t, target, steps).Err; err != nil {
		t.Error(err)
	}
	again := strings.ReplaceAll(steps, "  clock +2h\n  restart\n", "")
	if err := play(t, target, again).Err; err == nil || !strings.Contains(err.Error(), "given before") {
		t.Errorf("got %v", err)
	}
}

// TestZips holds the good packages to what a reader of zips makes of them, and
// the others to their names.
func TestZips(t *testing.T) {
	for _, name := range []string{"hello", "other", "third"} {
		if !bytes.Equal(zips[name](), zips[name]()) {
			t.Errorf("%s differs from time to time", name)
		}
		if _, err := zip.NewReader(bytes.NewReader(zips[name]()), int64(len(zips[name]()))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReadVars(t *testing.T) {
	got, err := ReadVars("# mine\n\ntoken  c1 a1 = a=b\ntest=x\n")
	if err != nil || got["token c1 a1"] != "a=b" || got["test"] != "x" || len(got) != 2 {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := ReadVars("x\n"); err == nil {
		t.Error("no error")
	}
}
