package gateway_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// exchange sends raw bytes and returns the answer.
func exchange(t *testing.T, f *front, request string) *http.Response {
	t.Helper()
	conn, err := net.Dial("tcp", f.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

// rawUpstream answers every connection's first request with fixed bytes, and
// tells what it was sent.
func rawUpstream(t *testing.T, answer string) (address string, got <-chan string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	heads := make(chan string, 100)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				var head strings.Builder
				for lines := bufio.NewReader(conn); ; {
					line, err := lines.ReadString('\n')
					head.WriteString(line)
					if err != nil || line == "\r\n" {
						break
					}
				}
				heads <- head.String()
				_, _ = io.WriteString(conn, answer)
			}()
		}
	}()
	return "http://" + l.Addr().String(), heads
}

const shortAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"

// TestTarget holds the request line that the upstream reads against the one
// that was judged: byte for byte, whatever Go would escape.
//
// Proves: CC-4
func TestTarget(t *testing.T) {
	upstream, got := rawUpstream(t, shortAnswer)
	f := newFront(t, upstream, 5*time.Second)
	for _, target := range []string{
		"/", "/wxa/msg_sec_check", "/wxa/a|b", `/wxa/"<>^{}` + "`", "/wxa/a*b!$&'()+,=:@[]~", "/*", "/:80/x", "/@h/x",
		"/wxa/x?", "/wxa/x?a=1", "/wxa/x?a=1;b=2&&c", "/wxa/x?%zz=%2e%2e&d=/../", "/wxa/x?a=b?c=d",
	} {
		resp := exchange(t, f, "POST "+target+" HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n")
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: status %d: %v", target, resp.StatusCode, <-f.errs)
		}
		f.forwarded(t, 1)
		line, _, _ := strings.Cut(<-got, "\r\n")
		want := "POST " + strings.TrimSuffix(target, "?") + " HTTP/1.1"
		if line != want {
			t.Errorf("the upstream reads %q, want %q", line, want)
		}
	}
}

// TestHeaders sends headers that would make the upstream take the call for
// another's, or for another call.
//
// Proves: CC-1
func TestHeaders(t *testing.T) {
	upstream, got := recording(t)
	f := newFront(t, upstream.URL, 5*time.Second)
	dropped := []string{
		"X-WX-APPID: wxforged", "x-wx-appid: wxforged", "X_WX_APPID: wxforged", "X-WX_APPID: wxforged",
		"X-WX-ENV: forged", "x_wx_env: forged",
		"X-Original-URL: /forged", "X-Original-URI: /forged", "X_Original_URL: /forged",
		"X-Rewrite-URL: /forged", "X-Forwarded-Uri: /forged",
		"X-Forwarded-Prefix: /forged", "X-Forwarded-Path: /forged", "X-Forwarded-For: 6.6.6.6",
		"X_Forwarded_For: 6.6.6.6", "X-Forwarded-Host: forged", "Forwarded: for=forged",
		"Referer: http://h/?cloudbase_access_token=" + token, "X-Odd: a, " + token,
		"Upgrade: websocket", "Upgrade: h2c", "HTTP2-Settings: forged", "Proxy-Authorization: forged",
		"Proxy-Connection: keep-alive", "Keep-Alive: forged", "TE: gzip",
	}
	for _, connection := range []string{"keep-alive", "X-WX-APPID, X-WX-ENV", "Upgrade, HTTP2-Settings"} {
		request := "POST /wxa/x?a=1 HTTP/1.1\r\nHost: caller\r\nConnection: " + connection + "\r\nX-Mine: kept\r\nContent-Type: text/odd\r\n" +
			strings.Join(dropped, "\r\n") + "\r\nTransfer-Encoding: chunked\r\nTrailer: X-Wx-Appid\r\n\r\n4\r\nbody\r\n0\r\nX-Wx-Appid: wxforged\r\n\r\n"
		resp := exchange(t, f, request)
		if resp.StatusCode != http.StatusCreated || resp.Header.Get("X-Answer") != "yes" {
			t.Fatalf("%v: %v", resp, <-f.errs)
		}
		f.forwarded(t, 1)
		r := <-got
		want := http.Header{
			"X-Wx-Appid": {appid}, "X-Wx-Env": {env}, "X-Mine": {"kept"}, "Content-Type": {"text/odd"},
			"X-Forwarded-For": {"127.0.0.1"}, "X-Forwarded-Host": {"caller"}, "X-Forwarded-Proto": {"http"},
		}
		if !strings.Contains(connection, "HTTP2") {
			want["Http2-Settings"] = []string{"forged"} // of no meaning without its Upgrade
		}
		if fmt.Sprint(r.Header) != fmt.Sprint(want) || len(r.Trailer) > 0 {
			t.Errorf("Connection: %s: the upstream got\n%v, trailer %v; want\n%v", connection, r.Header, r.Trailer, want)
		}
		if r.body != "body" || r.Method != "POST" || r.Host != strings.TrimPrefix(upstream.URL, "http://") {
			t.Errorf("the upstream got %s %s %q", r.Method, r.Host, r.body)
		}
	}
}

