package node_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/opentcb/opentcb/tcb"
)

// cloudCall makes a cloud call and returns its errcode. The status is always 200.
func (b *bench) cloudCall(method, path, token string) tcb.Code {
	b.t.Helper()
	req, err := http.NewRequest(method, b.node.APIURL()+path+"?cloudbase_access_token="+token, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	return b.errcode(resp)
}

func (b *bench) errcode(resp *http.Response) tcb.Code {
	b.t.Helper()
	text, err := io.ReadAll(resp.Body)
	var answer tcb.Status
	if err != nil || resp.StatusCode != http.StatusOK || json.Unmarshal(text, &answer) != nil {
		b.t.Fatalf("HTTP %d %s, %v", resp.StatusCode, text, err)
	}
	return answer.ErrCode
}

// tokenOf returns a cloudbase_access_token of an environment.
func (b *bench) tokenOf(env string) string {
	b.t.Helper()
	token, err := b.admin().CloudbaseToken(b.t.Context(), env)
	if err != nil {
		b.t.Fatal(err)
	}
	return token.Token
}

// TestWithoutUpstream: without an upstream an allowed call succeeds, and the
// others are refused as ever.
//
// Proves: CC-1, CC-2
func TestWithoutUpstream(t *testing.T) {
	b := startBench(t)
	_, developer := b.clients()
	one, all := b.tokenOf("env-one"), b.tokenOf("env-all")
	if _, err := b.restartWith(""); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		method, token string
		want          tcb.Code
	}{
		{"POST", all, 0}, {"GET", all, 0}, {"GET", one, 85107}, {"GET", "false", 40014},
	} {
		if got := b.cloudCall(test.method, "/wxa/x", test.token); got != test.want {
			t.Errorf("%s: errcode %d, want %d", test.method, got, test.want)
		}
	}
	developer = &tcb.Client{BaseURL: b.node.APIURL(), Tokens: developer.Tokens}
	closed := tcb.Permission{APIWhitelist: []string{"/*"}, Version: 2}
	if err := developer.SetCloudAccessToken(t.Context(), "env-one", closed); err != nil {
		t.Fatal(err)
	}
	if got := b.cloudCall("GET", "/wxa/x", one); got != 85105 {
		t.Errorf("closed: errcode %d", got)
	}
}

// TestSlowUpstream: an upstream that takes a call and does not answer it is -1
// with HTTP 200.
//
// Proves: CC-1
func TestSlowUpstream(t *testing.T) {
	asked := make(chan string, 2)
	upstream := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- r.Method + " " + r.URL.Path
		<-r.Context().Done()
	}))
	t.Cleanup(upstream.Close)
	b := startBench(t)
	b.clients()
	if _, err := b.restartWith(upstream.URL); err != nil {
		t.Fatal(err)
	}
	if got := b.cloudCall("GET", "/wxa/slow", b.tokenOf("env-all")); got != tcb.SystemBusy {
		t.Errorf("errcode %d, want %d", got, tcb.SystemBusy)
	}
	if len(asked) != 1 || <-asked != "GET /wxa/slow" {
		t.Error("the upstream did not see the call once")
	}
}

// TestNoCloudbaseToken: an environment without cloud development, or that is
// none, has no token.
//
// Proves: CC-6
func TestNoCloudbaseToken(t *testing.T) {
	b := startBench(t)
	b.clients()
	for _, env := range []string{"env-none", "no-such-env"} {
		if _, err := b.admin().CloudbaseToken(t.Context(), env); err == nil {
			t.Errorf("%s was given a token", env)
		}
	}
}

// TestEndlessBody: a body that never ends is answered nonetheless, by an
// interface that reads none, and by one that reads one.
//
// Proves: CS-2, EN-9
func TestEndlessBody(t *testing.T) {
	b := startBench(t)
	_, developer := b.clients()
	token, err := developer.Tokens.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for target, want := range map[string]tcb.Code{
		"/tcb/getcodesecret?access_token=" + token:       0,
		"/tcb/usecloudaccesstoken?access_token=" + token: 47001,
		"/tcb/usecloudaccesstoken?access_token=false":    40014,
	} {
		if got := b.endless(target); got != want {
			t.Errorf("%.30s: errcode %d, want %d", target, got, want)
		}
	}
}

// endless sends a little more than 1 MiB of white space of a body, and then no
// more. It returns the errcode that is answered meanwhile.
func (b *bench) endless(target string) tcb.Code {
	b.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(b.node.APIURL(), "http://"))
	if err != nil {
		b.t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		b.t.Fatal(err)
	}
	const sent = 1<<20 + 1<<16
	go func() { // the server need not read all of it
		fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n", target, sent+1)
		_, _ = conn.Write(bytes.Repeat([]byte(" "), sent))
	}()
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	return b.errcode(resp)
}
