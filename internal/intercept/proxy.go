package intercept

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"slices"
	"strings"
	"time"
)

// Proxy is an HTTP proxy for clients of the real platform (TL-3). NewProxy makes one.
type Proxy struct {
	authority *Authority
	next      http.Handler
	serve     func(net.Conn, *tls.Config)
	pass      []string
	idle      time.Duration
	through   *passage
	log       *slog.Logger
}

// Config is what a Proxy works with. All but Pass is required.
type Config struct {
	Authority *Authority
	// Next answers requests for Hosts that are sent to the proxy without TLS.
	Next http.Handler
	// Serve speaks TLS on a connection, and answers requests on it as Next does. It
	// returns at once, and closes the connection in the end.
	Serve func(net.Conn, *tls.Config)
	Pass  []string      // hosts that are let through
	Idle  time.Duration // how long what is let through may stand still
	Log   *slog.Logger
}

// NewProxy returns a proxy. Its server must not be one of HTTP/2.
func NewProxy(cfg Config) *Proxy {
	return &Proxy{
		authority: cfg.Authority, next: cfg.Next, serve: cfg.Serve, pass: cfg.Pass, idle: cfg.Idle, log: cfg.Log,
		through: newPassage(),
	}
}

// Close gives up the connections of requests that were let through.
func (p *Proxy) Close() { p.through.close() }

// ServeHTTP answers one request to the proxy.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Header.Del("Proxy-Connection")
	r.Header.Del("Proxy-Authorization")
	host, port := r.URL.Hostname(), r.URL.Port()
	known := slices.Contains(Hosts, strings.ToLower(host))
	passes := slices.ContainsFunc(p.pass, func(h string) bool { return strings.EqualFold(h, host) })
	switch connects := r.Method == http.MethodConnect; {
	case !connects && !r.URL.IsAbs():
		http.Error(w, "This is a proxy for clients of "+strings.Join(Hosts, ", ")+
			": 'opentcb intercept env' prints what makes them use it.", http.StatusBadRequest)
	case connects && known && port == "443":
		p.connect(w, strings.ToLower(host))
	case !connects && known && (port == "" || port == "80" && r.URL.Scheme == "http" || port == "443" && r.URL.Scheme == "https"):
		p.answer(w, r, strings.ToLower(host))
	case passes && connects:
		p.tunnel(w, r.URL.Host)
	case passes:
		p.through.ServeHTTP(w, r)
	default:
		p.refuse(w, r.URL.Host)
	}
}

// refuse names the host that is not served.
func (p *Proxy) refuse(w http.ResponseWriter, host string) {
	p.log.Info("intercept: a host is refused", "host", host)
	http.Error(w, fmt.Sprintf("opentcb --intercept answers for %s alone, and not for %q: --intercept-pass lets a host through",
		strings.Join(Hosts, ", "), host), http.StatusForbidden)
}

// answer serves a request in the absolute form: as if it had come to the host itself.
func (p *Proxy) answer(w http.ResponseWriter, r *http.Request, host string) {
	if r.URL.Scheme == "https" {
		r.TLS = &tls.ConnectionState{} // what stands in links
	}
	_, rest, _ := strings.Cut(r.RequestURI, "://")
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		rest = rest[i:]
	} else {
		rest = ""
	}
	if !strings.HasPrefix(rest, "/") {
		rest = "/" + rest
	}
	r.RequestURI, r.Host = rest, host
	r.URL.Scheme, r.URL.Host = "", ""
	if r.URL.Path == "" {
		r.URL.Path = "/"
	}
	p.next.ServeHTTP(w, r)
}

const established = "HTTP/1.1 200 Connection Established\r\n\r\n"

// connect speaks TLS as the host with a caller.
func (p *Proxy) connect(w http.ResponseWriter, host string) {
	cfg, err := p.authority.Config(host)
	if err != nil {
		p.log.Error("intercept: no certificate", "host", host, "err", err)
		http.Error(w, "no certificate for "+host, http.StatusInternalServerError)
		return
	}
	if conn, ok := takeOver(w); ok {
		p.serve(conn, cfg)
	}
}

// takeOver tells a caller that it is connected, and returns its connection.
func takeOver(w http.ResponseWriter) (net.Conn, bool) {
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, "CONNECT is for HTTP/1.1", http.StatusHTTPVersionNotSupported)
		return nil, false
	}
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(conn, established); err != nil {
		conn.Close()
		return nil, false
	}
	_ = conn.SetDeadline(time.Time{})
	if buffered.Reader.Buffered() == 0 {
		return conn, true
	}
	return &begun{conn, buffered.Reader}, true
}

// begun is a connection of which some was read already.
type begun struct {
	net.Conn
	r *bufio.Reader
}

func (b *begun) Read(p []byte) (int, error) {
	if b.r.Buffered() > 0 {
		return b.r.Read(p[:min(len(p), b.r.Buffered())])
	}
	return b.Conn.Read(p)
}

// dialTime is how long a host that is let through may take to be reached.
const dialTime = 10 * time.Second

// passage forwards requests in the absolute form.
type passage struct {
	transport *http.Transport
	httputil.ReverseProxy
}

func newPassage() *passage {
	p := &passage{transport: &http.Transport{
		DialContext: (&net.Dialer{Timeout: dialTime}).DialContext, DisableCompression: true, IdleConnTimeout: time.Minute,
	}}
	p.Transport, p.FlushInterval = p.transport, -1
	p.Rewrite = func(*httputil.ProxyRequest) {} // it goes where it says
	p.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, err error) {
		http.Error(w, "the host cannot be reached: "+err.Error(), http.StatusBadGateway)
	}
	return p
}

func (p *passage) close() { p.transport.CloseIdleConnections() }

// tunnel joins a caller with a host, until nothing has moved for a while.
func (p *Proxy) tunnel(w http.ResponseWriter, address string) {
	far, err := net.DialTimeout("tcp", address, dialTime)
	if err != nil {
		http.Error(w, "the host cannot be reached: "+err.Error(), http.StatusBadGateway)
		return
	}
	near, ok := takeOver(w)
	if !ok {
		far.Close()
		return
	}
	ended := make(chan struct{}, 2)
	for _, way := range [][2]net.Conn{{far, near}, {near, far}} {
		go func() {
			_, _ = io.Copy(patient{way[0], p.idle}, patient{way[1], p.idle})
			if half, ok := way[0].(interface{ CloseWrite() error }); ok {
				_ = half.CloseWrite()
			}
			ended <- struct{}{}
		}()
	}
	go func() {
		<-ended
		<-ended
		near.Close()
		far.Close()
	}()
}

// patient is a connection that may stand still for so long.
type patient struct {
	net.Conn
	idle time.Duration
}

// Read implements io.Reader.
func (p patient) Read(b []byte) (int, error) {
	_ = p.SetReadDeadline(time.Now().Add(p.idle))
	return p.Conn.Read(b)
}

// Write implements io.Writer.
func (p patient) Write(b []byte) (int, error) {
	_ = p.SetWriteDeadline(time.Now().Add(p.idle))
	return p.Conn.Write(b)
}
