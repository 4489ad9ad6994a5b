//go:build linux

package soaktest

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// way is how a listener is spoken to.
type way struct {
	name      string
	secure    bool
	dial      func(address string) (stream, error) // into which HTTP/1 is written
	dialRaw   func(address string) (stream, error) // into which anything is written
	malformed int                                  // how many requests that are none it is sent
	atOnce    int
}

var (
	plainWay = way{"HTTP/1", false, dialPlain, dialPlain, 10_000, 4}
	tlsWay   = way{"HTTP/1 in TLS", true, dialTLS, dialTLS, 500, 4}
	http2Way = way{"HTTP/2", true, dialHTTP2, dialFrames, 500, 16} // each waits a second for its end
)

var (
	dialTLS    = again(func(address string) (stream, error) { return shakeHands(address, "http/1.1") })
	dialFrames = again(beginFrames) // a connection of HTTP/2 into which frames can be written
)

// again returns a dialer that tries up to 20 times: the server ends a connection whose
// handshake takes 20 seconds, or whose first frame takes two, and so long they may take
// among a thousand others.
func again(dial func(string) (stream, error)) func(string) (stream, error) {
	return func(address string) (conn stream, err error) {
		for range 20 {
			if conn, err = dial(address); err == nil {
				break
			}
		}
		return conn, err
	}
}

// stream is a connection as bad clients use it.
type stream interface {
	net.Conn
	CloseWrite() error
	SetReadBuffer(bytes int) error
}

func dialPlain(address string) (stream, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	return conn.(*net.TCPConn), nil
}

// tlsStream is a connection in TLS.
type tlsStream struct {
	*tls.Conn
	tcp stream
}

func (s *tlsStream) SetReadBuffer(bytes int) error { return s.tcp.SetReadBuffer(bytes) }

// shakeHands opens a connection in TLS for a protocol.
func shakeHands(address, protocol string) (stream, error) {
	conn, err := dialPlain(address)
	if err != nil {
		return nil, err
	}
	secure := tls.Client(conn, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{protocol}})
	if err := secure.Handshake(); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return &tlsStream{secure, conn}, nil
}

