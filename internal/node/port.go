package node

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
)

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
