package node

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// backlogTime is how long a server that ends still accepts connections: clients
// have opened those in the kernel's queue, and sent calls perhaps. A server that
// has no connection is hardly called.
const (
	backlogTime     = 50 * time.Millisecond
	idleBacklogTime = 10 * time.Millisecond
)

// lingerTime is how long a server that ends keeps idle connections open, so that
// calls on their way are answered.
const lingerTime = 300 * time.Millisecond

// listener accepts a bounded number of connections at once; further ones wait
// in the kernel's queue.
type listener struct {
	*net.TCPListener
	slots    chan struct{}
	open     atomic.Int64 // connections that were accepted and are not closed
	draining atomic.Bool
	drained  atomic.Bool  // nothing more is accepted
	maxLines int          // of a request's head
	refused  atomic.Int64 // heads with more
	crowded  atomic.Int64 // streams of HTTP/2 that were too many of a connection
	scheme   string       // how clients reach it
}

// errInUse is why an address cannot be listened on that another process has.
var errInUse = errors.New("in use")

// listen opens an address for what clients can take of it. what and flag name the
// address in errors.
func listen(address, what, flag string, limits Limits) (*listener, error) {
	l, err := net.Listen("tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		err = errInUse
		return nil, fmt.Errorf("the %s address %s is %w, perhaps by another opentcb: stop it, or choose another address with %s (port 0 takes a free one)",
			what, address, err, flag)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot listen on the %s address %s: %w: choose another with %s", what, address, err, flag)
	}
	tcp, ok := l.(*net.TCPListener)
	if !ok {
		return nil, fmt.Errorf("%s is no TCP address", address)
	}
	return &listener{
		TCPListener: tcp, slots: make(chan struct{}, limits.MaxConnections), maxLines: limits.MaxHeaderLines,
		scheme: "http",
	}, nil
}

// Bound has a server beside the node's own bounded by the default limits: its
// connections, and the bytes and lines of their headers. It returns the listener to
// serve; config is its TLS, nil without.
func Bound(srv *http.Server, on net.Listener, config *tls.Config) net.Listener {
	limits := defaultLimits()
	l := &listener{
		TCPListener: on.(*net.TCPListener), slots: make(chan struct{}, limits.MaxConnections),
		maxLines: limits.MaxHeaderLines,
	}
	srv.MaxHeaderBytes, srv.ConnState = limits.MaxHeaderBytes, watchHead
	srv.Handler = lineLimit{srv.Handler, l}
	if config == nil {
		return l
	}
	return l.secured(func() *tls.Config { return config }, limits.ReadHeaderTimeout)
}

// Accept waits for a free slot and a connection.
func (l *listener) Accept() (net.Conn, error) {
	l.slots <- struct{}{}
	tcp, err := l.AcceptTCP()
	if err != nil {
		<-l.slots
		if l.draining.Load() && errors.Is(err, os.ErrDeadlineExceeded) {
			l.drained.Store(true)
			return nil, net.ErrClosed // the backlog is empty
		}
		return nil, err
	}
	l.open.Add(1)
	return &conn{TCPConn: tcp, listener: l}, nil
}

// conn is a connection that gives its place to another when it is closed. It
// embeds the TCP connection, so that the kernel can still send files to it.
type conn struct {
	*net.TCPConn
	listener *listener
	closed   atomic.Bool
	head     head
}

// Close closes the connection.
func (c *conn) Close() error {
	err := c.TCPConn.Close()
	if !c.closed.Swap(true) {
		c.listener.open.Add(-1)
		<-c.listener.slots
	}
	return err
}

// drain lets Accept return what comes into the backlog until then, and after
// that net.ErrClosed.
func (l *listener) drain(wait time.Duration) {
	l.draining.Store(true)
	_ = l.SetDeadline(time.Now().Add(wait))
}

// isQuiet reports whether no connection is open and none will be.
func (l *listener) isQuiet() bool { return l.drained.Load() && l.open.Load() == 0 }

