package node

import (
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// net/http sets five deadlines for each call, and a timer for each costs a
// twentieth of a call that is answered from memory. The deadlines of a server
// are there against clients that never come to an end, so a second more does
// no harm: they are noted, and a sweeper looks once a second whose has passed.

// sweepPause is how long a deadline may be overrun.
const sweepPause = time.Second

// longAgo is before every deadline that net/http sets for the future; it sets
// earlier ones to wake a reader at once.
var longAgo = time.Unix(1<<30, 0)

// deadline is one direction's.
type deadline struct {
	mu     sync.Mutex
	at     time.Time // zero for never; with its monotonic reading, so that a clock that is set changes nothing
	using  int       // how many may be waiting on the connection
	passed bool      // whoever begins to wait is refused
	armed  bool      // the connection itself has a deadline set
	set    func(time.Time) error
}

// begin is called before the connection is waited on, and end after it.
func (d *deadline) begin() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.passed {
		return os.ErrDeadlineExceeded
	}
	d.using++
	return nil
}

func (d *deadline) end() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.using--
}

// put notes a deadline, or ends what waits if it has passed.
func (d *deadline) put(t time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !t.IsZero() && t.Before(longAgo) {
		return d.pass()
	}
	d.at, d.passed = t, false
	if d.armed {
		d.armed = false
		return d.set(time.Time{})
	}
	return nil
}

// pass ends what waits, and what would wait from now on. The connection itself
// needs to hear of it only where somebody waits: net/http ends a read in this
// way in every call, mostly before it has begun.
func (d *deadline) pass() error {
	d.at, d.passed = time.Time{}, true
	if d.using == 0 {
		return nil
	}
	d.armed = true
	return d.set(time.Unix(1, 0))
}

// sweep ends what waits on a deadline that has passed.
func (d *deadline) sweep(now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.at.IsZero() && !now.Before(d.at) {
		_ = d.pass() // closed meanwhile: nothing waits any more
	}
}

// conn is a connection with noted deadlines. It embeds the TCP connection, so
// that the kernel can still send files to it.
type conn struct {
	*net.TCPConn
	read, write deadline
	once        sync.Once
	release     func(*conn)
}

func newConn(tcp *net.TCPConn, release func(*conn)) *conn {
	c := &conn{TCPConn: tcp, release: release}
	c.read.set, c.write.set = tcp.SetReadDeadline, tcp.SetWriteDeadline
	c.write.using = 1 // files are sent past us
	return c
}

// Read reads from the connection.
func (c *conn) Read(b []byte) (int, error) {
	if err := c.read.begin(); err != nil {
		return 0, err
	}
	defer c.read.end()
	return c.TCPConn.Read(b)
}

// WriteTo reads from the connection until it ends, and gives w what it reads.
func (c *conn) WriteTo(w io.Writer) (int64, error) {
	if err := c.read.begin(); err != nil {
		return 0, err
	}
	defer c.read.end()
	return c.TCPConn.WriteTo(w)
}

// SetReadDeadline notes when reading ends.
func (c *conn) SetReadDeadline(t time.Time) error { return c.read.put(t) }

// SetWriteDeadline notes when writing ends.
func (c *conn) SetWriteDeadline(t time.Time) error { return c.write.put(t) }

// SetDeadline notes both.
func (c *conn) SetDeadline(t time.Time) error {
	if err := c.read.put(t); err != nil {
		return err
	}
	return c.write.put(t)
}

// Close closes the connection and gives its place to another.
func (c *conn) Close() error {
	c.once.Do(func() { c.release(c) })
	return c.TCPConn.Close()
}

// sweeper watches the deadlines of open connections.
type sweeper struct {
	mu    sync.Mutex
	conns map[*conn]struct{}
	stop  chan struct{}
}

func newSweeper() *sweeper {
	s := &sweeper{conns: map[*conn]struct{}{}, stop: make(chan struct{})}
	go s.run()
	return s
}

func (s *sweeper) add(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns[c] = struct{}{}
}

func (s *sweeper) remove(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
}

func (s *sweeper) run() {
	tick := time.NewTicker(sweepPause)
	defer tick.Stop()
	for {
		select {
		case <-s.stop:
			return
		case now := <-tick.C:
			s.sweep(now)
		}
	}
}

func (s *sweeper) sweep(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.read.sweep(now)
		c.write.sweep(now)
	}
}
