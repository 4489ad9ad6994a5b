package proxytest

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/opentcb/opentcb/tcb"
)

// checkCalls is what every proxy must do with calls, whatever it is.
func checkCalls(t *testing.T, s *stand) {
	t.Run("allowed", s.testAllowed)
	t.Run("query", s.testQuery)
	t.Run("bodies", s.testBodies)
	t.Run("refused", s.testRefused)
	t.Run("odd paths", s.testOddPaths)
	t.Run("odd forms", s.testOddForms)
	t.Run("set", s.testSet)
	t.Run("expired", s.testExpired)
	t.Run("forged account", s.testForgedAccount)
	t.Run("forged user", s.testForgedUser)
	t.Run("forged address", s.testForgedAddress)
	t.Run("upstream away", s.testUpstreamAway)
	t.Run("server away", s.testServerAway)
	s.noToken(t)
}

func (s *stand) testAllowed(t *testing.T) {
	for _, method := range []string{"GET", "POST", "PUT", "DELETE", "OPTIONS"} {
		a := s.call(t, method, "/wxa/msg_sec_check", "listed")
		saw := s.forwarded(t, a)
		if saw.method != method || saw.target != "/wxa/msg_sec_check" {
			t.Errorf("the upstream saw %s %s, want %s /wxa/msg_sec_check", saw.method, saw.target, method)
		}
		s.account(t, saw, miniID, "listed")
		if a.body != upstreamAnswer || a.header.Get("X-Answer") != "kept" {
			t.Errorf("the answer is %q %v, want the upstream's", a.body, a.header)
		}
	}
	saw := s.forwarded(t, s.call(t, "GET", "/cgi-bin/message/custom/send", "listed"))
	if saw.target != "/cgi-bin/message/custom/send" {
		t.Errorf("the upstream saw %s", saw.target)
	}
}

// account wants a request to say whose it is, once, in no other spelling.
func (s *stand) account(t *testing.T, saw sighting, appid, env string) {
	t.Helper()
	got := map[string][]string{}
	for name, values := range saw.header {
		plain := strings.ToLower(strings.ReplaceAll(name, "_", "-"))
		got[plain] = append(got[plain], values...)
	}
	for name, want := range map[string]string{"x-wx-appid": appid, "x-wx-env": env} {
		if len(got[name]) != 1 || got[name][0] != want {
			t.Errorf("%s is %q, want %q alone", name, got[name], want)
		}
	}
}

// testQuery: the token is gone wherever it stood, the other pairs stay as they
// are.
func (s *stand) testQuery(t *testing.T) {
	token := "cloudbase_access_token=" + s.tokens["all"]
	long := strings.Repeat("x", 5000)
	for _, c := range []struct{ query, want string }{
		{token + "&a=1", "?a=1"},
		{"a=1&" + token, "?a=1"},
		{"b=2&" + token + "&a=1&b=3", "?b=2&a=1&b=3"},
		{token + "&a=%26b%3D2%2e%2E+%20", "?a=%26b%3D2%2e%2E+%20"},
		{token + "&a=1%26" + "cloudbase_access_tokenx=1", "?a=1%26cloudbase_access_tokenx=1"},
		{token + "&access_token=" + s.tokens["all"] + "&a=1", "?a=1"},
		{token + "&a=" + long, "?a=" + long},
		{token, ""},
	} {
		saw := s.forwarded(t, s.send(t, "GET", "/wxa/x?"+c.query, ""))
		if saw.target != "/wxa/x"+c.want {
			t.Errorf("the upstream saw %s, want /wxa/x%s", saw.target, c.want)
		}
	}
}

func (s *stand) testBodies(t *testing.T) {
	large := strings.Repeat("0123456789", 300_000)
	for _, body := range []string{`{"content":"hello"}`, "\x00\r\n\xff", large} {
		a := s.send(t, "POST", "/wxa/msg_sec_check?cloudbase_access_token="+s.tokens["listed"], body, "Content-Type: text/odd")
		if saw := s.forwarded(t, a); saw.body != body || saw.header.Get("Content-Type") != "text/odd" {
			t.Errorf("the upstream saw %d bytes of %s, want %d", len(saw.body), saw.header.Get("Content-Type"), len(body))
		}
	}
	s.refused(t, s.send(t, "POST", "/wxa/other?cloudbase_access_token="+s.tokens["listed"], large), 85107)
	if asked := s.relay.asked.String(); strings.Contains(asked, "hello") || strings.Contains(asked, large[:100]) ||
		strings.Contains(asked, "/decide?") {
		t.Error("the proxy asked with the body or the query of the call")
	}
}

func (s *stand) testRefused(t *testing.T) {
	s.refused(t, s.call(t, "GET", "/wxa/other", "listed"), 85107)
	s.refused(t, s.call(t, "POST", "/wxa/msg_sec_check/", "listed"), 85107)
	s.refused(t, s.call(t, "GET", "/WXA/msg_sec_check", "listed"), 85107)
	s.refused(t, s.call(t, "GET", "/wxa/msg_sec_check", "closed"), 85105)
	s.refused(t, s.call(t, "POST", "/tcb/getcodesecret", "all"), 48001)
	s.refused(t, s.call(t, "GET", "/decide", "all"), 48001)
	token := "cloudbase_access_token=" + s.tokens["all"]
	for target, code := range map[string]tcb.Code{
		"/wxa/x":                                         41001,
		"/wxa/x?a=1":                                     41001,
		"/wxa/x?access_token=" + s.tokens["all"]:         41001,
		"/wxa/x?cloudbase_access_token=":                 41001,
		"/wxa/x?cloudbase_access_token=false":            40014,
		"/wxa/x?" + token + "x":                          40014,
		"/wxa/x?" + token + "&" + token:                  40014,
		"/wxa/x?" + token + "&Cloudbase_Access_Token=1":  40014,
		"/wxa/x?" + token + "&cloudbase%5faccess_token=": 40014,
	} {
		s.refused(t, s.send(t, "GET", target, ""), code)
	}
}

