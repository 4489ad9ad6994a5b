package node

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"time"
)

// head watches over the header of a request as it arrives. net/http bounds its
// bytes, and a line of few bytes takes fifty times as many in memory: 16 KiB of
// such lines are 200 KiB.
type head struct {
	over  bool // it has arrived
	lines int
	text  bool // the line that has begun is not empty
}

// headStep is the most of a header that is read at once. What follows it in the
// same step may be the next request's, and is not counted.
const headStep = 1 << 10

// How a header of too many lines is refused, in the words of net/http about one
// of too many bytes; and how long what its caller still sends is left alone, so
// that it can read that.
const (
	headRefusal  = "HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n431 Request Header Fields Too Large"
	headFarewell = 500 * time.Millisecond
)

// Read reads, and refuses a header of too many lines.
func (c *conn) Read(p []byte) (int, error) { return c.head.read(c.TCPConn, c.listener, p) }

func (c *conn) watch() *head { return &c.head }

// halfCloser is a connection of TCP or of TLS.
type halfCloser interface {
	io.ReadWriter
	CloseWrite() error
}

// read reads from a connection of that listener.
func (h *head) read(c halfCloser, l *listener, p []byte) (int, error) {
	if h.over {
		return c.Read(p)
	}
	n, err := c.Read(p[:min(len(p), headStep)])
	if h.add(p[:n]); h.lines <= l.maxLines {
		return n, err
	}
	l.refused.Add(1)
	if _, err := io.WriteString(c, headRefusal); err == nil && c.CloseWrite() == nil {
		time.Sleep(headFarewell)
	}
	return 0, io.EOF
}

// add counts the lines of the header that are in b. Empty ones before it do not
// count.
func (h *head) add(b []byte) {
	for whole := true; whole && !h.over; {
		var line []byte
		line, b, whole = bytes.Cut(b, []byte("\n"))
		h.text = h.text || len(bytes.TrimSuffix(line, []byte("\r"))) > 0
		switch {
		case whole && h.text:
			h.lines++
			h.text = false
		case whole:
			h.over = h.lines > 0
		}
	}
}

// watchHead tells a connection of HTTP/1 whether a header may arrive: from its
// beginning until one was read, and again after each answer.
func watchHead(c net.Conn, state http.ConnState) {
	watched, ok := c.(interface{ watch() *head })
	switch {
	case !ok: // HTTP/2
	case state == http.StateActive, state == http.StateIdle:
		*watched.watch() = head{over: state == http.StateActive}
	case state == http.StateHijacked:
		watched.watch().over = true
	}
}

// lineLimit refuses requests of HTTP/2 whose header has too many lines. Their bytes
// are bounded before, each line counting 32 more.
type lineLimit struct {
	next     http.Handler
	listener *listener
}

// ServeHTTP passes a request on.
func (l lineLimit) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor < 2 {
		l.next.ServeHTTP(w, r)
		return
	}
	lines := 2 // what is the request line and Host in HTTP/1
	for _, values := range r.Header {
		lines += len(values)
	}
	if lines > l.listener.maxLines {
		l.listener.refused.Add(1)
		http.Error(w, "431 Request Header Fields Too Large", http.StatusRequestHeaderFieldsTooLarge)
		return
	}
	l.next.ServeHTTP(w, r)
}
