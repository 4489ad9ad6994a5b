package proxytest

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// sighting is a request as it reached the upstream.
type sighting struct {
	method, target, host string
	header               http.Header
	body                 string
}

// text is everything of a request in which a token could hide.
func (s sighting) text() string {
	var b strings.Builder
	b.WriteString(s.method + " " + s.target + "\n" + s.host + "\n")
	_ = s.header.Write(&b) // a strings.Builder takes all
	return b.String() + s.body
}

// upstream stands where the open interfaces are. It answers 218, for no proxy
// makes that status by itself.
type upstream struct {
	server *httptest.Server
	status int
	half   chan struct{} // of slowPath: a half of the body has come; the answer may go on

	mu   sync.Mutex
	saw  []sighting // since the last look
	seen []sighting // ever
}

const (
	upstreamStatus = 218
	upstreamAnswer = `{"errcode":0,"errmsg":"upstream"}`
	slowPath       = "/cgi-bin/slow"
	halfBody       = 1 << 10 // bytes; a body and its answer have two halves on slowPath
)

func startUpstream(t *testing.T) *upstream {
	u := &upstream{status: upstreamStatus, half: make(chan struct{})}
	u.server = httptest.NewServer(u)
	t.Cleanup(u.server.Close)
	return u
}

func (u *upstream) port() string {
	_, port, _ := net.SplitHostPort(u.server.Listener.Addr().String())
	return port
}

func (u *upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == slowPath {
		u.serveSlowly(w, r)
		return
	}
	body, _ := io.ReadAll(r.Body) // what is missing, the tests miss
	saw := sighting{r.Method, r.RequestURI, r.Host, r.Header.Clone(), string(body)}
	u.mu.Lock()
	u.saw, u.seen = append(u.saw, saw), append(u.seen, saw)
	u.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Answer", "kept")
	w.WriteHeader(u.status)
	_, _ = io.WriteString(w, upstreamAnswer) // the proxy has gone away: the test fails on its own side
}

// back lets it listen again, where it did.
func (u *upstream) back(t *testing.T) {
	l, err := net.Listen("tcp", u.server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: u}
	t.Cleanup(func() { server.Close() })
	go server.Serve(l)
}

// look returns the requests since the last look.
func (u *upstream) look() []sighting {
	u.mu.Lock()
	defer u.mu.Unlock()
	saw := u.saw
	u.saw = nil
	return saw
}

func (u *upstream) all() []sighting {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.seen
}

// serveSlowly tells when half of the body has come, and answers half before it is told to
// go on. It breaks off what would be less.
func (u *upstream) serveSlowly(w http.ResponseWriter, r *http.Request) {
	half, ended := make([]byte, halfBody), r.Context().Done()
	_, err := io.ReadFull(r.Body, half)
	select {
	case u.half <- struct{}{}:
	case <-ended:
	}
	rest, more := io.Copy(io.Discard, r.Body)
	if err != nil || more != nil || rest != halfBody {
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(u.status)
	_, _ = w.Write(half)
	_ = http.NewResponseController(w).Flush()
	select {
	case <-u.half:
		_, _ = w.Write(half)
	case <-ended:
		panic(http.ErrAbortHandler)
	}
}
