package admin_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/admin"
)

// fill names what a route's pattern leaves open.
func fill(path string) string {
	return strings.NewReplacer("{platform}", platform, "{appid}", mini, "{environment}", env, "{function_name}", "login",
		"{name}", "nobody", "{rid}", "nothing", "{id}", "0").Replace(path)
}

// TestToken tries every route without the token, and with what is nearly it.
func TestToken(t *testing.T) {
	s := start(t)
	closed, open := admin.New(admin.Config{}).Routes()
	closed = append(closed, "GET /v1/nothing", "GET /", "POST /healthz", "DELETE /metrics")
	for name, header := range map[string][]string{
		"none": nil, "empty": {""}, "no scheme": {s.Token}, "other scheme": {"Basic " + s.Token}, "no token": {"Bearer "},
		"longer": {"Bearer " + s.Token + "A"}, "shorter": {"Bearer " + s.Token[:len(s.Token)-1]}, "white space": {"Bearer  " + s.Token},
		"other": {"Bearer " + strings.Repeat("A", len(s.Token))}, "lower case": {"Bearer " + strings.ToLower(s.Token)},
	} {
		for _, route := range closed {
			method, path, _ := strings.Cut(route, " ")
			resp, text := s.request(t, method, fill(path), "{}", http.Header{"Authorization": header})
			if resp.StatusCode != http.StatusUnauthorized || resp.Header.Get("WWW-Authenticate") != "Bearer" || strings.Contains(text, s.Token) {
				t.Errorf("%s with token %q: %d %s", route, name, resp.StatusCode, text)
			}
		}
	}
	for _, route := range open {
		method, path, _ := strings.Cut(route, " ")
		if resp, text := s.request(t, method, path, "", http.Header{"Authorization": nil}); resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %d %s", route, resp.StatusCode, text)
		}
	}
}

// TestOrigin sends requests as a browser does for the pages of other sites.
func TestOrigin(t *testing.T) {
	s := start(t)
	s.applyWorld(t)
	own := strings.TrimPrefix(s.URL, "http://")
	for origin, status := range map[string]int{
		"http://evil.example": 403, "null": 403, "http://" + own + ".evil.example": 403, "http://localhost:1": 403, "%": 403, own: 403,
		"http://" + own: 200, "https://" + own: 200,
	} {
		for _, path := range []string{"/v1/platforms/" + platform + "/ticket", "/healthz", "/metrics", "/openapi.yaml"} {
			resp, text := s.request(t, "GET", path, "", http.Header{"Origin": {origin}})
			if resp.StatusCode != status || resp.Header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s from %s: %d %s", path, origin, resp.StatusCode, text)
			}
		}
	}
}

// TestPaths tries paths and methods that are none.
func TestPaths(t *testing.T) {
	s := start(t)
	for route, want := range map[string]struct {
		status int
		allow  string
	}{
		"GET /v1/nothing": {404, ""}, "GET /": {404, ""}, "POST /v1": {404, ""},
		"GET /v1/apply": {405, "POST"}, "POST /healthz": {405, "GET"}, "PATCH /v1/audit": {405, "GET"},
		"GET " + fill("/v1/platforms/{platform}/authorizations/{appid}"): {405, "POST, DELETE"},
	} {
		method, path, _ := strings.Cut(route, " ")
		resp, text := s.request(t, method, path, "", nil)
		if resp.StatusCode != want.status || resp.Header.Get("Allow") != want.allow {
			t.Errorf("%s: %d, Allow %q: %s", route, resp.StatusCode, resp.Header.Get("Allow"), text)
		}
	}
}

