package gateway

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/opentcb/opentcb/internal/stall"
)

// lingerTime is how long a caller may go on sending a body that is no longer
// wanted, so that it gets to reading its answer.
const lingerTime = time.Second

// longAgo as a deadline wakes whoever reads.
var longAgo = time.Unix(1, 0)

// errOver is for a transport that reads on after its call has ended.
var errOver = errors.New("the call has ended")

// body is a caller's body on its way to the upstream. The transport reads it
// in a goroutine of its own and may still block there after the call has
// failed. interrupt wakes it, so that it neither holds the call up nor reads
// from a connection that the server has taken back.
type body struct {
	io.ReadCloser
	conn    *http.ResponseController
	shares  bool         // its connection with others, in HTTP/2
	watch   *stall.Watch // over the call
	isWhole atomic.Bool  // its end was read

	reading sync.Mutex
	isOver  bool // under reading
}

// Read counts what comes as progress.
func (b *body) Read(buf []byte) (int, error) {
	b.reading.Lock()
	defer b.reading.Unlock()
	if b.isOver {
		return 0, errOver
	}
	n, err := b.ReadCloser.Read(buf)
	if err == io.EOF {
		b.isWhole.Store(true)
	}
	if n > 0 || err == io.EOF {
		b.watch.Moved(0)
	}
	return n, err
}

// interrupt wakes a reader, and reports whether it could.
func (b *body) interrupt() bool {
	return !b.isWhole.Load() && b.conn.SetReadDeadline(longAgo) == nil
}

// end stops the transport from reading on, and leaves the server lingerTime to
// take in the rest.
func (b *body) end() {
	if !b.interrupt() {
		return
	}
	b.reading.Lock()
	b.isOver = true
	b.reading.Unlock()
	_ = b.conn.SetReadDeadline(time.Now().Add(lingerTime))
}

// closeUnlessWhole has the server close the connection after an answer that
// comes before the end of the body: net/http would take what is left of it for
// the next request. In HTTP/2 it ends the stream by itself. The answer's header must
// not be written yet.
func (b *body) closeUnlessWhole(w http.ResponseWriter) {
	if !b.isWhole.Load() && !b.shares {
		w.Header().Set("Connection", "close")
	}
}