// url returns the listener's address for clients on this machine.
func (l *listener) url() string {
	addr := l.Addr().(*net.TCPAddr)
	host := addr.IP.String()
	if addr.IP.IsUnspecified() {
		host = "127.0.0.1"
	}
	return l.scheme + "://" + net.JoinHostPort(host, fmt.Sprint(addr.Port))
}

// lastCalls ends each connection with the next answer on it, once draining
// begins.
type lastCalls struct {
	next     http.Handler
	draining atomic.Bool
}

// ServeHTTP passes a request on.
func (l *lastCalls) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if l.draining.Load() {
		w.Header().Set("Connection", "close")
	}
	l.next.ServeHTTP(w, r)
}

// port is one of the addresses where a node answers: a listener, and its TLS.
type port struct {
	*listener
	cert   *certificate // nil: it speaks plain HTTP
	secure *tlsListener // likewise
}

// openPort listens on an address. flag begins the flags that name it.
func (n *Node) openPort(address, what, flag string, files tlsFiles) (*port, error) {
	var cert *certificate
	if files.cert != "" {
		var err error
		if cert, err = openCertificate(files, n.cfg.Log); err != nil {
			return nil, err
		}
	}
	l, err := listen(address, what, flag, n.cfg.Limits)
	if err != nil {
		return nil, err
	}
	p := &port{listener: l, cert: cert}
	if cert != nil {
		l.scheme = "https"
		p.secure = l.secured(cert.serverConfig, n.cfg.Limits.ReadHeaderTimeout)
	}
	n.ports = append(n.ports, p)
	return p, nil
}

// servePort begins to answer requests on a port. ctx ends no later than the server.
func (n *Node) servePort(ctx context.Context, srv *http.Server, p *port) {
	n.servers = append(n.servers, srv)
	if p.cert == nil {
		go n.run(srv, p.listener)
		return
	}
	go p.cert.watch(ctx)
	go n.run(srv, p.secure)
}

// run answers requests until the server is closed or shut down.
func (n *Node) run(srv *http.Server, on net.Listener) {
	if err := srv.Serve(on); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
		n.failed <- err
	}
}

// connBuffer and streamBuffer bound what of bodies a connection and a request of
// HTTP/2 may have sent before it is read, in bytes: enough for an upload on a long
// way, and little for who sends what nobody reads.
const (
	connBuffer   = 512 << 10
	streamBuffer = 256 << 10
)

// httpServer returns a server for a port, with the limits of the operator: each of
// HTTP/1 has its like for HTTP/2 (TL-2).
func (n *Node) httpServer(h http.Handler, p *port) *http.Server {
	limits := n.cfg.Limits
	return &http.Server{
		Handler:           lineLimit{h, p.listener},
		ReadHeaderTimeout: limits.ReadHeaderTimeout,
		ReadTimeout:       limits.ReadTimeout,
		WriteTimeout:      limits.WriteTimeout,
		IdleTimeout:       limits.IdleTimeout,
		MaxHeaderBytes:    limits.MaxHeaderBytes,
		ConnState:         watchHead,
		ErrorLog:          slog.NewLogLogger(n.cfg.Log.Handler(), slog.LevelDebug), // noise of bad clients
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams:          limits.MaxStreams,
			MaxReceiveBufferPerConnection: connBuffer,
			MaxReceiveBufferPerStream:     streamBuffer,
			WriteByteTimeout:              limits.WriteTimeout,
			CountError:                    p.countError,
		},
	}
}

// countError counts the streams of HTTP/2 that are refused because a connection has
// too many.
func (l *listener) countError(what string) {
	if strings.Contains(what, "over_max_streams") {
		l.crowded.Add(1)
	}
}

// namedPorts returns the ports by what they are called in metrics.
func (n *Node) namedPorts() map[string]*port {
	ports := map[string]*port{"api": n.api, "admin": n.admin}
	if n.intercept != nil {
		ports["intercept"] = n.intercept.port
	}
	return ports
}

// refusedHeads returns how many heads had too many lines.
func (n *Node) refusedHeads() (all uint64) {
	for _, p := range n.ports {
		all += uint64(p.refused.Load())
	}
	return all
}
