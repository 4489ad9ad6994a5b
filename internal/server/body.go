package server

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/opentcb/opentcb/internal/cloud"
)

// The largest body of a call, in bytes: of a caller whose token is genuine
// (EN-9), and of one of whom nothing is known yet.
const (
	maxBody     = 1 << 20
	maxOpenBody = 16 << 10
)

// How much of a body costs nothing of the budget. freeBody is the size of the
// buffers that are kept for the next bodies, too. Who is not known waits with less.
const (
	freeBody     = 4 << 10
	freeOpenBody = 512
)

// buffers are for reading bodies of callers whose token is genuine.
var buffers = sync.Pool{New: func() any { b := make([]byte, 0, freeBody); return &b }}

// bodies are the bodies in memory. Beyond what is free each takes its size from one
// budget, so that clients together cannot take the server's memory. Callers of
// whom nothing is known may take a quarter of it.
type bodies struct {
	most int64
	all  atomic.Int64
	open atomic.Int64 // of callers of whom nothing is known
}

// take asks the budget for room, and reports whether there is.
func (b *bodies) take(n int64, isOpen bool) bool {
	if b.all.Add(n) > b.most || isOpen && b.open.Add(n) > b.most/4 {
		b.give(n, isOpen)
		return false
	}
	return true
}

// give returns room to the budget.
func (b *bodies) give(n int64, isOpen bool) {
	b.all.Add(-n)
	if isOpen {
		b.open.Add(-n)
	}
}

// bodyReader reads one body.
type bodyReader struct {
	budget *bodies
	isOpen bool // nothing is known of the caller
	most   int  // bytes; 0: as many as other bodies
	buf    []byte
	taken  int64
}

// read reads the body. One that is too large, or for which there is no room, is
// not read to its end.
func (b *bodyReader) read(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	most := cmp.Or(b.most, maxBody)
	if b.isOpen {
		most = maxOpenBody
	}
	if r.ContentLength > int64(most) {
		return nil, tooLarge(most)
	}
	b.buf = b.buf[:0]
	for {
		n, err := r.Body.Read(b.buf[len(b.buf):cap(b.buf)])
		b.buf = b.buf[:len(b.buf)+n]
		switch {
		case len(b.buf) > most: // of unknown length, perhaps without end
			if r.ProtoMajor == 1 { // HTTP/2 ends the stream, whose neighbours have nothing to do with it
				w.Header().Set("Connection", "close")
			}
			return nil, tooLarge(most)
		case err == io.EOF && int64(len(b.buf)) < r.ContentLength:
			return nil, notWhole(io.ErrUnexpectedEOF)
		case err == io.EOF, int64(len(b.buf)) == r.ContentLength:
			_ = r.Body.Close() // net/http need not look for more
			return b.buf, nil
		case err != nil:
			return nil, notWhole(err)
		}
		if len(b.buf) == cap(b.buf) && !b.grow(most) {
			return nil, cloud.Refused(cloud.LimitReached, "too many large bodies at once: try again")
		}
	}
}

// grow makes the buffer twice as large, and reports whether the budget has room
// for it: what was announced and does not come takes none. One byte beyond the
// most is room to notice a body that is too large.
func (b *bodyReader) grow(most int) bool {
	size := min(2*cap(b.buf), most+1)
	if !b.budget.take(int64(size)-b.taken, b.isOpen) {
		return false
	}
	b.taken = int64(size)
	b.buf = append(make([]byte, 0, size), b.buf...)
	return true
}

// end returns what the body took.
func (b *bodyReader) end() {
	if b.taken > 0 {
		b.budget.give(b.taken, b.isOpen)
		b.taken = 0
	}
}

// tooLarge is the refusal of a body beyond so many bytes.
func tooLarge(most int) error {
	text := fmt.Sprintf("the body is over %d KiB", most>>10)
	if most >= 1<<20 {
		text = fmt.Sprintf("the body is over %d MiB", most>>20)
	}
	return cloud.Refused(cloud.MalformedBody, text)
}

// notWhole is the refusal of a body that ended, or could not be read, in the
// middle.
func notWhole(err error) error {
	return &cloud.Error{Kind: cloud.MalformedBody, Detail: "the body did not arrive whole", Err: err}
}

// drain reads what is left of a body, to its limit, so that the answer
// reaches a caller that sends before it reads. It returns why it ended early.
func drain(r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	return err
}

// The most of a refused body that is read, as net/http does it, and how much of
// it at once: net/http would take 8 KiB for that from each caller that is slow.
const (
	maxUnread  = 256 << 10
	unreadStep = 128
)

// readRest reads what is left of a body that was refused, so that its connection
// can be kept and its caller, who may send all before it reads, is heard out.
func readRest(w http.ResponseWriter, r *http.Request) {
	ends := r.Close || w.Header().Get("Connection") == "close" // the connection is not kept
	if ends || r.ContentLength == 0 || r.ContentLength >= maxUnread || r.Header.Get("Expect") != "" {
		return
	}
	buf := make([]byte, unreadStep)
	for left := maxUnread; left > 0; {
		n, err := r.Body.Read(buf)
		if err != nil {
			return // its end, mostly
		}
		left -= n
	}
}
