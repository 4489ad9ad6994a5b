//go:build linux

package soaktest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// TestStop sends SIGTERM under load: every call that was accepted is answered,
// what takes longer is finished, further signals do no harm, and the process
// ends with status 0.
//
// What a call that was accepted is: HTTP/1.1 lets a server close an idle
// connection whenever it likes, and a client that writes into it at that moment
// learns of it by an end of file. A server that closes a connection in which a
// request has already arrived sends a reset instead. So of the calls in an
// established connection, those that meet an end of file before any answer
// were not accepted, and every reset, and every answer that breaks off, is a
// call that was accepted and is not answered. A connection that the server
// never took from the queue of its listener does not count: the client sees a
// refusal or a reset before its first answer.
func TestStop(t *testing.T) {
	l := launch{binary: watched(), data: filepath.Join(t.TempDir(), "data")}
	first := l
	first.world = newWorld(t, 8)
	s := start(t, first)
	clients := login(t, s, 8)
	cr := &crowd{}
	cr.add(clients[1], newSetter(1))
	cr.add(clients[2], newCreator(2, 100))
	w, err := newUploader(3, 600_000, clients[3])
	must(t, "an uploader's function and key", err)
	cr.add(clients[3], w)
	h := newStopTest(t, clients[4])

	for range length(4, 40) {
		h.s = s
		h.stopUnderLoad(cr)
		checkDatabase(t, l.data)
		s = start(t, l)
		cr.check(t, s)
	}
	recorded := readAudit(t, s)[doneGet(h.env)]
	if told := int(h.gets.Load()); recorded < told {
		t.Errorf("%d gets were answered, %d are in the audit record after orderly stops", told, recorded)
	}
	cr.checkAudit(t, s)
	s.stop()
	t.Logf("%d gets answered, %d connections ended between calls, %d never taken from the queue", h.gets.Load(), h.ended.Load(), h.queued.Load())
}

// TestStopStuck has a call under way that never ends: the server gives it the
// time that it was told to give, 30 s by default, and ends with status 0 all
// the same.
func TestStopStuck(t *testing.T) {
	s := start(t, launch{
		binary: watched(), data: filepath.Join(t.TempDir(), "data"), world: newWorld(t, 1),
		args: []string{"--shutdown-timeout", "1s"},
	})
	h := &stopTest{t: t, s: s, token: login(t, s, 1)[0].token, env: envid(0, 0)}
	conn, err := net.Dial("tcp", h.address())
	must(t, "dial", err)
	defer conn.Close()
	request := h.get()
	io.WriteString(conn, request[:len(request)-1])
	time.Sleep(100 * time.Millisecond)
	s.stop()
	if said := s.log.String(); !strings.Contains(said, "cut off by the shutdown") || !strings.Contains(said, "after=1s") {
		t.Errorf("it does not say that it gave calls under way 1s:\n%s", said)
	}
}

// stopTest is the load that knows exactly what became of its calls.
type stopTest struct {
	t                   *testing.T
	s                   *server
	token, env, key     string
	large               string // checksum of code that takes a while to download
	gets, ended, queued atomic.Int64
}

func newStopTest(t *testing.T, c *client) *stopTest {
	t.Helper()
	h := &stopTest{t: t, token: c.token, env: envid(4, 0)}
	var err error
	h.key, err = c.codeSecret()
	must(t, "getcodesecret", err)
	must(t, "createfunction", c.createFunction(h.env, "large"))
	must(t, "createfunction", c.createFunction(h.env, "slow"))
	code := newZip(1, 14<<20)
	must(t, "an upload", c.upload(h.env, "large", h.key, code))
	h.large = sumOf(code)
	return h
}

func (h *stopTest) address() string { return strings.TrimPrefix(h.s.api, "http://") }

