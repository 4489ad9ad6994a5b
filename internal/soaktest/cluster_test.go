//go:build linux

package soaktest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opentcb/opentcb/tcb"
)

// cluster is servers that clients roam over, while they are killed and started
// again.
type cluster struct {
	*nodes
	mu sync.RWMutex // of list
}

// newCluster starts so many servers on one database and one code storage.
func newCluster(t testing.TB, many int, database, blobs, world string) *cluster {
	t.Helper()
	return &cluster{nodes: newNodes(t, database, blobs).start(many, world)}
}

// any is one of the servers by chance, but not the one that did not answer.
func (c *cluster) any(but *server) *server {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for {
		if s := c.list[rand.IntN(len(c.list))]; s != but || len(c.list) == 1 {
			return s
		}
	}
}

// killAndStart kills a server and starts it again, on its old data folder, at
// another address.
func (c *cluster) killAndStart(i int, away time.Duration) {
	c.t.Helper()
	c.list[i].kill()
	time.Sleep(away)
	s := start(c.t, c.launch(i, c.database, ""))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list[i] = s
}

// newcomer is a server that was not there before. The others are gone.
func (c *cluster) newcomer() *server {
	c.t.Helper()
	for _, s := range c.list {
		s.kill()
	}
	return start(c.t, c.launch(len(c.list), c.database, ""))
}

// roamer is a client that goes to another server when one does not answer.
type roamer struct {
	cluster *cluster
	http    *http.Client
	at      *server
	log     *callLog
	end     time.Time // no further call after it
}

func (c *cluster) roamer(log *callLog, end time.Time) *roamer {
	return &roamer{cluster: c, http: newClient("", "").http, at: c.any(nil), log: log, end: end}
}

// over reports whether the time is up.
func (r *roamer) over() bool { return !time.Now().Before(r.end) }

// here is the client where it is now, with a token.
func (r *roamer) here(token string) *client {
	return &client{base: r.at.api, token: token, http: r.http}
}

// roam goes to another server without need.
func (r *roamer) roam() { r.at = r.cluster.any(nil) }

// errUnknown is the outcome of a call of which nobody can know whether it was
// done: there was no answer, or it was -1.
var errUnknown = errors.New("not known")

// try makes one call. It returns nil, a refusal, errUnknown, or an answer that
// should not be. After no answer the client is at another server.
func (r *roamer) try(what string, call func() error) error {
	began := time.Now()
	err := call()
	r.log.add(what, began, err)
	switch {
	case unanswered(err) && !isBusy(err):
		r.at = r.cluster.any(r.at)
	case isBusy(err):
		pause(100) // as clients do
	default:
		return err
	}
	return errUnknown
}

// until repeats a call that may be repeated until its outcome is known. It is
// errUnknown if the time is up before.
func (r *roamer) until(what string, call func() error) error {
	for {
		if err := r.try(what, call); err != errUnknown || r.over() {
			return err
		}
	}
}

// isBusy reports whether a call is to be made again: it was told -1, in whatever
// envelope, or that uploads are too many, since those of a killed server still count.
func isBusy(err error) bool {
	r, ok := errors.AsType[*refusal](err)
	return ok && (r.code == tcb.SystemBusy || r.name == "InternalError" || r.name == "RequestLimitExceeded") ||
		errors.Is(err, errAway)
}

// errAway is -1 of a download.
var errAway = errors.New("HTTP status 503")

// fetch gets a link of any server's from another, and wants the code of that
// checksum.
func (r *roamer) fetch(link, sum string) error {
	status, code, err := r.here("").get(r.at.own(link))
	switch {
	case err != nil:
		return err
	case status == http.StatusServiceUnavailable:
		return errAway
	case status != http.StatusOK || sumOf(code) != sum:
		return &fault{fmt.Sprintf("a link to %s: status %d, %d bytes with the hash %s", sum, status, len(code), sumOf(code))}
	}
	return nil
}

// own is a link of any server's as a link of this one's.
func (s *server) own(link string) string {
	_, path, _ := strings.Cut(strings.TrimPrefix(link, "http://"), "/")
	return s.api + "/" + path
}

// callLog is how calls ended.
type callLog struct {
	mu   sync.Mutex
	ends []ended
}

// ended is how one call ended.
type ended struct {
	what       string
	began, end time.Time
	err        error
}

func (e ended) took() time.Duration { return e.end.Sub(e.began) }

func (l *callLog) add(what string, began time.Time, err error) {
	e := ended{what, began, time.Now(), err}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ends = append(l.ends, e)
}

func (l *callLog) String() string {
	var done, refusals, busy, lost int
	var slowest ended
	for _, e := range l.ends {
		_, wasRefused := refused(e.err)
		switch {
		case e.err == nil:
			done++
		case isBusy(e.err):
			busy++
		case wasRefused:
			refusals++
		default:
			lost++
		}
		if !unanswered(e.err) && e.took() > slowest.took() {
			slowest = e
		}
	}
	return fmt.Sprintf("%d calls done, %d refused, %d told -1, %d not answered; the slowest answer after %v (%s)",
		done, refusals, busy, lost, slowest.took().Round(time.Millisecond), slowest.what)
}

// faults gathers what should not be.
type faults struct {
	mu   sync.Mutex
	list []string
}

func (f *faults) add(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = append(f.list, fmt.Sprintf(format, args...))
}

// report fails the test by what was gathered.
func (f *faults) report(t testing.TB) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, text := range f.list[:min(len(f.list), 20)] {
		t.Error(text)
	}
	if len(f.list) > 20 {
		t.Errorf("and %d more", len(f.list)-20)
	}
}
