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

// add starts one more server.
func (c *cluster) add() *server {
	c.t.Helper()
	s := start(c.t, c.launch(len(c.list), c.database, ""))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list = append(c.list, s)
	return s
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

// over says whether the time is up.
func (r *roamer) over() bool { return !time.Now().Before(r.end) }

// here is the client where it is now, with a token.
func (r *roamer) here(token string) *client {
	return &client{base: r.at.api, token: token, http: r.http}
}

// errUnknown is the outcome of a call of which nobody can say whether it was
// done: there was no answer, or it was -1.
var errUnknown = errors.New("not known")

// try makes one call. It returns nil, a refusal, errUnknown, or an answer that
// should not be. After no answer the client is at another server.
func (r *roamer) try(what string, call func() error) error {
	began := time.Now()
	err := call()
	r.log.add(what, began, err)
	switch {
	case unanswered(err):
		r.at = r.cluster.any(r.at)
		time.Sleep(5 * time.Millisecond) // as clients do: all may be away
		return errUnknown
	case isBusy(err):
		time.Sleep(5 * time.Millisecond)
		return errUnknown
	}
	return err
}

// until repeats a call that may be repeated until its outcome is known. It is
// errUnknown if the time is up.
func (r *roamer) until(what string, call func() error) error {
	for {
		if err := r.try(what, call); err != errUnknown || r.over() {
			return err
		}
	}
}

// isBusy says whether a call was told -1, in whatever envelope.
func isBusy(err error) bool {
	r, ok := errors.AsType[*refusal](err)
	return ok && (r.code == tcb.SystemBusy || r.name == "InternalError") || errors.Is(err, errAway)
}

// errAway is -1 of a download.
var errAway = errors.New("HTTP status 503")

// roam sometimes moves to another server without need.
func (r *roamer) roam() {
	if rand.IntN(4) == 0 {
		r.at = r.cluster.any(nil)
	}
}

// callLog is how calls ended.
type callLog struct {
	mu                    sync.Mutex
	done, refused         int
	busy, lost            int
	slowest, slowestMoved time.Duration // of calls that were answered; those that move code apart
	ends                  []ended       // of some calls
}

// ended is how one call ended.
type ended struct {
	what       string
	began, end time.Time
	err        error
}

func (l *callLog) add(what string, began time.Time, err error) {
	e := ended{what, began, time.Now(), err}
	took := e.end.Sub(began)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch _, wasRefused := refused(err); {
	case err == nil:
		l.done++
	case isBusy(err):
		l.busy++
	case wasRefused:
		l.refused++
	case unanswered(err):
		l.lost++
		l.ends = append(l.ends, e)
		return
	}
	if what == "upload" || what == "download" {
		l.slowestMoved = max(l.slowestMoved, took)
	} else {
		l.slowest = max(l.slowest, took)
	}
	l.ends = append(l.ends, e)
}

func (l *callLog) String() string {
	return fmt.Sprintf("%d calls done, %d refused, %d told -1, %d not answered; the slowest answer after %v, with code %v",
		l.done, l.refused, l.busy, l.lost, l.slowest.Round(time.Millisecond), l.slowestMoved.Round(time.Millisecond))
}

// movedTo is a link of one server's as a link of another's.
func movedTo(link string, s *server) string {
	_, rest, _ := strings.Cut(strings.TrimPrefix(link, "http://"), "/")
	return s.api + "/" + rest
}

// faults gathers what should not be; a test fails by them at its end.
type faults struct {
	mu   sync.Mutex
	list []string
}

func (f *faults) add(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = append(f.list, fmt.Sprintf(format, args...))
}

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
