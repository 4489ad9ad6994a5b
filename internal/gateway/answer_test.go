package gateway_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestAnswerHasNothingAdded passes on an answer that does not say what it is:
// net/http would guess, if it sees some of the body with the header, which is
// a matter of time (often with -race).
func TestAnswerHasNothingAdded(t *testing.T) {
	upstream, got := rawUpstream(t, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 6\r\nX-A: 1\r\n\r\n<html>")
	f := newFront(t, upstream, 5*time.Second)
	for range 4 {
		var calls sync.WaitGroup
		for range 25 {
			calls.Go(func() {
				text := exchangeAll(t, f, "GET /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
				if strings.Contains(text, "Content-Type") || !strings.HasSuffix(text, "\r\n\r\n<html>") {
					t.Errorf("the caller got %q", text)
				}
			})
		}
		calls.Wait()
		f.forwarded(t, 25)
		for range 25 {
			<-got
		}
	}
}

// exchangeAll sends raw bytes and returns all that comes back.
func exchangeAll(t *testing.T, f *front, request string) string {
	t.Helper()
	conn, err := net.Dial("tcp", f.Listener.Addr().String())
	if err != nil {
		t.Error(err)
		return ""
	}
	defer conn.Close()
	fmt.Fprint(conn, request)
	text, err := io.ReadAll(conn)
	if err != nil {
		t.Error(err)
	}
	return string(text)
}

// sortedLines leaves the order of headers out of a comparison.
func sortedLines(text string) string {
	lines := strings.Split(text, "\r\n")
	slices.Sort(lines)
	return strings.Join(lines, "\r\n")
}

// TestInformation passes on what the upstream says before its answer, and
// after it.
func TestInformation(t *testing.T) {
	upstream, _ := rawUpstream(t, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n"+
		"HTTP/1.1 299 Odd\r\nTransfer-Encoding: chunked\r\nTrailer: X-Told\r\nConnection: X-Hop\r\nX-Hop: hop\r\nKeep-Alive: timeout=5\r\nProxy-Authenticate: hop\r\n\r\n"+
		"4\r\nbody\r\n0\r\nX-Told: 1\r\nX-Untold: 2\r\n\r\n")
	f := newFront(t, upstream, 5*time.Second)
	text := exchangeAll(t, f, "GET /x HTTP/1.1\r\nHost: h\r\nTE: trailers\r\nConnection: close\r\n\r\n")
	r := bufio.NewReader(strings.NewReader(text))
	for _, status := range []int{103, 102, 299} {
		resp, err := http.ReadResponse(r, nil)
		if err != nil || resp.StatusCode != status {
			t.Fatalf("want %d, got %v, %v", status, resp, err)
		}
		if early := resp.Header.Get("Link") != ""; early != (status == 103) {
			t.Errorf("status %d has header %v", status, resp.Header)
		}
		if status < 200 {
			continue
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil || string(body) != "body" || resp.Trailer.Get("X-Told") != "1" || resp.Trailer.Get("X-Untold") != "2" {
			t.Errorf("body %q, trailer %v, %v", body, resp.Trailer, err)
		}
		if hop := resp.Header.Get("X-Hop") + resp.Header.Get("Keep-Alive") + resp.Header.Get("Proxy-Authenticate"); hop != "" {
			t.Errorf("hop-by-hop headers passed: %v", resp.Header)
		}
	}
}

// TestHead passes on the length of an answer that has no body.
func TestHead(t *testing.T) {
	upstream, _ := rawUpstream(t, "HTTP/1.1 200 OK\r\nContent-Length: 12345\r\n\r\n")
	f := newFront(t, upstream, 5*time.Second)
	resp, err := http.Head(f.URL + "/x")
	if err != nil || resp.ContentLength != 12345 {
		t.Errorf("got %v, %v", resp, err)
	}
}

// TestWire holds all bytes that the upstream reads of a call against what they
// should be.
//
// Proves: CC-1, CC-4
func TestWire(t *testing.T) {
	upstream, got := rawUpstream(t, shortAnswer)
	f := newFront(t, upstream, 5*time.Second)
	resp := exchange(t, f, "GET /wxa/a|b?x=1;y=%zz HTTP/1.1\r\nHost: caller\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AA\r\n\r\n")
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("status %d: %v", resp.StatusCode, <-f.errs)
	}
	want := "GET /wxa/a|b?x=1;y=%zz HTTP/1.1\r\nHost: " + strings.TrimPrefix(upstream, "http://") + "\r\n" +
		"X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Host: caller\r\nX-Forwarded-Proto: http\r\nX-Wx-Appid: " + appid + "\r\nX-Wx-Env: " + env + "\r\n\r\n"
	if text := <-got; text != want {
		t.Errorf("the upstream reads\n%q, want\n%q", text, want)
	}
}

// TestContinue has a caller wait for leave to send its body, as curl does with
// long ones.
func TestContinue(t *testing.T) {
	upstream, got := recording(t)
	f := newFront(t, upstream.URL, 2*time.Second)
	conn, err := net.Dial("tcp", f.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "POST /x HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
	answers := bufio.NewReader(conn)
	resp, err := http.ReadResponse(answers, nil)
	if err != nil || resp.StatusCode != http.StatusContinue {
		t.Fatalf("got %v, %v", resp, err)
	}
	fmt.Fprint(conn, "body")
	for resp.StatusCode == http.StatusContinue {
		if resp, err = http.ReadResponse(answers, nil); err != nil {
			t.Fatal(err)
		}
	}
	if resp.StatusCode != http.StatusCreated || (<-got).body != "body" {
		t.Errorf("got %v", resp)
	}
}

// TestEarlyAnswer is an upstream that answers without reading the body: the
// caller has its answer though it sends no more, and the call ends.
func TestEarlyAnswer(t *testing.T) {
	t.Parallel()
	upstream, _ := rawUpstream(t, "HTTP/1.1 413 Too Large\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
	f := newFront(t, upstream, 30*time.Second)
	conn, err := net.Dial("tcp", f.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\nfour")
	_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(resp.Body); err != nil || !bytes.Equal(text, []byte("abc")) {
		t.Errorf("got %q, %v", text, err)
	}
	f.forwarded(t, 1)
	if _, err := io.Copy(io.Discard, conn); err != nil {
		t.Errorf("the connection stays open, though the call has ended: %v", err)
	}
}

// TestIdenticalToUpstream asks a server behind the gateway and at its own
// address, and wants the same.
func TestIdenticalToUpstream(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["X-Many"] = []string{"1", "2"}
		w.Header().Set("Date", "Sat, 01 Jan 2000 00:00:00 GMT")
		w.Header().Set("Server", "odd")
		http.ServeContent(w, r, "a.bin", time.Unix(1, 0), strings.NewReader(strings.Repeat("0123456789", 100)))
	}))
	t.Cleanup(upstream.Close)
	f := newFront(t, upstream.URL, 5*time.Second)
	for _, header := range []string{"Accept: */*", "Range: bytes=5-9", "Range: bytes=9999-", "If-Modified-Since: Sat, 01 Jan 2000 00:00:00 GMT", "Accept-Encoding: gzip"} {
		request := "GET /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n" + header + "\r\n\r\n"
		direct := exchangeAll(t, &front{Server: upstream}, request)
		if got := exchangeAll(t, f, request); sortedLines(got) != sortedLines(direct) {
			t.Errorf("%s: got\n%q, want\n%q", header, got, direct)
		}
	}
}
