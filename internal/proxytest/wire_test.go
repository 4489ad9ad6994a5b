package proxytest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/opentcb/opentcb/tcb"
)

// answer is what a proxy answered.
type answer struct {
	status int // 0: it closed the connection
	header http.Header
	body   string
}

// send sends a request as it is written, for a client would tidy it up.
// headers are lines without their end.
func (s *stand) send(t *testing.T, method, target, body string, headers ...string) answer {
	t.Helper()
	conn, err := net.Dial("tcp", s.proxy)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(15 * time.Second)) // a connection takes it
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n", method, target, s.proxy)
	for _, line := range headers {
		b.WriteString(line + "\r\n")
	}
	if body != "" {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(body))
	}
	// The proxy may answer before it has read all.
	go io.WriteString(conn, b.String()+"\r\n"+body)
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		return answer{}
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(text)}
}

// call sends a cloud call with the token of env.
func (s *stand) call(t *testing.T, method, path, env string, headers ...string) answer {
	t.Helper()
	return s.send(t, method, path+"?cloudbase_access_token="+s.tokens[env], "", headers...)
}

// forwarded wants an answer to be the upstream's, and returns the one request
// that the upstream saw.
func (s *stand) forwarded(t *testing.T, a answer) sighting {
	t.Helper()
	saw := s.upstream.look()
	if len(saw) != 1 || a.status != upstreamStatus {
		t.Fatalf("the upstream saw %d requests, want 1; the answer: %d %s", len(saw), a.status, a.body)
	}
	return saw[0]
}

// refused wants an answer to be an envelope with the code and its text, and
// that the upstream saw nothing.
func (s *stand) refused(t *testing.T, a answer, code tcb.Code) {
	t.Helper()
	var envelope tcb.Status
	err := json.Unmarshal([]byte(a.body), &envelope)
	if err != nil || a.status != http.StatusOK || envelope.ErrCode != code ||
		!strings.HasPrefix(envelope.ErrMsg, code.Text()) {
		t.Errorf("answer %d %q, want 200 with code %d", a.status, a.body, code)
	}
	if kind := a.header.Get("Content-Type"); !strings.HasPrefix(kind, "application/json") {
		t.Errorf("Content-Type %q", kind)
	}
	s.nothing(t)
}

// nothing wants the upstream to have seen nothing.
func (s *stand) nothing(t *testing.T) {
	t.Helper()
	for _, saw := range s.upstream.look() {
		t.Errorf("the upstream saw %s", saw.text())
	}
}
