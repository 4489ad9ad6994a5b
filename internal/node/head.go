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
func (c *conn) Read(p []byte) (int, error) {
	if c.head.over {
		return c.TCPConn.Read(p)
	}
	n, err := c.TCPConn.Read(p[:min(len(p), headStep)])
	if c.head.add(p[:n]); c.head.lines <= c.listener.maxLines {
		return n, err
	}
	c.listener.refused.Add(1)
	if _, err := io.WriteString(c.TCPConn, headRefusal); err == nil && c.CloseWrite() == nil {
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

// watchHead tells a connection whether a header may arrive: from its beginning
// until one was read, and again after each answer.
func watchHead(c net.Conn, state http.ConnState) {
	if state == http.StateActive || state == http.StateIdle {
		c.(*conn).head = head{over: state == http.StateActive}
	}
}
