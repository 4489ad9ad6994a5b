package invoke_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/invoke"
)

// newInvoker returns an Invoker whose runtime is served by h.
func newInvoker(t *testing.T, timeout time.Duration, h http.HandlerFunc) *invoke.Invoker {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	i := invoke.New(invoke.Config{Runtime: srv.URL, Secret: "secret", Timeout: timeout, AtOnce: 2})
	t.Cleanup(i.Close)
	return i
}

var call = invoke.Call{AppID: "wx", Env: "env", Function: "hello", Sum: "sum", RID: "rid", Event: []byte("{}")}

const long = time.Minute

// TestAnswers: whatever a runtime answers is a result or one of the failures.
//
// Proves: IV-5, IV-6, IV-7
func TestAnswers(t *testing.T) {
	for _, c := range []struct {
		status  int
		body    string
		result  string
		reason  invoke.Reason
		message string
	}{
		{200, " {\"a\": 1}\n", `{"a": 1}`, 0, ""},
		{200, "null", "null", 0, ""},
		{200, "", "", invoke.Unreachable, "no JSON"},
		{200, "hello", "", invoke.Unreachable, "no JSON"},
		{200, "{} {}", "", invoke.Unreachable, "no JSON"},
		{200, `"` + strings.Repeat("a", 1<<20-2) + `"`, `"` + strings.Repeat("a", 1<<20-2) + `"`, 0, ""},
		{200, `"` + strings.Repeat("a", 1<<20-1) + `"`, "", invoke.TooLarge, ""},
		{201, "{}", "", invoke.Unreachable, "status 201"},
		{204, "", "", invoke.Unreachable, "status 204"},
		{302, "{}", "", invoke.Unreachable, "status 302"},
		{401, `{"error":{"kind":"throw"}}`, "", invoke.Unreachable, "status 401"},
		{404, `{"error":{"kind":"throw"}}`, "", invoke.Unreachable, "status 404"},
		{502, "<html>", "", invoke.Unreachable, "status 502"},
		{500, "<html>", "", invoke.Unreachable, "does not say why"},
		{500, "", "", invoke.Unreachable, "does not say why"},
		{500, "[]", "", invoke.Unreachable, "does not say why"},
		{500, `{"error":"text"}`, "", invoke.Unreachable, "does not say why"},
		{500, `{"error":{"kind":"throw","message":"no"}}`, "", invoke.Failed, "no"},
		// What the runner keeps of message and stack trace, as JSON has it at its longest.
		{500, `{"error":{"kind":"throw","message":"no","stack":"` + strings.Repeat(`\u003c`, 4000+16000) + `"}}`, "", invoke.Failed, "no"},
		{500, `{"error":{"kind":"load","message":"at /home/me/x.js, or file:///opt/a/b.js"}}`, "", invoke.Failed, "at x.js, or b.js"},
		{500, `{"error":{"kind":"throw","message":"/wxa/msg_sec_check of https://a/data/x"}}`, "", invoke.Failed,
			"/wxa/msg_sec_check of https://a/data/x"},
		{500, `{"error":{"kind":"another","message":"no"}}`, "", invoke.Failed, "no"},
		{500, `{"error":{}}`, "", invoke.Failed, ""},
		{500, `{"error":{"kind":"exit","message":"1"}}`, "", invoke.Failed, "145 code exit unexpected"},
		{504, `{"error":{"kind":"timeout","seconds":20}}`, "", invoke.TimedOut, "Invoking task timed out after 20 seconds"},
		{504, `{"error":{}}`, "", invoke.TimedOut, "Invoking task timed out after 3 seconds"},
		{429, `{"error":{}}`, "", invoke.Busy, "try again"},
		{413, `{"error":{"kind":"too_large"}}`, "", invoke.TooLarge, ""},
	} {
		i := newInvoker(t, long, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "/invoke/elsewhere")
			w.WriteHeader(c.status)
			_, _ = io.WriteString(w, c.body)
		})
		result, err := i.Run(t.Context(), call)
		f, _ := errors.AsType[*invoke.Failure](err)
		switch {
		case c.result != "" && (err != nil || string(result) != c.result):
			t.Errorf("%d %.40s: %.40s, %v", c.status, c.body, result, err)
		case c.result == "" && (f == nil || f.Reason != c.reason || !strings.Contains(f.Message, c.message)):
			t.Errorf("%d %.40s: %.40s, %+v; want %d %q", c.status, c.body, result, err, c.reason, c.message)
		}
	}
}

