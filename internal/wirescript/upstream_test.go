package wirescript

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
)

// forwarding starts an upstream, and a server that forwards everything there
// but /own; one that is away is answered 502.
func forwarding(t *testing.T) Target {
	t.Helper()
	upstream, err := StartUpstream()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { upstream.Close() })
	to, err := url.Parse(upstream.URL())
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(to)
	proxy.ErrorLog = log.New(io.Discard, "", 0)
	proxy.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) }
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/own" {
			proxy.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return Target{URL: server.URL, Vars: vars, Upstream: upstream}
}

// TestUpstream plays requests that reach the upstream and some that do not.
func TestUpstream(t *testing.T) {
	target := forwarding(t)
	for name, test := range map[string]struct{ steps, says string }{
		"seen":            {"  POST /x?a=${c1}\n  X-A: 1\n  hello\n  => {\"errcode\":0,\"errmsg\":\"upstream\"}\n  upstream saw POST /x?a=${c1}\n    X-A: ${:[0-9]}\n    X-B:\n    Host: ${:.+}\n    body is hello\n", ""},
		"each":            {"  each x in /a | /b\n  GET ${x}\n  => 200\n  upstream saw GET ${x}\n\n  upstream saw nothing\n", ""},
		"each but once":   {"  each x in /a | /b\n  GET ${x}\n  => 200\n\n  upstream saw GET /b\n", "2 requests"},
		"other method":    {"  PUT /x\n  => 200\n  upstream saw POST /x\n", "saw PUT"},
		"other target":    {"  GET /x?b\n  => 200\n  upstream saw GET /x\n", "/x?b"},
		"other header":    {"  GET /x\n  X-A: 1\n  => 200\n  upstream saw GET /x\n    X-A: 2\n", "X-A"},
		"unwanted header": {"  GET /x\n  X-A: 1\n  => 200\n  upstream saw GET /x\n    X-A:\n", "want none"},
		"other body":      {"  POST /x\n  hello\n  => 200\n  upstream saw POST /x\n    body empty\n", "body"},
		"unseen":          {"  GET /own\n  => 200\n  upstream saw GET /own\n", "0 requests"},
		"nothing":         {"  GET /own\n  => 200\n  upstream saw nothing\n", ""},
		"something":       {"  GET /x\n  => 200\n  upstream saw nothing\n", "want none: GET"},
		"secret":          {"  GET /x?t=${token c1 a1}\n  => 200\n  upstream saw GET /x?${:.*}\n", "shows a token"},
		"secret header":   {"  GET /x\n  X-A: ${token c1 a1}\n  => 200\n  upstream saw GET /x\n", "shows a token"},
		"answer":          {"  upstream answers 418 tea\n    X-A: ${c1}\n  GET /x\n  => 418\n  X-A: ${c1}\n  body is tea\n", ""},
		"broken answer":   {"  upstream answers 200 broken tea\n  GET /x\n  => broken\n", ""},
		"down and up":     {"  upstream down\n  GET /x\n  => 502\n\n  upstream up\n  GET /x\n  => 200\n  upstream saw GET /x\n", ""},
		"fails below":     {"  GET /x\n  => 200\n  Content-Type: ${:.+}\n  fails 40014 invalid access_token\n", "errcode 0"},
	} {
		t.Run(name, func(t *testing.T) {
			result := play(t, target, test.steps)
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

// TestRaw shows that a quoted target and its headers go byte for byte.
func TestRaw(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	got := make(chan string, 1)
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		head := ""
		r := bufio.NewReader(conn)
		for !strings.HasSuffix(head, "\r\n\r\n") && err == nil {
			var line string
			line, err = r.ReadString('\n')
			head += line
		}
		body := make([]byte, 5)
		_, err = io.ReadFull(r, body)
		_, werr := io.WriteString(conn, "HTTP/1.1 204 None\r\n\r\n")
		got <- fmt.Sprint(head, string(body), errors.Join(err, werr))
	}()
	result := play(t, Target{URL: "http://" + listener.Addr().String(), Vars: vars},
		"  POST \"http://x\\\\y\\x00\\xff/${test}\"\n  Host: else\n  x-A: 1\n  X_a: 2\n  body \"he\\nlo\"\n  => 204\n")
	if result.Err != nil {
		t.Fatal(result.Err)
	}
	want := "POST http://x\\y\x00\xff/test-1 HTTP/1.1\r\nHost: else\r\nx-A: 1\r\nX_a: 2\r\nContent-Length: 5\r\n\r\nhe\nlo<nil>"
	if told := <-got; told != want {
		t.Errorf("got %q, want %q", told, want)
	}
}

// TestCloudbase obtains an environment's token from the operator, and knows it
// for a secret.
func TestCloudbase(t *testing.T) {
	target := forwarding(t)
	target.Operator = &stub{}
	target.Peek = map[string]func() ([]byte, error){
		"log": func() ([]byte, error) { return []byte("cloudbase-of-" + vars["test"]), nil },
	}
	for steps, says := range map[string]string{
		"  check ${cloudbase test} is cloudbase-of-${test}\n":                                                "",
		"  operator token ${test} -> t\n  check ${t} is cloudbase-of-${test}\n":                              "",
		"  let t = ${cloudbase test}\n  peek log lacks secrets\n":                                            "shows a cloudbase",
		"  operator token ${test} -> t\n  peek log lacks secrets\n":                                          "shows a cloudbase",
		"  GET /x?t=${cloudbase test}\n  => 200\n  upstream saw GET /x?t=${cloudbase test}\n":                "shows a cloudbase",
		"  operator token ${test} -> t\n  GET /x\n  X: ${t}\n  => 200\n  upstream saw GET /x\n    X: ${t}\n": "shows a cloudbase",
	} {
		if err := play(t, target, steps).Err; (err == nil) != (says == "") || !strings.Contains(fmt.Sprint(err), says) {
			t.Errorf("%q: got %v, want %q", steps, err, says)
		}
	}
}

// TestUpstreamIsReset: a case finds the upstream up, whatever the last one did.
func TestUpstreamIsReset(t *testing.T) {
	script, err := parse("x.txt", world+"  upstream down\n\nEN-2  Next\n\n  GET /\n  => {\"errcode\":0,\"errmsg\":\"upstream\"}\n")
	if err != nil {
		t.Fatal(err)
	}
	target := forwarding(t)
	for _, result := range NewPlayer(target).Play(script) {
		if result.Err != nil || result.LeftOut != "" {
			t.Error(result.Err, result.LeftOut)
		}
	}
	target.Upstream = nil
	if result := play(t, target, "  upstream saw nothing\n"); !strings.Contains(result.LeftOut, "upstream") {
		t.Errorf("left out: %q", result.LeftOut)
	}
}
