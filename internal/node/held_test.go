package node_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"testing"
	"time"
)

// heldAtMost is what a connection may hold beside what was sent of a header or
// body, in bytes. It is 17 to 21 KiB, of which net/http's buffers and stack are
// 18, and half a KiB is the test's own end.
const heldAtMost = 24 << 10

// Where the goroutine of a connection waits for its caller.
const (
	inHeader  = "net/http.(*conn).readRequest"
	inBody    = "server.(*bodyReader).read"
	inRefused = "server.readRest"
)

const (
	openStart   = "POST /cgi-bin/component/api_component_token HTTP/1.1\r\nHost: h\r\n"
	openBody    = openStart + "Content-Length: 16384\r\n\r\n"
	openForm    = "POST /cgi-bin/componentloginpage HTTP/1.1\r\nHost: h\r\nContent-Length: 16384\r\n\r\n"
	badToken    = "POST /tcb/getcodesecret?access_token=x HTTP/1.1\r\nHost: h\r\nContent-Length: 16384\r\n\r\n"
	manyHeaders = 3900 // of four bytes each: within the bytes of a header
)

// TestHeldByStrangers leaves requests of callers without a token in the middle,
// hundreds at each place, and counts what the server holds for each: heap and
// stacks in use. How fast it is does not matter to that.
func TestHeldByStrangers(t *testing.T) {
	for _, c := range []struct{ name, text, waits string }{
		{"a header", openStart + "X-A: ", inHeader},
		{"many headers", openStart + strings.Repeat("a:\r\n", manyHeaders), ""},
		{"a large header", openStart + "X-A: " + strings.Repeat("a", 15<<10), inHeader},
		{"no body", openBody, inBody},
		{"a body", openBody + strings.Repeat(" ", 100), inBody},
		{"chunks", openStart + "Transfer-Encoding: chunked\r\n\r\n1\r\n \r\n", inBody},
		{"a large body", openBody + strings.Repeat(" ", 16<<10-1), inBody},
		{"a body after a false token", badToken + "{", inRefused},
		{"a body to nowhere", "POST /none HTTP/1.1\r\nHost: h\r\nContent-Length: 16384\r\n\r\n{", inRefused},
		{"a large form", openForm + strings.Repeat(" ", 16<<10-1), inBody},
		{"a false upload", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 16384\r\n\r\n{", inRefused},
	} {
		t.Run(c.name, func(t *testing.T) {
			const strangers = 400
			b := startBench(t)
			conns := make([]net.Conn, strangers)
			before := held()
			for i := range conns {
				conns[i] = b.dial()
				if _, err := io.WriteString(conns[i], c.text); err != nil {
					t.Fatal(err)
				}
			}
			if c.waits == "" {
				b.awaitGoroutines("net/http.(*conn).serve", 0)
			} else {
				b.awaitGoroutines(c.waits, strangers)
			}
			each := (held() - before) / strangers
			if most := heldAtMost + raceStack + len(c.text); each > most {
				t.Errorf("%d bytes for each, want at most %d", each, most)
			} else {
				t.Logf("%d bytes for each of %d sent", each, len(c.text))
			}
		})
	}
}

// held returns how many bytes of heap and stacks are in use.
func held() int {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what pools keep goes with the second
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc + m.StackInuse)
}

// dial opens a connection to the interfaces that lasts as long as the test.
func (b *bench) dial() net.Conn {
	b.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(b.node.APIURL(), "http://"))
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { conn.Close() })
	return conn
}

// awaitGoroutines waits until so many goroutines are in a function that the
// other end of a connection keeps waiting.
func (b *bench) awaitGoroutines(in string, want int) {
	b.t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		got := goroutinesIn(in)
		if got == want {
			return
		}
		if time.Now().After(end) {
			b.t.Fatalf("%d goroutines in %s, want %d", got, in, want)
		}
	}
}

func goroutinesIn(function string) (n int) {
	var text bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&text, 1); err != nil {
		panic(err)
	}
	for group := range strings.SplitSeq(text.String(), "\n\n") {
		count, stack, _ := strings.Cut(group, " @ ")
		if many, err := strconv.Atoi(count[strings.LastIndex(count, "\n")+1:]); err == nil && strings.Contains(stack, function) {
			n += many
		}
	}
	return n
}

// TestManyHeaders: a header of too many lines is refused in the words of HTTP,
// also in a later request of a connection; as many as are allowed are not, and
// lines of a body do not count.
func TestManyHeaders(t *testing.T) {
	b := startBench(t)
	lines := strings.Repeat("X-A: b\r\n", b.cfg.Limits.MaxHeaderLines-3) // one each: request line, Host, Content-Length
	body := "{" + strings.Repeat("\n", 500) + "}"
	good := openStart + lines + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body)
	conn := b.dial()
	answers := bufio.NewReader(conn)
	ask := func(text string) (status, answer string) {
		if _, err := io.WriteString(conn, text); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		all, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.Status, string(all)
	}
	for range 2 {
		if status, answer := ask(good); !strings.Contains(answer, `"errcode":40101`) {
			t.Fatalf("as many lines as are allowed: %s %s", status, answer)
		}
	}
	const tooLarge = "431 Request Header Fields Too Large"
	if status, _ := ask(openStart + "X: y\r\n" + lines + "Content-Length: 2\r\n\r\n{}"); status != tooLarge {
		t.Errorf("one more: %s", status)
	}
	if metrics, err := b.metrics(); err != nil || !bytes.Contains(metrics, []byte("opentcb_heads_refused_total 1\n")) {
		t.Errorf("it is not counted: %v", err)
	}
}
