package node_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/opentcb/opentcb/internal/node"
)

// rawHTTP2 is a connection of HTTP/2 whose frames a test writes by hand.
type rawHTTP2 struct {
	t    *testing.T
	conn *tls.Conn
	*http2.Framer
	next uint32
}

// dialHTTP2 opens a connection and sends how it begins.
func (s *secureBench) dialHTTP2() *rawHTTP2 {
	s.t.Helper()
	cfg := s.trusting()
	cfg.NextProtos = []string{"h2"}
	conn, err := tls.Dial("tcp", strings.TrimPrefix(s.node.APIURL(), "https://"), cfg)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	r := &rawHTTP2{s.t, conn, http2.NewFramer(conn, conn), 1}
	r.must(errors.Join(second(io.WriteString(conn, http2.ClientPreface)), r.WriteSettings()))
	r.must(r.WriteSettingsAck())
	return r
}

func second(_ int, err error) error { return err }

func (r *rawHTTP2) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// block returns the header of a call, with more lines.
func block(path string, more ...hpack.HeaderField) []byte {
	var b bytes.Buffer
	e := hpack.NewEncoder(&b)
	fields := []hpack.HeaderField{
		{Name: ":method", Value: "POST"}, {Name: ":scheme", Value: "https"},
		{Name: ":authority", Value: "h"}, {Name: ":path", Value: path},
	}
	for _, f := range append(fields, more...) {
		_ = e.WriteField(f)
	}
	return b.Bytes()
}

// open begins a request, whose body is to come, and returns its stream.
func (r *rawHTTP2) open(header []byte) (stream uint32, err error) {
	stream = r.next
	r.next += 2
	return stream, r.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: header, EndHeaders: true})
}

// until reads frames until one is what is wanted, or the connection ends.
func (r *rawHTTP2) until(is func(http2.Frame) bool) error {
	for {
		frame, err := r.ReadFrame()
		if err != nil || is(frame) {
			return err
		}
	}
}

// heldByStream is what a request of HTTP/2 may hold beside what was sent of it, in
// bytes. It is 33 KiB, of which the test's own end is a part.
const heldByStream = 40 << 10

// componentPath takes a body of who is not known yet.
const componentPath = "/cgi-bin/component/api_component_token"

// TestThousandStreams opens ten times as many requests on a connection as it may
// have: what is too much is refused, stream by stream, and the others are served.
//
// Proves: TL-2
func TestThousandStreams(t *testing.T) {
	s := startSecureBench(t)
	r := s.dialHTTP2()
	most, all := s.cfg.Limits.MaxStreams, 10*s.cfg.Limits.MaxStreams
	r.must(r.until(func(f http2.Frame) bool { // the server's settings, of which it waits for the acknowledgement
		settings, ok := f.(*http2.SettingsFrame)
		return ok && settings.IsAck()
	}))
	opened := make(chan struct{})
	go func() {
		defer close(opened)
		for range all {
			if _, err := r.open(block(componentPath)); err != nil {
				return
			}
		}
	}()
	refused := 0
	r.must(r.until(func(f http2.Frame) bool {
		if reset, ok := f.(*http2.RSTStreamFrame); ok && int(reset.StreamID) > 2*most {
			refused++
		}
		return refused == all-most
	}))
	<-opened
	r.must(r.WriteData(1, true, []byte("{}")))
	answered := false
	r.must(r.until(func(f http2.Frame) bool {
		data, ok := f.(*http2.DataFrame)
		answered = answered || ok && data.StreamID == 1 && bytes.Contains(data.Data(), []byte(`"errcode"`))
		return answered
	}))
	if got := s.metric("opentcb_streams_refused_total"); int(got) != refused {
		t.Errorf("%v are counted, want %d", got, refused)
	}
}