// testOddPaths: no odd spelling passes, even where everything is allowed; what
// a proxy refuses by itself is as good (CC-4).
func (s *stand) testOddPaths(t *testing.T) {
	for _, path := range []string{
		"//", "//wxa/x", "/wxa//x", "/wxa/x/", "/wxa/x//", "/./wxa/x", "/wxa/./x", "/wxa/../x", "/wxa/..", "/wxa/x/..", "/../wxa/x",
		"/%2e/x", "/wxa/%2e%2e/x", "/wxa/%2E%2E/x", "/wxa/.%2e/x", "/wxa/%252e%252e/x", "/wxa%2fx", "/wxa%2Fx", "/wxa/%5c/x", "/%77xa/x",
		"/wxa/x%00", "/wxa/x%", "/wxa/x%3fa", "/wxa/x%23", "/wxa/%c0%ae%c0%ae/x", "/wxa/%e4%b8%ad",
		`/wxa\x`, `/wxa/..\x`, `\wxa\x`, "/a;b", "/wxa;/x", "/wxa/;a=1/x", "/wxa/..;/x", "/wxa/x;", "/wxa/x#a", "/wxa/x#",
		"/wxa/\x80", "/wxa/中", "/wxa/x\x01", "/wxa/x\x7f", "/wxa/a b", "wxa/x", "*", "/opentcb-decide/../wxa/x",
		"http://127.0.0.1//wxa/x", "http://127.0.0.1/wxa/../x", "http://127.0.0.1/wxa/%2e%2e/x", "http://127.0.0.1",
		"http:///wxa//x", "http:/wxa/x", "ftp:wxa",
		"/" + strings.Repeat("x", 1024),
	} {
		a := s.call(t, "GET", path, "all")
		if a.status == upstreamStatus {
			t.Errorf("%q passed", path)
		}
		for _, saw := range s.upstream.look() {
			t.Errorf("%q reached the upstream as %s", path, saw.target)
		}
	}
}

// testOddForms: an unusual form of request is refused, or goes to the upstream
// in the usual form, and is judged by it.
func (s *stand) testOddForms(t *testing.T) {
	if a := s.call(t, "GET", "http://elsewhere.example/wxa/msg_sec_check", "listed"); a.status == upstreamStatus {
		if saw := s.forwarded(t, a); saw.target != "/wxa/msg_sec_check" || strings.Contains(saw.host, "elsewhere") {
			t.Errorf("the upstream saw %s for %s", saw.target, saw.host)
		}
	}
	s.refused(t, s.call(t, "GET", "http://elsewhere.example/wxa/other", "listed"), 85107)
	s.call(t, "CONNECT", "/wxa/x", "listed")
	s.nothing(t)
	for _, query := range []string{"a={http.request.orig_uri}", "{env.HOME}=1", "a={env.HOME}&b={", "$request_uri=${request_uri}", "%REQ(:path)%"} {
		a := s.send(t, "GET", "/wxa/x?"+query+"&cloudbase_access_token="+s.tokens["all"], "")
		for _, saw := range s.upstream.look() {
			if saw.target != "/wxa/x?"+query {
				t.Errorf("the upstream saw %s for %s; the answer: %d %s", saw.target, query, a.status, a.body)
			}
		}
	}
}

// testSet: what is set holds for the next call (UT-15).
func (s *stand) testSet(t *testing.T) {
	s.forwarded(t, s.call(t, "GET", "/wxa/first", "changed"))
	s.refused(t, s.call(t, "GET", "/wxa/second", "changed"), 85107)
	s.set(t, 3, true, "/wxa/second")
	s.refused(t, s.call(t, "GET", "/wxa/first", "changed"), 85107)
	s.account(t, s.forwarded(t, s.call(t, "GET", "/wxa/second", "changed")), changedID, "changed")
	s.set(t, 13, false, "/wxa/second")
	s.refused(t, s.call(t, "GET", "/wxa/second", "changed"), 85105)
	s.set(t, 23, true, "/wxa/second")
	s.forwarded(t, s.call(t, "GET", "/wxa/second", "changed"))
}

// testExpired: a token ends after 30 minutes (CC-6).
func (s *stand) testExpired(t *testing.T) {
	s.offset.Store(int64(31 * time.Minute))
	defer s.offset.Store(0)
	s.refused(t, s.call(t, "GET", "/wxa/msg_sec_check", "listed"), 42001)
}

// keepsConnections makes calls one after another, and wants all the questions
// on one connection.
func (s *stand) keepsConnections(t *testing.T) {
	t.Helper()
	for range 20 {
		s.forwarded(t, s.call(t, "POST", "/wxa/msg_sec_check", "listed"))
		s.refused(t, s.call(t, "GET", "/wxa/other", "listed"), 85107)
	}
	if n := s.relay.count.Load(); n != 1 {
		t.Errorf("40 questions took %d connections", n)
	}
}

// direct asks the server itself, as a proxy does, and returns the status, the
// code and the headers.
func (s *stand) direct(t *testing.T, target string, header http.Header) (int, string, http.Header) {
	t.Helper()
	req, err := http.NewRequest("GET", s.api+target, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = header
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode, resp.Header.Get("X-Opentcb-Errcode"), resp.Header
}
