package gateway_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/gateway"
)

// TestUnjudged forwards nothing without a judgement: the zero Path is none.
//
// Proves: CC-2
func TestUnjudged(t *testing.T) {
	upstream, got := recording(t)
	u, err := url.Parse(upstream.URL)
	if err != nil {
		t.Fatal(err)
	}
	g := gateway.New(gateway.Config{Upstream: u, Timeout: time.Second, TransferTime: time.Second})
	defer g.Close()
	w := httptest.NewRecorder()
	if err := g.Forward(w, httptest.NewRequest("GET", "/wxa/x", nil), gateway.Call{AppID: appid, Env: env}); err == nil {
		t.Error("a call that was not judged was forwarded")
	}
	if len(got) > 0 || w.Body.Len() > 0 {
		t.Error("the upstream saw the call, or the caller an answer")
	}
}

// TestNoTunnel refuses the method that asks for a tunnel: its answer has no
// end, and Go leaves out its query.
//
// Proves: CC-2
func TestNoTunnel(t *testing.T) {
	upstream, got := rawUpstream(t, "HTTP/1.1 200 OK\r\n\r\n")
	f := newFront(t, upstream, time.Second)
	resp := exchange(t, f, "CONNECT /wxa/x?a=1 HTTP/1.1\r\nHost: h\r\n\r\n")
	_ = f.failed(t, resp, nil)
	if len(got) > 0 {
		t.Errorf("the upstream saw %q", <-got)
	}
}

// TestErrorText has the upstream send back what it was sent, which is no
// answer, and looks for the call in the error.
func TestErrorText(t *testing.T) {
	for _, before := range []string{"", "HTTP/1.1 ", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: ", "HTTP/1.1 200 OK\r\nContent-Length: "} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		go func() {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
			line, _ := bufio.NewReader(conn).ReadString('\n')
			_, _ = io.WriteString(conn, before+strings.Split(line, " ")[1]+"\r\n\r\n")
		}()
		f := newFront(t, "http://user:password@"+l.Addr().String(), 2*time.Second)
		resp, err := http.Get(f.URL + "/wxa/x?query=1")
		if text := f.failed(t, resp, err).Error(); strings.Contains(text, "password") {
			t.Errorf("the error shows the upstream's password: %s", text)
		}
	}
}

// TestNoStatus is an upstream whose status is none that could be passed on.
// ReverseProxy would panic at those below 100.
func TestNoStatus(t *testing.T) {
	for _, status := range []string{"000", "007", "099", "101"} {
		upstream, _ := rawUpstream(t, "HTTP/1.1 "+status+" Odd\r\nConnection: Upgrade\r\nContent-Length: 0\r\n\r\n")
		f := newFront(t, upstream, 2*time.Second)
		resp, err := http.Get(f.URL + "/x?query=1")
		_ = f.failed(t, resp, err)
	}
}

// TestStalledBody is a caller that does not send the rest of its body: after
// the time without progress there is an error, and soon no connection.
func TestStalledBody(t *testing.T) {
	t.Parallel()
	upstream, _ := recording(t)
	const timeout = 300 * time.Millisecond
	f := newFront(t, upstream.URL, timeout)
	conn, err := net.Dial("tcp", f.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nfour")
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err := f.failed(t, resp, err); errors.Is(err, context.Canceled) {
		t.Errorf("the caller is taken for gone: %v", err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
	if _, err := io.Copy(io.Discard, conn); err != nil {
		t.Errorf("the connection stays open, though the call has ended: %v", err)
	}
}

// TestBrokenOffChunked is TestBrokenOff for an answer whose length is not
// known before its end.
func TestBrokenOffChunked(t *testing.T) {
	for _, rest := range []string{"", "5\r\nhal", "zz\r\n"} {
		upstream, _ := rawUpstream(t, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"+rest)
		f := newFront(t, upstream, 5*time.Second)
		resp, err := http.Get(f.URL + "/x")
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err == nil {
			t.Errorf("the answer %q looks whole", text)
		}
	}
}

// TestCallerGoneEarly wants the error of a call whose caller went away to say
// so, and that of a silent upstream not to.
func TestCallerGoneEarly(t *testing.T) {
	t.Parallel()
	began := make(chan struct{}, 2)
	upstream := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		began <- struct{}{}
		<-r.Context().Done()
	}))
	t.Cleanup(upstream.Close)
	f := newFront(t, upstream.URL, 3*time.Second) // a caller who is gone is found out before
	for _, gone := range []bool{true, false} {
		conn, err := net.Dial("tcp", f.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(conn, "GET /x HTTP/1.1\r\nHost: h\r\n\r\n")
		<-began
		if gone {
			conn.Close()
		} else {
			defer conn.Close()
		}
		if err := <-f.errs; errors.Is(err, context.Canceled) != gone {
			t.Errorf("caller gone: %t; error: %v", gone, err)
		}
	}
}

// TestRestIsNoCall is a caller whose body goes on after the answer: the rest
// must not be taken for another call on the connection.
//
// Proves: CC-2
func TestRestIsNoCall(t *testing.T) {
	t.Parallel()
	upstream, got := rawUpstream(t, "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nabc")
	f := newFront(t, upstream, 500*time.Millisecond)
	conn, err := net.Dial("tcp", f.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const rest = "GET /hidden HTTP/1.1\r\nHost: h\r\n\r\n"
	fmt.Fprintf(conn, "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n", len(rest))
	if line := <-got; !strings.HasPrefix(line, "POST /x ") {
		t.Fatalf("the upstream reads %q", line)
	}
	<-f.errs
	for range 200 {
		time.Sleep(100 * time.Millisecond)
		if _, err := io.WriteString(conn, rest[:1]); err != nil {
			return // closed, as it should be
		}
		if _, err := io.WriteString(conn, rest[1:]); err != nil {
			return
		}
		if len(got) > 0 {
			t.Fatalf("the upstream reads %q, which was part of a body", <-got)
		}
	}
	t.Error("the connection was kept")
}

// TestCallerGoneLate is a caller that goes away in the midst of its answer:
// the upstream hears of it, and net/http finds nothing to log.
func TestCallerGoneLate(t *testing.T) {
	t.Parallel()
	ended := make(chan struct{}, 2)
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).EnableFullDuplex()
		for r.Context().Err() == nil {
			_, _ = io.Copy(w, io.LimitReader(zeros{}, 1<<16))
		}
		ended <- struct{}{}
	}))
	t.Cleanup(upstream.Close)
	f := newFront(t, upstream.URL, 20*time.Second)
	for _, request := range []string{"GET /x HTTP/1.1\r\nHost: h\r\n\r\n", "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nfour"} {
		conn, err := net.Dial("tcp", f.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(conn, request)
		if _, err := io.ReadFull(conn, make([]byte, 1<<10)); err != nil {
			t.Fatal(err)
		}
		conn.Close()
		select {
		case <-ended:
		case <-time.After(time.Minute):
			t.Fatal("the upstream still answers a caller that is gone")
		}
	}
}