// TestAnswerUnchanged passes on whatever the upstream answers.
func TestAnswerUnchanged(t *testing.T) {
	for _, answer := range []string{
		"HTTP/1.1 404 Nothing Here\r\nContent-Type: text/odd\r\nX-A: 1\r\nX-A: 2\r\nSet-Cookie: a=b\r\nContent-Length: 3\r\n\r\nabc",
		"HTTP/1.1 500 Oh\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\x1f\x8b",
		"HTTP/1.1 204 Nothing\r\n\r\n",
		"HTTP/1.1 302 Go\r\nLocation: http://elsewhere/\r\nContent-Length: 0\r\n\r\n",
	} {
		upstream, _ := rawUpstream(t, answer)
		f := newFront(t, upstream, 5*time.Second)
		got := exchange(t, f, "GET /x HTTP/1.1\r\nHost: h\r\nAccept-Encoding: br\r\n\r\n")
		want, err := http.ReadResponse(bufio.NewReader(strings.NewReader(answer)), nil)
		if err != nil {
			t.Fatal(err)
		}
		gotBody, _ := io.ReadAll(got.Body)
		wantBody, _ := io.ReadAll(want.Body)
		got.Header.Del("Date")
		sameHead := got.StatusCode == want.StatusCode && fmt.Sprint(got.Header) == fmt.Sprint(want.Header)
		if !sameHead || !bytes.Equal(gotBody, wantBody) {
			t.Errorf("got %d %v %q, want %d %v %q",
				got.StatusCode, got.Header, gotBody, want.StatusCode, want.Header, wantBody)
		}
	}
}

// TestNoAnswer is an upstream that gives none: an error within the time, and
// nothing written.
func TestNoAnswer(t *testing.T) {
	t.Parallel()
	const timeout = 300 * time.Millisecond
	nobody, _ := rawUpstream(t, "")
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // else the server does not see its caller go
		<-r.Context().Done()
	}))
	t.Cleanup(silent.Close)
	garbage, _ := rawUpstream(t, "+OK ready\r\n\r\n")
	switches, _ := rawUpstream(t, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n")
	endless, _ := rawUpstream(t, "HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 2<<20)+"\r\n\r\n")
	for name, upstream := range map[string]string{
		"closes": nobody, "silent": silent.URL, "nobody there": "http://127.0.0.1:1", "garbage": garbage,
		"switches protocols": switches, "endless header": endless,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFront(t, upstream, timeout)
			begin := time.Now()
			resp, err := http.Post(f.URL+"/wxa/x?query=1", "text/plain", strings.NewReader("body"))
			_ = f.failed(t, resp, err)
			if took := time.Since(begin); took > time.Minute {
				t.Errorf("took %v", took)
			}
		})
	}
}

