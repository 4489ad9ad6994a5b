package node

import (
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// tlsListener is a listener whose connections speak TLS. Handshakes are made beside
// Accept, so that none holds up another, and before it returns, so that net/http gets
// HTTP/2 as it wants it and HTTP/1 with its head watched over.
type tlsListener struct {
	*listener
	config    func() *tls.Config
	handshake time.Duration // the longest
	failed    atomic.Int64  // handshakes

	results chan accepted
	closed  chan struct{}
	once    sync.Once
}

// accepted is what Accept returns.
type accepted struct {
	conn net.Conn
	err  error
}

// secured returns the listener with TLS, and begins to accept.
func (l *listener) secured(config func() *tls.Config, handshake time.Duration) *tlsListener {
	t := &tlsListener{
		listener: l, config: config, handshake: handshake,
		results: make(chan accepted), closed: make(chan struct{}),
	}
	go t.acceptAll()
	return t
}

// acceptAll accepts connections until the listener is closed. After the last one it
// waits for the handshakes under way: their calls are to be answered.
func (l *tlsListener) acceptAll() {
	var underWay sync.WaitGroup
	for {
		c, err := l.listener.Accept()
		if err == nil {
			underWay.Go(func() { l.shake(c, l.config()) })
			continue
		}
		ended := errors.Is(err, net.ErrClosed)
		if ended {
			underWay.Wait()
		}
		if !l.deliver(accepted{err: err}) || ended {
			return
		}
	}
}

// deliver hands a result to Accept, and reports whether anybody wanted it.
func (l *tlsListener) deliver(a accepted) bool {
	select {
	case l.results <- a:
		return true
	case <-l.closed:
		return false
	}
}

// shake makes the handshake of one connection.
func (l *tlsListener) shake(c net.Conn, config *tls.Config) {
	if plain, ok := c.(*conn); ok {
		plain.head.over = true // what it reads is no text
	}
	secure, err := shakeHands(c, config, l.handshake)
	if err != nil {
		l.failed.Add(1)
		if looksLikeHTTP(err) {
			_, _ = c.Write(errPlain)
		}
		c.Close()
		return
	}
	if !l.deliver(accepted{conn: watched(secure, l.listener)}) {
		c.Close()
	}
}

// shakeHands makes a handshake within a time.
func shakeHands(c net.Conn, config *tls.Config, within time.Duration) (*tls.Conn, error) {
	secure := tls.Server(c, config)
	_ = c.SetDeadline(time.Now().Add(within))
	if err := secure.Handshake(); err != nil {
		return nil, err
	}
	return secure, c.SetDeadline(time.Time{})
}

// watched returns a connection as net/http is to have it: HTTP/2 as it is, HTTP/1
// with its head watched over.
func watched(secure *tls.Conn, l *listener) net.Conn {
	if secure.ConnectionState().NegotiatedProtocol == "h2" {
		return secure
	}
	return &tlsConn{Conn: secure, listener: l}
}

// Accept returns the next connection whose handshake succeeded.
func (l *tlsListener) Accept() (net.Conn, error) {
	select {
	case a := <-l.results:
		return a.conn, a.err
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close closes the listener, which may be another's too.
func (l *tlsListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	if err := l.listener.Close(); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// tlsConn is a connection of HTTP/1 in TLS.
type tlsConn struct {
	*tls.Conn
	listener *listener
	head     head
}

// Read reads, and refuses a header of too many lines.
func (c *tlsConn) Read(p []byte) (int, error) { return c.head.read(c.Conn, c.listener, p) }

func (c *tlsConn) watch() *head { return &c.head }
