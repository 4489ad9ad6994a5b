// Package gateway forwards cloud calls that were judged to the upstream that
// answers them (CC-1). It decides nothing: a call's path is a whitelist.Path,
// which only a judgement makes, and goes out as it was judged (CC-4).
//
//	gateway.go    Gateway: the way there and back
//	header.go     what of the caller's headers does not pass
//	body.go       the caller's body, and what is left of it
//	fault.go      why there was no answer
package gateway

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"time"

	"github.com/opentcb/opentcb/internal/stall"
	"github.com/opentcb/opentcb/internal/whitelist"
)

// Config is what a Gateway works with. Upstream is required: scheme and host.
type Config struct {
	Upstream *url.URL
	// Timeout is how long a call may be without progress until the header of
	// its answer is there. The body that is sent is progress.
	Timeout time.Duration
	// TransferTime is how long a whole call may take, body and answer.
	TransferTime time.Duration
}

// Call is a call that was allowed.
type Call struct {
	Path  whitelist.Path
	Query string // without the token
	AppID string // the Mini Program that calls, or a batch environment's platform
	Env   string
	Token string // headers that hold it are dropped
}

// Connections to the upstream.
const (
	dialTime      = 5 * time.Second
	keepAlive     = 30 * time.Second
	idleTime      = 90 * time.Second
	idleMost      = 1024 // beyond, a connection is closed after its call
	maxHeaderSize = 1 << 20
)

// Gateway forwards calls to one upstream. It is safe for concurrent use.
type Gateway struct {
	upstream     *url.URL
	timeout      time.Duration
	transferTime time.Duration
	transport    *http.Transport
	buffers      bufferPool
	quiet        *log.Logger
}

// New returns a gateway; Close gives up its connections.
func New(cfg Config) *Gateway {
	dialer := net.Dialer{Timeout: min(dialTime, cfg.Timeout), KeepAlive: keepAlive}
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	return &Gateway{
		upstream: cfg.Upstream, timeout: cfg.Timeout, transferTime: cfg.TransferTime,
		quiet: log.New(io.Discard, "", 0),
		// The default transport keeps two idle connections to a host, and asks
		// for compressed answers on its own.
		transport: &http.Transport{
			DialContext:            dialer.DialContext,
			Protocols:              &protocols,
			DisableCompression:     true,
			MaxIdleConns:           idleMost,
			MaxIdleConnsPerHost:    idleMost,
			IdleConnTimeout:        idleTime,
			TLSHandshakeTimeout:    min(dialTime, cfg.Timeout),
			MaxResponseHeaderBytes: maxHeaderSize,
		},
	}
}

// Close closes connections that carry no call.
func (g *Gateway) Close() { g.transport.CloseIdleConnections() }

// Forward sends a call to the upstream, and the upstream's answer to the
// caller. It returns an error if there was no answer; then nothing was written
// except, maybe, informational headers (1xx). The error holds nothing of the
// call, and wraps context.Canceled if the caller went away. If the answer
// breaks off after it has begun, on either side, Forward panics with
// http.ErrAbortHandler, so that the caller's connection breaks too.
func (g *Gateway) Forward(w http.ResponseWriter, r *http.Request, c Call) error {
	switch {
	case c.Path == whitelist.Path{}:
		return errUnjudged
	case r.Method == http.MethodConnect:
		return errTunnel
	}
	conn := http.NewResponseController(w)
	until := time.Now().Add(g.transferTime)
	_ = conn.SetWriteDeadline(until)
	b := &body{ReadCloser: r.Body, conn: conn, shares: r.ProtoMajor > 1}
	if r.ContentLength == 0 {
		b.isWhole.Store(true)
	} else {
		_ = conn.SetReadDeadline(until)
		_ = conn.EnableFullDuplex() // an answer may begin before the body ends
	}
	b.watch = stall.New(r.Context(), g.timeout, until, func() { b.interrupt() })
	defer b.end()
	defer b.watch.End()
	if failed := g.exchange(w, outgoing(r, b), b, c); failed != nil {
		b.closeUnlessWhole(w)
		return fmt.Errorf("upstream: %w", g.cause(r.Context(), b.watch.Judge(failed)))
	}
	return nil
}

// outgoing is the request without the wish to change the protocol, which
// ReverseProxy would pass on.
func outgoing(r *http.Request, b *body) *http.Request {
	out := r.WithContext(b.watch.Context())
	if _, ok := r.Header["Upgrade"]; ok {
		out.Header = r.Header.Clone()
		out.Header.Del("Upgrade")
	}
	if r.ContentLength != 0 {
		out.Body = b
	}
	return out
}

// exchange has ReverseProxy carry the call out, and returns why there was no
// answer.
func (g *Gateway) exchange(w http.ResponseWriter, out *http.Request, b *body, c Call) (failed error) {
	proxy := httputil.ReverseProxy{
		Transport:     g.transport,
		FlushInterval: -1, // answers stream
		BufferPool:    &g.buffers,
		ErrorLog:      g.quiet, // an answer that breaks off is seen by the panic
		Rewrite:       func(pr *httputil.ProxyRequest) { g.rewrite(pr, c) },
		ModifyResponse: func(resp *http.Response) error {
			if resp.StatusCode < http.StatusOK { // the transport lets 101 and 000 to 099 through
				return errStatus
			}
			if !b.watch.Settle() {
				return stall.ErrStalled // at this moment
			}
			b.closeUnlessWhole(w)
			if _, ok := w.Header()["Date"]; ok {
				delete(resp.Header, "Date") // test mode has a clock of its own
			}
			if _, ok := resp.Header["Content-Type"]; !ok {
				w.Header()["Content-Type"] = nil // else net/http guesses one
			}
			return nil
		},
		ErrorHandler: func(_ http.ResponseWriter, _ *http.Request, err error) { failed = err },
	}
	proxy.ServeHTTP(w, out)
	return failed
}

// rewrite makes the request that the upstream gets.
func (g *Gateway) rewrite(pr *httputil.ProxyRequest, c Call) {
	// An opaque address is written as it is: Go would escape some characters
	// of a path that were judged as they came. A Path begins with one slash
	// (CC-4).
	pr.Out.URL = &url.URL{
		Scheme: g.upstream.Scheme, Host: g.upstream.Host, Opaque: c.Path.String(), RawQuery: c.Query,
	}
	pr.Out.Host = ""
	pr.Out.Trailer = nil
	dropHeaders(pr.Out.Header, c.Token)
	pr.SetXForwarded()
	if holds([]string{pr.In.Host}, c.Token) {
		delete(pr.Out.Header, "X-Forwarded-Host")
	}
	pr.Out.Header["X-Wx-Appid"] = []string{c.AppID}
	pr.Out.Header["X-Wx-Env"] = []string{c.Env}
}

// bufferPool keeps the buffers that answers are copied through.
type bufferPool struct{ pool sync.Pool }

const bufferSize = 32 << 10

func (b *bufferPool) Get() []byte {
	if buf, ok := b.pool.Get().(*[]byte); ok {
		return *buf
	}
	return make([]byte, bufferSize)
}

func (b *bufferPool) Put(buf []byte) { b.pool.Put(&buf) }