func (h *stopTest) stopUnderLoad(cr *crowd) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), time.Minute)
	defer cancel()
	var wg sync.WaitGroup
	run := func(what string, do func() error) {
		wg.Go(func() {
			if err := do(); err != nil {
				h.t.Errorf("%s: %v", what, err)
			}
		})
	}
	began := make(chan struct{}, 3) // the calls that take long are under way
	run("witnesses", func() error { return cr.work(ctx, h.s) })
	for range 8 {
		run("a busy connection", func() error { return h.busy(ctx) })
	}
	for range 4 {
		run("new connections", func() error { return h.fresh(ctx) })
	}
	for range 20 {
		run("a connection at rest", func() error { return h.atRest(ctx) })
	}
	run("a slow upload", func() error { return h.slowUpload(began) })
	run("a slow call", func() error { return h.slowCall(began) })
	run("a slow download", func() error { return h.slowDownload(began) })
	for range cap(began) {
		<-began
	}
	time.Sleep(time.Duration(100+rand.IntN(100)) * time.Millisecond)
	h.s.signal(syscall.SIGTERM)
	time.Sleep(300 * time.Millisecond)
	h.s.signal(syscall.SIGTERM)
	h.s.signal(syscall.SIGINT)
	h.s.awaitExit()
	wg.Wait()
}

func (h *stopTest) get() string {
	body := fmt.Sprintf(`{"action":"get","env":%q}`, h.env)
	return fmt.Sprintf("POST /tcb/usecloudaccesstoken?access_token=%s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n%s",
		h.token, h.address(), len(body), body)
}

// How a call in a connection ends, other than by an answer or a fault.
var (
	errEnded = errors.New("the connection ended before the call")
	errReset = errors.New("the connection was reset, and the call is not answered")
)

// exchange makes one call in a connection. last says that it was the last.
func (h *stopTest) exchange(conn net.Conn, in *bufio.Reader) (last bool, err error) {
	io.WriteString(conn, h.get()) // what comes back reports whether it arrived
	if _, err := in.Peek(1); err == io.EOF {
		return true, errEnded
	} else if err != nil {
		return true, fmt.Errorf("%w: %v", errReset, err)
	}
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		return true, fmt.Errorf("an answer broke off: %w", err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return true, fmt.Errorf("an answer broke off: %w", err)
	}
	if err := decode(res.StatusCode, body, nil); err != nil {
		return true, err
	}
	h.gets.Add(1)
	return res.Close, nil
}

// busy makes calls in one connection, a new one when the server has ended it.
func (h *stopTest) busy(ctx context.Context) error {
	for ctx.Err() == nil {
		conn, err := net.Dial("tcp", h.address())
		if err != nil {
			return nil
		}
		if err := h.calls(ctx, conn); err != nil {
			return err
		}
	}
	return nil
}

// calls makes calls in a connection until it ends.
func (h *stopTest) calls(ctx context.Context, conn net.Conn) error {
	defer conn.Close()
	in := bufio.NewReader(conn)
	for n := 0; ctx.Err() == nil; n++ {
		last, err := h.exchange(conn, in)
		if err != nil {
			return h.tolerate(n == 0, err)
		}
		if last {
			return nil
		}
		pause(10)
	}
	return nil
}

// tolerate tells what was not accepted from what was.
func (h *stopTest) tolerate(firstCall bool, err error) error {
	switch {
	case errors.Is(err, errEnded):
		h.ended.Add(1)
		return nil
	case errors.Is(err, errReset) && firstCall:
		h.queued.Add(1)
		return nil
	}
	return err
}

// fresh makes one call per connection.
func (h *stopTest) fresh(ctx context.Context) error {
	for ctx.Err() == nil {
		conn, err := net.Dial("tcp", h.address())
		if err != nil {
			return nil
		}
		_, err = h.exchange(conn, bufio.NewReader(conn))
		conn.Close()
		if err != nil {
			return h.tolerate(true, err)
		}
		pause(5)
	}
	return nil
}

// atRest makes a call, rests, and makes another about when the server is told
// to stop.
func (h *stopTest) atRest(ctx context.Context) error {
	conn, err := net.Dial("tcp", h.address())
	if err != nil {
		return nil
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	for n := range 2 {
		last, err := h.exchange(conn, in)
		if err != nil {
			return h.tolerate(n == 0, err)
		}
		if last {
			return nil
		}
		time.Sleep(time.Duration(rand.IntN(600)) * time.Millisecond)
	}
	return nil
}
