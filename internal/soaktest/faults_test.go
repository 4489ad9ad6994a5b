//go:build linux

package soaktest

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/testserver"
	"github.com/opentcb/opentcb/tcb"
)

// How long a call may take while a server that it needs is away, and until all
// is well when that is back: that nothing hangs. Calls are answered before the
// trouble is over; how soon is the machine's, and is tested with the rules.
const (
	answeredWithin = time.Minute
	wellWithin     = time.Minute
)

// TestFaultsOnTheWay disturbs the way to the database and to the bucket: calls
// are answered in time with success or -1, nothing leaks, and all is well again
// by itself.
//
// Proves: EN-13
func TestFaultsOnTheWay(t *testing.T) {
	t.Parallel() // it waits more than it computes
	postgres, bucket := testserver.StartPostgres(t), testserver.StartS3(t)
	address := postgres.Database()
	toDatabase := newLine(t, postgres.Address())
	blobs := bucket.URL(bucket.Bucket(), "code")
	u, err := url.Parse(blobs)
	must(t, "bucket", err)
	toBucket := newLine(t, strings.TrimPrefix(u.Query().Get("endpoint"), "http://"))
	n := newNodes(t, toDatabase.through(address), toBucket.through(blobs)).start(1, newWorld(t, 4))
	s := n.list[0]
	clients := login(t, s, 4)
	for i, c := range clients {
		must(t, "createfunction", c.createFunction(envid(i, 0), "code"))
	}
	busy := func(d time.Duration) *tally { return everyCall(t, s, clients, d) }
	busy(time.Second).wantAll(t, "before")
	before := measure(s)
	for _, way := range []struct {
		name string
		line *line
	}{{"database", toDatabase}, {"bucket", toBucket}} {
		for _, trouble := range []trouble{unreachable, silent, slow, slowish, cutting} {
			trouble.begin(way.line)
			took := busy(time.Duration(length(3, 30)) * time.Second)
			trouble.end(way.line)
			t.Logf("%s %s: %v", way.name, trouble.name, took)
			well := comesTrue(t, "all is well after "+way.name+" "+trouble.name, wellWithin, func() error {
				return oneOfEach(s, clients[0], 0)
			})
			t.Logf("%s %s: well again after %v", way.name, trouble.name, well.Round(time.Millisecond))
			within(
				t, 2*goneWithin, fmt.Sprintf("what %s %s took comes back: before %+v", way.name, trouble.name, before),
				func() bool { return measure(s).near(before) },
			)
		}
	}
	busy(time.Second).wantAll(t, "after")
}

// tally counts how calls ended.
type tally struct {
	mu             sync.Mutex
	good, again    int
	longest, moved time.Duration // of calls that move no code, and of others
	bad            []string
}

func (c *tally) String() string {
	return fmt.Sprintf("%d good, %d told -1, longest %v, with code %v", c.good, c.again, c.longest.Round(time.Millisecond), c.moved.Round(time.Millisecond))
}

func (c *tally) wantAll(t *testing.T, when string) {
	t.Helper()
	if c.again > 0 || c.good == 0 {
		t.Errorf("%s: %v", when, c)
	}
}

func (c *tally) count(what string, movesCode bool, took time.Duration, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if movesCode {
		c.moved = max(c.moved, took)
	} else {
		c.longest = max(c.longest, took)
	}
	switch {
	case took > answeredWithin:
		c.bad = append(c.bad, fmt.Sprintf("%s took %v: %v", what, took, err))
	case err == nil:
		c.good++
	case toldAgain(err):
		c.again++
	default:
		c.bad = append(c.bad, fmt.Sprintf("%s: %v", what, err))
	}
}

// toldAgain reports whether a call was told to try again.
func toldAgain(err error) bool {
	r, ok := errors.AsType[*refusal](err)
	return ok && (r.code == tcb.SystemBusy || r.name == "InternalError") || errors.Is(err, errTryAgain)
}

var errTryAgain = errors.New("HTTP 503")

// everyCall makes every kind of call with every client, side by side.
func everyCall(t *testing.T, s *server, clients []*client, d time.Duration) *tally {
	t.Helper()
	var counts tally
	var wg sync.WaitGroup
	end := time.Now().Add(d)
	for i, c := range clients {
		for what, call := range calls(s, c, i) {
			wg.Go(func() {
				for time.Now().Before(end) {
					began := time.Now()
					err := call()
					counts.count(what, what == "upload" || what == "download", time.Since(began), err)
					time.Sleep(20 * time.Millisecond)
				}
			})
		}
	}
	wg.Wait()
	for _, bad := range counts.bad[:min(len(counts.bad), 10)] {
		t.Error(bad)
	}
	return &counts
}

// oneOfEach makes every kind of call.
func oneOfEach(s *server, c *client, i int) error {
	for what, call := range calls(s, c, i) {
		for range 2 {
			if err := call(); err != nil {
				return fmt.Errorf("%s: %w", what, err)
			}
		}
	}
	return nil
}

// calls are every kind of call of the i-th Mini Program. A set is made every
// second time: it needs what a get answers.
func calls(s *server, c *client, i int) map[string]func() error {
	c, env := c.on(s), envid(i, 0)
	key, seed := "", uint64(i)<<32
	var known *permission
	return map[string]func() error{
		"getcodesecret": func() error { _, err := c.codeSecret(); return err },
		"get":           func() error { _, err := c.permission(env); return err },
		"set": func() error {
			if known == nil {
				p, err := c.permission(envid(i, 1))
				if err == nil {
					known = &p
				}
				return err
			}
			err := c.setPermission(envid(i, 1), *known)
			known = nil
			if code, ok := refused(err); ok && code == tcb.InvalidArgs {
				return nil // an earlier one of unknown fate came through
			}
			return err
		},
		"list": func() error { _, err := c.functions(env); return err },
		"upload": func() (err error) {
			if key == "" {
				if key, err = c.codeSecret(); err != nil {
					return err
				}
			}
			seed++
			return c.upload(env, "code", key, newZip(seed, 20_000))
		},
		"download": func() error {
			link, sum, err := c.link(env, "code")
			if code, ok := refused(err); ok && code == tcb.NotCodeOwner {
				return nil // not uploaded yet
			}
			if err != nil {
				return err
			}
			status, code, err := c.get(link)
			switch {
			case err != nil:
				return err
			case status == 503:
				return errTryAgain
			case status != 200 || sumOf(code) != sum:
				return &fault{fmt.Sprintf("download: status %d, %.100q", status, code)}
			}
			return nil
		},
	}
}