// TestBrokenOff wants an answer that the upstream did not end to break off for
// the caller too.
func TestBrokenOff(t *testing.T) {
	upstream, _ := rawUpstream(t, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of it")
	f := newFront(t, upstream, 5*time.Second)
	resp, err := http.Get(f.URL + "/x")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, err := io.ReadAll(resp.Body); err == nil {
		t.Errorf("the answer %q looks whole", text)
	}
}

// TestStreaming wants each byte to arrive before the next is sent, in both
// directions, with longer pauses than the upstream may take to begin.
func TestStreaming(t *testing.T) {
	t.Parallel()
	echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn := http.NewResponseController(w)
		_ = conn.EnableFullDuplex()
		one := make([]byte, 1)
		for {
			if _, err := io.ReadFull(r.Body, one); err != nil {
				return
			}
			_, _ = w.Write(one)
			_ = conn.Flush()
		}
	}))
	t.Cleanup(echo.Close)
	const timeout = 2 * time.Second // the first byte has it, on any machine
	f := newFront(t, echo.URL, timeout)
	pr, pw := io.Pipe()
	answers := make(chan *http.Response, 1)
	go func() {
		resp, err := http.Post(f.URL+"/x", "text/plain", pr)
		if err != nil {
			t.Error(err)
		}
		answers <- resp
	}()
	if _, err := io.WriteString(pw, "0"); err != nil {
		t.Fatal(err)
	}
	resp := <-answers
	defer resp.Body.Close()
	one := make([]byte, 1)
	for i := range 4 {
		if i > 0 {
			time.Sleep(timeout * 5 / 4)
			fmt.Fprint(pw, i)
		}
		if _, err := io.ReadFull(resp.Body, one); err != nil || string(one) != fmt.Sprint(i) {
			t.Fatalf("byte %d: %q, %v", i, one, err)
		}
	}
	pw.Close()
	if rest, err := io.ReadAll(resp.Body); err != nil || len(rest) > 0 {
		t.Errorf("rest %q, %v", rest, err)
	}
}

// TestSlowBody wants a body that arrives slowly, but does arrive, not to count
// as an upstream without progress.
func TestSlowBody(t *testing.T) {
	t.Parallel()
	upstream, got := recording(t)
	const timeout = 3 * time.Second // between two bytes, on any machine
	f := newFront(t, upstream.URL, timeout)
	pr, pw := io.Pipe()
	go func() {
		for range 8 {
			time.Sleep(timeout / 6)
			fmt.Fprint(pw, "x")
		}
		pw.Close()
	}()
	resp, err := http.Post(f.URL+"/x", "text/plain", pr)
	if err != nil || resp.StatusCode != http.StatusCreated {
		t.Fatalf("%v, %v", resp, err)
	}
	resp.Body.Close()
	if r := <-got; r.body != "xxxxxxxx" {
		t.Errorf("the upstream got %q", r.body)
	}
}

// TestLargeBodies passes 64 MiB each way in little memory.
func TestLargeBodies(t *testing.T) {
	const size = 64 << 20
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil || n != size {
			t.Errorf("the upstream got %d bytes, %v", n, err)
		}
		_, _ = io.CopyN(w, zeros{}, size)
	}))
	t.Cleanup(upstream.Close)
	f := newFront(t, upstream.URL, 5*time.Second)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	resp, err := http.Post(f.URL+"/x", "application/octet-stream", io.LimitReader(zeros{}, size))
	if err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	if err != nil || n != size {
		t.Errorf("got %d bytes, %v", n, err)
	}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 8<<20 {
		t.Errorf("%d bytes were allocated", grown)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// TestConnectionsAreKept makes many calls over few connections.
func TestConnectionsAreKept(t *testing.T) {
	var connections atomic.Int64
	upstream := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "ok")
	}))
	upstream.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	upstream.Start()
	t.Cleanup(upstream.Close)
	f := newFront(t, upstream.URL, 5*time.Second)
	for range 50 {
		if _, text := get(t, f, "/x"); text != "ok" {
			t.Fatalf("got %q", text)
		}
	}
	f.forwarded(t, 50)
	if n := connections.Load(); n != 1 {
		t.Errorf("%d connections for 50 calls, one after the other", n)
	}
}

// TestCallerGone wants the upstream to hear of it when a caller goes away.
func TestCallerGone(t *testing.T) {
	began, ended := make(chan struct{}), make(chan struct{})
	upstream := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(began)
		<-r.Context().Done()
		close(ended)
	}))
	t.Cleanup(upstream.Close)
	f := newFront(t, upstream.URL, 20*time.Second)
	conn, err := net.Dial("tcp", f.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(conn, "GET /x HTTP/1.1\r\nHost: h\r\n\r\n")
	<-began
	conn.Close()
	select {
	case <-ended:
	case <-time.After(time.Minute):
		t.Error("the upstream still works for a caller that is gone")
	}
}