// TestStreamsOfAll: requests of HTTP/2 on all connections together are bounded, and
// one more is refused as its interface refuses.
//
// Proves: TL-2
func TestStreamsOfAll(t *testing.T) {
	const most = 5
	s := startSecureBench(t, func(cfg *node.Config) { cfg.Limits.MaxAllStreams = most })
	first := s.dialHTTP2()
	for range most {
		_, err := first.open(block(componentPath))
		first.must(err)
	}
	s.until("all have begun", func() bool { return s.metric("opentcb_streams") == most })
	for path, want := range map[string]string{
		componentPath: `"errcode":45011`, "/": "RequestLimitExceeded", "/download/x": "too many requests",
		"/wxa/x?cloudbase_access_token=x": `"errcode":45011`,
	} {
		resp, err := s.client(2).Post(s.node.APIURL()+path, "application/json", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if !bytes.Contains(text, []byte(want)) {
			t.Errorf("%s: %s %s, want %s", path, resp.Status, text, want)
		}
	}
	resp, err := s.client(1).Post(s.node.APIURL()+componentPath, "application/json", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, _ := io.ReadAll(resp.Body); bytes.Contains(text, []byte("45011")) {
		t.Errorf("HTTP/1.1 is refused too: %s", text)
	}
	first.conn.Close()
	s.until("all have ended", func() bool { return s.metric("opentcb_streams") == 0 })
}

// TestRapidReset opens requests and takes each back at once, tens of thousands: never
// are more at work than a connection may have, and others are served.
//
// Proves: TL-2
func TestRapidReset(t *testing.T) {
	s := startSecureBench(t)
	r := s.dialHTTP2()
	go func() { _, _ = io.Copy(io.Discard, r.conn) }()
	var ended error
	for n := 0; n < 20_000 && ended == nil; n++ {
		stream, err := r.open(block(componentPath))
		if ended = err; err == nil {
			ended = r.WriteRSTStream(stream, http2.ErrCodeCancel)
		}
		if n%1000 == 0 {
			if now := s.metric("opentcb_streams"); int(now) > s.cfg.Limits.MaxStreams {
				t.Errorf("%v requests are at work", now)
			}
		}
	}
	t.Logf("the connection: %v", ended)
	resp, err := s.client(2).Get(s.node.APIURL() + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	r.conn.Close()
	s.until("nothing of it stays", func() bool { return s.metric("opentcb_streams") == 0 })
}

// TestHeaderFlood sends a header that does not end, in continuations: the connection
// is ended before it takes memory, also where one line of the table is named again
// and again. Continuations without anything take no memory; they end with the time.
//
// Proves: TL-2
func TestHeaderFlood(t *testing.T) {
	s := startSecureBench(t)
	var table bytes.Buffer
	e := hpack.NewEncoder(&table)
	_ = e.WriteField(hpack.HeaderField{Name: "x-a", Value: strings.Repeat("a", 4000)})
	repeated := bytes.Repeat([]byte{0x80 | 62}, 4000) // the newest line of the table
	for name, piece := range map[string][]byte{
		"lines": block(componentPath, hpack.HeaderField{Name: "x-a", Value: strings.Repeat("a", 8000)}),
		"empty": nil, "of the table": repeated,
	} {
		t.Run(name, func(t *testing.T) {
			r := s.dialHTTP2()
			before := held()
			go func() { _, _ = io.Copy(io.Discard, r.conn) }()
			begin := append(block(componentPath), table.Bytes()...)
			err := r.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: begin})
			sent := 0
			for ; err == nil && sent < 100_000; sent++ {
				err = r.WriteContinuation(1, false, piece)
			}
			if err == nil && len(piece) > 0 {
				t.Errorf("%d continuations are taken", sent)
			}
			if more := held() - before; more > 8<<20 {
				t.Errorf("%d bytes are held", more)
			}
		})
	}
}

// TestLargeHeader: one that ends, and is larger than it may be, is refused in the
// words of HTTP.
//
// Proves: TL-2
func TestLargeHeader(t *testing.T) {
	s := startSecureBench(t)
	r := s.dialHTTP2()
	line := hpack.HeaderField{Name: "x-a", Value: strings.Repeat("a", s.cfg.Limits.MaxHeaderBytes/4)}
	large := block(componentPath, line, line, line, line, line)
	r.must(r.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: large, EndHeaders: true, EndStream: true}))
	var status string
	decoder := hpack.NewDecoder(4096, func(f hpack.HeaderField) {
		if f.Name == ":status" {
			status = f.Value
		}
	})
	r.must(r.until(func(f http2.Frame) bool {
		if h, ok := f.(*http2.HeadersFrame); ok {
			_, _ = decoder.Write(h.HeaderBlockFragment())
		}
		return status != ""
	}))
	if status != "431" {
		t.Errorf("it is answered %s", status)
	}
}