// TestBroken: a runtime that closes, breaks off, speaks no HTTP or is not there.
//
// Proves: IV-6
func TestBroken(t *testing.T) {
	speak := func(text string) string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				_, _ = conn.Read(make([]byte, 4096))
				_, _ = io.WriteString(conn, text)
				conn.Close()
			}
		}()
		return "http://" + l.Addr().String()
	}
	for what, address := range map[string]string{
		"closes":            speak(""),
		"no HTTP":           speak("hello\r\n"),
		"breaks off":        speak("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"),
		"breaks off a fail": speak("HTTP/1.1 500 OK\r\nContent-Length: 100\r\n\r\n{"),
		"not there":         "http://127.0.0.1:1",
		"no address":        "http://127.0.0.1:99999",
		"none":              "",
	} {
		i := invoke.New(invoke.Config{Runtime: address, Timeout: long, AtOnce: 1})
		for range 3 { // a place is given back, whatever the end
			_, err := i.Run(t.Context(), call)
			f, _ := errors.AsType[*invoke.Failure](err)
			want := "the runtime does not answer"
			if address == "" {
				want = "the environment has no runtime"
			}
			if f == nil || f.Reason != invoke.Unreachable || f.Message != want {
				t.Errorf("%s: %v", what, err)
			}
		}
		i.Close()
	}
}

// TestWaiting: a call waits as long as it may, one beyond the places of an environment
// does not, and other environments have their own. A caller that goes away ends the
// wait. None of it is told to the runtime.
//
// Proves: IV-7, IV-10
func TestWaiting(t *testing.T) {
	running, goOn := make(chan *http.Request, 8), make(chan struct{})
	i := newInvoker(t, long, func(w http.ResponseWriter, r *http.Request) {
		running <- r
		<-goOn
		fmt.Fprintf(w, "%q", r.URL.Path)
	})
	defer close(goOn)
	ends := make(chan error, 8)
	run := func(ctx context.Context, env string) {
		c := call
		c.Env = env
		result, err := i.Run(ctx, c)
		if err == nil && string(result) != `"/invoke/`+env+`/hello"` {
			err = fmt.Errorf("the result is %s", result)
		}
		ends <- err
	}
	leaving, leave := context.WithCancel(t.Context())
	go run(t.Context(), "one")
	go run(leaving, "one")
	<-running
	<-running
	run(t.Context(), "one")
	if f, ok := errors.AsType[*invoke.Failure](<-ends); !ok || f.Reason != invoke.Busy || !strings.Contains(f.Message, "2 functions") {
		t.Errorf("a third at once: %v", f)
	}
	if now, most := i.UnderWay(); now != 2 || most != 2 {
		t.Errorf("under way %d of %d", now, most)
	}
	go run(t.Context(), "two")
	if r := <-running; r.URL.Path != "/invoke/two/hello" || r.Header.Get("Authorization") != "Bearer secret" {
		t.Errorf("the runtime got %s with %v", r.URL, r.Header)
	}
	leave()
	if err := <-ends; !errors.Is(err, context.Canceled) {
		t.Errorf("the caller went away: %v", err)
	}
	goOn <- struct{}{}
	goOn <- struct{}{}
	goOn <- struct{}{} // that of the caller who went away runs on
	for range 2 {
		if err := <-ends; err != nil {
			t.Error(err)
		}
	}
	if now, _ := i.UnderWay(); now != 0 {
		t.Errorf("%d are under way at the end", now)
	}
}

// TestNoResultInTime: the wait ends, the function does not.
//
// Proves: IV-7
func TestNoResultInTime(t *testing.T) {
	ended, goOn := make(chan struct{}), make(chan struct{})
	i := newInvoker(t, 50*time.Millisecond, func(http.ResponseWriter, *http.Request) {
		<-goOn
		close(ended)
	})
	_, err := i.Run(t.Context(), call)
	if f, ok := errors.AsType[*invoke.Failure](err); !ok || f.Reason != invoke.Unanswered {
		t.Errorf("%v", err)
	}
	close(goOn)
	<-ended
}

// TestLargeHeader: what an environment's own runtime sends before its answer takes
// little of the server's memory.
//
// Proves: IV-7
func TestLargeHeader(t *testing.T) {
	for size, want := range map[int]string{32 << 10: "", 1 << 20: "the runtime does not answer"} {
		i := newInvoker(t, long, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Large", strings.Repeat("x", size))
			_, _ = io.WriteString(w, "{}")
		})
		_, err := i.Run(t.Context(), call)
		f, failed := errors.AsType[*invoke.Failure](err)
		if failed != (want != "") || failed && (f.Reason != invoke.Unreachable || f.Message != want) {
			t.Errorf("a header of %d bytes: %v", size, err)
		}
	}
}
