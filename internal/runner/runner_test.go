//go:build unix

package runner_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// TestReturns: a function is sync, returns a promise or calls back, in a CommonJS or an
// ES module, at any handler; what it returns comes back as JSON.
//
// Proves: RN-2
func TestReturns(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	for _, c := range []struct {
		handler string
		files   []string
		want    string
	}{
		{"", []string{"exports.main = (event) => event.a + 1"}, "2"},
		{"", []string{"exports.main = async (event) => ({ a: event.a })"}, `{"a":1}`},
		{"", []string{"exports.main = (event, context, callback) => { setTimeout(() => callback(null, event), 1) }"}, `{"a":1}`},
		{"", []string{"exports.main = (event, context, callback) => event.a"}, "1"},
		{"", []string{"exports.main = () => {}"}, "null"},
		{"", []string{"exports.main = () => 'a \"text\" ä'"}, `"a \"text\" ä"`},
		{"", []string{"exports.main = () => () => 1"}, "null"},
		{"", []string{"exports.main = () => new Date(0)"}, `"1970-01-01T00:00:00.000Z"`},
		{"", []string{"exports.main = () => [undefined, NaN]"}, "[null,null]"},
		{"app.run", []string{"app.js", "exports.run = () => 'app'"}, `"app"`},
		{"src/app.run", []string{"src/app.js", "exports.run = () => require('./b')", "src/b.js", "module.exports = 7"}, "7"},
		{"lib.run", []string{"lib/index.js", "exports.run = () => 'lib'"}, `"lib"`},
		{"", []string{"index.mjs", "export const main = async (event) => event.a"}, "1"},
		{"", []string{"index.js", "export const main = (e) => e.a", "package.json", `{"type":"module"}`}, "1"},
		{"", []string{"index.mjs", "const x = await Promise.resolve(5); export default { main: () => x }"}, "5"},
	} {
		r.upload(function{Name: "hello", Handler: c.handler}, c.files...)
		r.until(c.want, func() bool {
			status, got := r.call("hello", `{"a":1}`)
			return status == http.StatusOK && got == c.want
		})
	}
}

// TestFails: how a function ends without a result.
//
// Proves: RN-2
func TestFails(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	for _, c := range []struct{ name, code, kind, message string }{
		{"throws", "exports.main = () => { throw new Error('no such user') }", "throw", "no such user"},
		{"rejects", "exports.main = async () => { throw new TypeError('no') }", "throw", "no"},
		{"callsBack", "exports.main = (e, c, back) => { back(new Error('back')) }", "throw", "back"},
		{"throwsText", "exports.main = () => { throw 'a text' }", "throw", "a text"},
		{"throwsNothing", "exports.main = () => { throw null }", "throw", "null"},
		{"throwsOdd", "exports.main = () => { throw { get message () { throw 1 }, toString () { throw 2 } } }", "throw", "an object"},
		{"bigInt", "exports.main = () => 1n", "throw", "BigInt"},
		{"circle", "exports.main = () => { const a = {}; a.a = a; return a }", "throw", "circular"},
		{"path", "exports.main = () => { throw new Error(__dirname + '/x') }", "throw", "/var/user/x"},
		{"noFunction", "exports.other = () => 1", "load", "exports no function main"},
		{"syntax", "exports.main = (", "load", "Unexpected"},
		{"requires", "require('nowhere'); exports.main = () => 1", "load", "Cannot find module 'nowhere'"},
		{"loadThrows", "throw new Error('at load')", "load", "at load"},
	} {
		r.upload(function{Name: c.name}, c.code)
		f := r.fails(c.name, "{}", http.StatusInternalServerError, c.kind, c.message)
		if strings.Contains(f.Message+f.Stack, r.code) {
			t.Errorf("%s shows a path of the host: %+v", c.name, f)
		}
		if c.name == "throws" && !strings.Contains(f.Stack, "/var/user/index.js:1") {
			t.Errorf("the stack is %s", f.Stack)
		}
	}
	for handler, want := range map[string]string{
		"main": "does not name a file", "other.main": "no file other.js", "../index.main": "no file",
	} {
		r.upload(function{Name: "handler", Handler: handler}, "exports.main = () => 1")
		r.until(want, func() bool {
			_, body := r.call("handler", "{}")
			return strings.Contains(body, want) && strings.Contains(body, `"kind":"load"`)
		})
	}
}