// TestSlowStreams: streams whose body does not come end in their time, and a
// connection with nothing else on it after them.
//
// Proves: TL-2
func TestSlowStreams(t *testing.T) {
	s := startSecureBench(t, func(cfg *node.Config) {
		cfg.Limits.ReadTimeout, cfg.Limits.IdleTimeout = time.Second, time.Second
	})
	half := s.dialHTTP2() // a header that never ends
	half.must(half.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block(componentPath)}))
	r := s.dialHTTP2()
	streams := map[uint32]bool{}
	for range 20 {
		stream, err := r.open(block(componentPath))
		r.must(err)
		streams[stream] = true
		r.must(r.WriteData(stream, false, []byte("{")))
	}
	r.must(r.until(func(f http2.Frame) bool {
		switch f := f.(type) {
		case *http2.RSTStreamFrame:
			delete(streams, f.StreamID)
		case *http2.DataFrame:
			if f.StreamEnded() {
				delete(streams, f.StreamID)
			}
		}
		return len(streams) == 0
	}))
	for name, conn := range map[string]*rawHTTP2{"with nothing on it": r, "with half a header": half} {
		err := conn.until(func(http2.Frame) bool { return false })
		if timeout, ok := errors.AsType[net.Error](err); err == nil || ok && timeout.Timeout() {
			t.Errorf("a connection %s stays: %v", name, err)
		}
	}
	s.until("nothing of it stays", func() bool { return s.metric("opentcb_streams") == 0 })
}

// TestAnswersNobodyTakes: an answer for which the caller gives no room is given up,
// and so is a connection that takes no byte any more.
//
// Proves: TL-2
func TestAnswersNobodyTakes(t *testing.T) {
	s := startSecureBench(t, func(cfg *node.Config) { cfg.Limits.WriteTimeout = time.Second })
	r := s.dialHTTP2()
	r.must(r.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0}))
	stream, err := r.open(block(componentPath))
	r.must(err)
	r.must(r.WriteData(stream, true, []byte("{}")))
	r.must(r.until(func(f http2.Frame) bool {
		reset, ok := f.(*http2.RSTStreamFrame)
		return ok && reset.StreamID == stream
	}))
	deaf := s.dialHTTP2()
	var pings bytes.Buffer
	for range 500 {
		r.must(http2.NewFramer(&pings, nil).WritePing(false, [8]byte{}))
	}
	for err = nil; err == nil; { // the answers fill what the kernel keeps, since nobody reads them
		_ = deaf.conn.SetDeadline(time.Now().Add(time.Minute))
		_, err = deaf.conn.Write(pings.Bytes())
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		t.Errorf("a connection that takes nothing stays: %v", err)
	}
}

// TestHeldByStrangersOverHTTP2 counts what requests of HTTP/2 hold that wait in the
// middle of a body, each connection full of them.
//
// Proves: TL-2
func TestHeldByStrangersOverHTTP2(t *testing.T) {
	s := startSecureBench(t)
	const conns = 20
	before := held()
	all := conns * s.cfg.Limits.MaxStreams
	for range conns {
		r := s.dialHTTP2()
		go func() { _, _ = io.Copy(io.Discard, r.conn) }()
		time.Sleep(10 * time.Millisecond) // the settings are acknowledged
		for range s.cfg.Limits.MaxStreams {
			stream, err := r.open(block(componentPath, hpack.HeaderField{Name: "content-length", Value: "16384"}))
			r.must(err)
			r.must(r.WriteData(stream, false, bytes.Repeat([]byte(" "), 100)))
		}
	}
	s.awaitGoroutines(inBody, all)
	each := (held() - before) / all
	if text := fmt.Sprintf("%d bytes for each request, and %d in all", each, each*all); each > heldByStream {
		t.Error(text)
	} else {
		t.Log(text)
	}
}
