package intercept

import (
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"time"
)

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
