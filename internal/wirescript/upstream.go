package wirescript

import (
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
)

// Upstream is a real HTTP server that stands where cloud calls are forwarded
// to. It records every request, and answers as a script says.
type Upstream struct {
	address string

	mu       sync.Mutex
	listener net.Listener
	server   *http.Server // nil: down
	reply    upstreamReply
	saw      []sighting
}

// upstreamReply is what the upstream answers with.
type upstreamReply struct {
	status int
	header http.Header
	body   string
	broken bool // breaks off after the body
}

// sighting is a request as it reached the upstream.
type sighting struct {
	method, target string
	answer         // its header, with Host, and body
}

// StartUpstream starts an upstream on a free port of this machine.
func StartUpstream() (*Upstream, error) {
	u := &Upstream{address: "127.0.0.1:0"}
	return u, u.reset()
}

// URL is where the server under test forwards to: scheme and host.
func (u *Upstream) URL() string { return "http://" + u.address }

// Close stops the upstream and breaks off what is under way.
func (u *Upstream) Close() error { return u.down() }

// reset makes it listen, with the answer that shows who gave it, and forgets
// what it saw.
func (u *Upstream) reset() error {
	u.mu.Lock()
	u.saw = nil
	u.mu.Unlock()
	u.answer(upstreamReply{status: http.StatusOK, body: `{"errcode":0,"errmsg":"upstream"}`})
	return u.up()
}

func (u *Upstream) answer(reply upstreamReply) {
	header := http.Header{"Content-Type": {"application/json; charset=utf-8"}}
	for name, values := range reply.header {
		header[name] = values
	}
	reply.header = header
	u.mu.Lock()
	defer u.mu.Unlock()
	u.reply = reply
}

// up makes it take connections again.
func (u *Upstream) up() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.server != nil {
		return nil
	}
	var err error
	if u.listener, err = net.Listen("tcp", u.address); err != nil {
		return err
	}
	u.address = u.listener.Addr().String()
	u.server = &http.Server{Handler: u}
	go u.server.Serve(u.listener)
	return nil
}

// down refuses connections and breaks those that there are.
func (u *Upstream) down() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.server == nil {
		return nil
	}
	err := u.server.Close()
	u.listener.Close() // which is the server's only once it serves
	u.server = nil
	return err
}

// look returns the requests since the last look.
func (u *Upstream) look() []sighting {
	u.mu.Lock()
	defer u.mu.Unlock()
	saw := u.saw
	u.saw = nil
	return saw
}

// ServeHTTP records a request and answers it.
func (u *Upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	header := r.Header.Clone()
	header.Set("Host", r.Host)
	for name, values := range r.Trailer {
		if values == nil {
			values = []string{""} // announced
		}
		header["Trailer-"+name] = values
	}
	u.mu.Lock()
	u.saw = append(u.saw, sighting{r.Method, r.RequestURI, answer{
		status: http.StatusOK, header: header, length: r.ContentLength, body: body, broken: err,
	}})
	reply := u.reply
	u.mu.Unlock()
	reply.write(w)
}

func (a upstreamReply) write(w http.ResponseWriter) {
	for name, values := range a.header {
		w.Header()[name] = values
	}
	size := len(a.body)
	if a.broken {
		size++
	}
	if a.status >= http.StatusOK && a.status != http.StatusNoContent && a.status != http.StatusNotModified {
		w.Header().Set("Content-Length", strconv.Itoa(size))
	}
	w.WriteHeader(a.status)
	io.WriteString(w, a.body)
	if a.broken {
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}
