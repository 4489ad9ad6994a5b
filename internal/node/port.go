package node

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
)

// port is one of the two addresses where a node answers: a listener, and its TLS.
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
	return p, nil
}

// run answers requests until the server is closed or shut down. ctx ends before
// that.
func (n *Node) run(ctx context.Context, srv *http.Server, p *port) {
	var on net.Listener = p.listener
	if p.cert != nil {
		on = p.secure
		go p.cert.watch(ctx)
	}
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