// TestBodies sends bodies that cannot be.
func TestBodies(t *testing.T) {
	s := start(t)
	s.applyWorld(t)
	consent := fill("/v1/platforms/{platform}/authorizations/{appid}")
	code := fill("/v1/environments/{environment}/functions/{function_name}/code")
	for name, c := range map[string]struct {
		method, path, body string
		status             int
		message            string
	}{
		"unknown member":        {"POST", consent, `{"permission_sets":[49],"more":1}`, 422, "more"},
		"empty":                 {"POST", consent, ``, 422, "permission sets"},
		"broken":                {"POST", consent, `{"permission_sets":[49`, 400, "must be a JSON object"},
		"another type":          {"POST", consent, `{"permission_sets":"49"}`, 422, "permission_sets must be a list"},
		"something follows":     {"POST", consent, `{"permission_sets":[49]}{}`, 400, "follows"},
		"no sets":               {"POST", consent, `{}`, 422, "permission sets"},
		"a set twice":           {"POST", consent, `{"permission_sets":[49,49]}`, 400, "each once"},
		"consent too large":     {"POST", consent, `{"permission_sets":[` + strings.Repeat(" ", 64<<10) + `49]}`, 413, "over 65536 bytes"},
		"no zip":                {"PUT", code, "UEsDBA==", 422, "zip"},
		"no zip for a world":    {"PUT", "/v1/code", "", 422, "zip"},
		"a name that cannot be": {"PUT", fill("/v1/environments/{environment}/functions/-/code"), "", 400, "function_name"},
		"no environment":        {"PUT", "/v1/environments/none/functions/login/code", string(aZip(t)), 404, "no environment none"},
		"no such filter":        {"GET", "/v1/audit?who=me", "", 422, "who"},
		"since is no time":      {"GET", "/v1/audit?since=yesterday", "", 422, "RFC 3339"},
		"until before 1970":     {"GET", "/v1/audit?until=-1", "", 422, "RFC 3339"},
		"outcome is none":       {"GET", "/v1/audit?outcome=good", "", 422, "outcome"},
	} {
		resp, text := s.request(t, c.method, c.path, c.body, nil)
		if resp.StatusCode != c.status || !strings.Contains(text, c.message) || regexp.MustCompile(`"code":-1`).MatchString(text) {
			t.Errorf("%s: %d %s, want %d with %q", name, resp.StatusCode, text, c.status, c.message)
		}
	}
}

// TestApplyForms sends forms to /v1/apply that cannot be.
func TestApplyForms(t *testing.T) {
	s := start(t)
	part := func(name, text string) string {
		return "--x\r\nContent-Disposition: form-data; name=" + name + "\r\n\r\n" + text + "\r\n"
	}
	file, end := part("file", "platforms: []"), "--x--\r\n"
	for name, c := range map[string]struct {
		mime, body, message string
		status              int
	}{
		"no form":        {"application/json", "{}", "multipart/form-data", 400},
		"no file":        {"multipart/form-data; boundary=x", part("code", "{}") + end, "the part file is missing", 400},
		"file twice":     {"multipart/form-data; boundary=x", file + file + end, "is there twice", 400},
		"unknown part":   {"multipart/form-data; boundary=x", file + part("world", "") + end, "world is not one of", 400},
		"code is a list": {"multipart/form-data; boundary=x", file + part("code", "[]") + end, "the form cannot be read", 400},
		"broken off":     {"multipart/form-data; boundary=x", file, "the form cannot be read", 400},
		"JSON":           {"multipart/form-data; boundary=x", part("file", `{"platforms":[]}`) + end, `"changes":[]`, 200},
	} {
		resp, text := s.request(t, "POST", "/v1/apply", c.body, http.Header{"Content-Type": {c.mime}})
		if resp.StatusCode != c.status || !strings.Contains(text, c.message) {
			t.Errorf("%s: %d %s, want %d with %q", name, resp.StatusCode, text, c.status, c.message)
		}
	}
}

// TestLargeBodies announces bodies over their limits, which never come: the
// answer does.
func TestLargeBodies(t *testing.T) {
	s := start(t)
	for route, size := range map[string]int{
		"POST /v1/apply": 256<<20 + 1, "PUT /v1/code": 64<<20 + 1,
		"PUT " + fill("/v1/environments/{environment}/functions/{function_name}/code"): 64<<20 + 1,
	} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
		must(t, err)
		must(t, conn.SetDeadline(time.Now().Add(time.Minute)))
		_, err = fmt.Fprintf(conn, "%s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n{", route, s.Token, size)
		must(t, err)
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		must(t, err)
		if resp.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("%s: %d", route, resp.StatusCode)
		}
		must(t, conn.Close())
	}
}