// TestContext: what a function gets beside its event.
//
// Proves: RN-3
func TestContext(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.upload(function{
		Name: "hello", Timeout: 20,
		Environment: []map[string]string{{"key": "GREETING", "value": "hi"}, {"key": "ODD", "value": "a;b"}},
	}, "exports.main = (event, context) => ({ ...context, left: context.getRemainingTimeInMillis() })")
	_, body := r.call("hello", "{}")
	var got struct {
		Waits       bool    `json:"callbackWaitsForEmptyEventLoop"`
		Memory      int     `json:"memory_limit_in_mb"`
		Time        int     `json:"time_limit_in_ms"`
		RequestID   string  `json:"request_id"`
		Environ     string  `json:"environ"`
		Environment string  `json:"environment"`
		Version     string  `json:"function_version"`
		Name        string  `json:"function_name"`
		Namespace   string  `json:"namespace"`
		Left        float64 `json:"left"`
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	if got.Memory != 256 || got.Time != 20_000 || got.RequestID != "rid-of-hello" || got.Version != "$LATEST" ||
		got.Name != "hello" || got.Namespace != env || got.Left <= 0 || got.Left > 20_000 {
		t.Errorf("the context is %s", body)
	}
	pairs := strings.Split(got.Environ, ";")
	for _, want := range []string{"GREETING=hi", "TCB_ENV=" + env, "WX_APPID=" + appid, "WX_CLOUDBASE_ACCESSTOKEN=the-token"} {
		if !strings.Contains(";"+strings.Join(pairs, ";")+";", ";"+want+";") {
			t.Errorf("environ lacks %s: %s", want, got.Environ)
		}
	}
	var vars map[string]string
	err := json.Unmarshal([]byte(got.Environment), &vars)
	if err != nil || vars["ODD"] != "a;b" || strings.Contains(got.Environ, "ODD") {
		t.Errorf("environment is %s, environ %s", got.Environment, got.Environ)
	}
}

// TestNobodyElse: only the server has functions run.
//
// Proves: IV-5
func TestNobodyElse(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.upload(function{Name: "hello"}, "exports.main = () => 1")
	r.returns("hello", "{}", "1")
	for _, c := range []struct {
		method, path, bearer, body string
		status                     int
	}{
		{"POST", "/invoke/test-env/hello", "", "{}", 401}, {"POST", "/invoke/test-env/hello", secret + "x", "{}", 401},
		{"POST", "/invoke/other/hello", secret, "{}", 404}, {"POST", "/", secret, "{}", 404},
		{"POST", "/invoke/test-env/none", secret, "{}", 404}, {"GET", "/invoke/test-env/hello", secret, "", 405},
		{"POST", "/invoke/test-env/hello", secret, "{", 400}, {"POST", "/invoke/test-env/../test-env/hello", secret, "{}", 404},
		{"POST", "/invoke/test-env/hello", secret, `"` + strings.Repeat("a", 7<<20) + `"`, 400},
		{"POST", "/invoke/test-env/hello", secret, "{}", 200},
	} {
		req, err := http.NewRequest(c.method, r.url+c.path, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		if c.bearer != "" {
			req.Header.Set("Authorization", "Bearer "+c.bearer)
		}
		resp, err := calls.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != c.status {
			t.Errorf("%s %s with %q: %d, want %d", c.method, c.path, c.bearer, resp.StatusCode, c.status)
		}
	}
}