func beginFrames(address string) (stream, error) {
	conn, err := shakeHands(address, "h2")
	if err != nil {
		return nil, err
	}
	_, err = io.WriteString(conn, http2.ClientPreface)
	if err == nil {
		err = http2.NewFramer(conn, nil).WriteSettings()
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// http2Stream speaks HTTP/2 for a client that writes HTTP/1: each request is a stream,
// a head without an end is a header without one, and what follows a head is data. The
// answer is read as HTTP/1 has it. It opens no window: who does not read gets no more.
type http2Stream struct {
	stream
	address string
	encoder *hpack.Encoder
	block   bytes.Buffer // of the header, not sent yet
	text    []byte       // written, not sent yet
	at      part
	left    int64 // of the body; below 0: it has no end

	writing sync.Mutex // a frame
	framer  *http2.Framer

	mu           sync.Mutex
	changed      *sync.Cond
	id           uint32 // of the stream; 0: none yet
	over         bool   // the server has ended it
	window, conn int64  // what may be sent
	initial      int64
	answer       bytes.Buffer
	err          error // the connection has ended
}

func dialHTTP2(address string) (stream, error) {
	conn, err := dialFrames(address)
	if err != nil {
		return nil, err
	}
	s := &http2Stream{stream: conn, address: address, framer: http2.NewFramer(conn, conn), conn: 65535, initial: 65535}
	s.changed = sync.NewCond(&s.mu)
	s.encoder = hpack.NewEncoder(&s.block)
	s.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	go s.receive()
	return s, nil
}

// send writes a frame.
func (s *http2Stream) send(frame func() error) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	return frame()
}

// receive takes what the server sends, until the connection ends.
func (s *http2Stream) receive() {
	for {
		frame, err := s.framer.ReadFrame()
		s.mu.Lock()
		switch f := frame.(type) {
		case *http2.SettingsFrame:
			if size, ok := f.Value(http2.SettingInitialWindowSize); ok {
				s.window += int64(size) - s.initial
				s.initial = int64(size)
			}
			if !f.IsAck() {
				err = s.send(s.framer.WriteSettingsAck)
			}
		case *http2.WindowUpdateFrame:
			if f.StreamID == 0 {
				s.conn += int64(f.Increment)
			} else if f.StreamID == s.id {
				s.window += int64(f.Increment)
			}
		case *http2.MetaHeadersFrame:
			fmt.Fprintf(&s.answer, "HTTP/1.1 %s -\r\n\r\n", f.PseudoValue("status"))
			s.over = s.over || f.StreamID == s.id && f.StreamEnded()
		case *http2.DataFrame:
			s.answer.Write(f.Data())
			s.over = s.over || f.StreamID == s.id && f.StreamEnded()
		case *http2.RSTStreamFrame:
			s.over = s.over || f.StreamID == s.id
		}
		s.err = err
		s.changed.Broadcast()
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// part is how far a request has been sent.
type part int

const (
	nothing part = iota
	someLines
	wholeHead
)

func (s *http2Stream) Write(p []byte) (int, error) {
	s.text = append(s.text, p...)
	for more := true; more; {
		var err error
		if s.at == wholeHead {
			more, err = s.sendBody()
		} else {
			more, err = s.sendHead()
		}
		if err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// sendHead sends the lines of a head that are whole, and reports whether that has ended.
func (s *http2Stream) sendHead() (ended bool, err error) {
	for !ended {
		line, rest, whole := bytes.Cut(s.text, []byte("\r\n"))
		if !whole {
			break
		}
		s.text = rest
		if ended = len(line) == 0; !ended {
			s.encode(string(line))
		}
	}
	if s.block.Len() == 0 && !ended {
		return false, nil
	}
	s.mu.Lock()
	if s.at == nothing {
		s.id, s.over, s.window = (s.id+2)|1, false, s.initial
	}
	id, err := s.id, s.err
	s.mu.Unlock()
	if err != nil {
		return false, err
	}
	err = s.send(func() error {
		if s.at == someLines {
			return s.framer.WriteContinuation(id, ended, s.block.Bytes())
		}
		return s.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: s.block.Bytes(), EndHeaders: ended})
	})
	s.block.Reset()
	s.at = someLines
	if ended {
		s.at = wholeHead
	}
	return ended, err
}

// encode puts a line of a head into the header.
func (s *http2Stream) encode(line string) {
	field := func(name, value string) { _ = s.encoder.WriteField(hpack.HeaderField{Name: name, Value: value}) }
	if s.at == nothing && s.block.Len() == 0 {
		s.left = 0
		method, path, _ := strings.Cut(line, " ")
		path, _, _ = strings.Cut(path, " ")
		field(":method", method)
		field(":scheme", "https")
		field(":authority", s.address)
		field(":path", path)
		return
	}
	name, value, _ := strings.Cut(line, ":")
	name, value = strings.ToLower(name), strings.TrimSpace(value)
	switch name {
	case "host":
		return
	case "transfer-encoding":
		s.left = -1
		return
	case "content-length":
		s.left, _ = strconv.ParseInt(value, 10, 64)
	}
	field(name, value)
}

// sendBody sends what there is of a body and the server has room for, and reports
// whether another request may follow.
func (s *http2Stream) sendBody() (ended bool, err error) {
	s.mu.Lock()
	most := int64(len(s.text))
	if s.left >= 0 {
		most = min(most, s.left)
	}
	for s.err == nil && !s.over && most > 0 && min(s.window, s.conn) <= 0 {
		s.changed.Wait()
	}
	n := min(most, max(0, s.window), max(0, s.conn), 16<<10)
	s.window, s.conn = s.window-n, s.conn-n
	id, over, err := s.id, s.over, s.err
	s.mu.Unlock()
	switch {
	case err != nil:
		return false, err
	case over && s.left != n:
		return false, errors.New("the server has ended the stream")
	case n == 0 && s.left != 0:
		return false, nil
	}
	data := s.text[:n]
	s.text = s.text[n:]
	if s.left >= 0 {
		s.left -= n
	}
	ended = s.left == 0
	if ended {
		s.at = nothing
	}
	return true, s.send(func() error { return s.framer.WriteData(id, ended, data) })
}

// Read reads the answers.
func (s *http2Stream) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.answer.Len() == 0 && s.err == nil && !s.over {
		s.changed.Wait()
	}
	if s.answer.Len() == 0 && errors.Is(s.err, os.ErrDeadlineExceeded) {
		return 0, s.err
	}
	return s.answer.Read(p)
}

// CloseWrite ends the request under way.
func (s *http2Stream) CloseWrite() error {
	s.mu.Lock()
	id := s.id
	s.mu.Unlock()
	if s.at != wholeHead {
		return s.stream.CloseWrite()
	}
	return s.send(func() error { return s.framer.WriteData(id, true, nil) })
}
