package node_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/node"
	"github.com/opentcb/opentcb/internal/testserver"
	"github.com/opentcb/opentcb/internal/wirescript"
)

// answerTap writes down what a handler answers.
type answerTap struct {
	http.ResponseWriter
	answer bytes.Buffer
	leave  map[string]bool // headers that are not compared
	begun  bool
}

func (a *answerTap) Unwrap() http.ResponseWriter { return a.ResponseWriter }

func (a *answerTap) WriteHeader(status int) {
	if !a.begun {
		a.begun = true
		fmt.Fprintln(&a.answer, status)
		_ = a.Header().WriteSubset(&a.answer, a.leave)
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *answerTap) Write(p []byte) (int, error) {
	if !a.begun {
		a.WriteHeader(http.StatusOK)
	}
	a.answer.Write(p)
	return a.ResponseWriter.Write(p)
}

// wireRun is one run of a wire script.
type wireRun struct {
	addresses []string // where the server listened, after each start
	calls     sync.WaitGroup
	mu        sync.Mutex
	answers   []string // to each call, with what was called
}

// around is node.Node.Around.
func (r *wireRun) around(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.calls.Add(1)
		defer r.calls.Done()
		tap := &answerTap{ResponseWriter: w}
		if strings.Contains(req.URL.RawQuery, "cloudbase_access_token") {
			// Whether the connection is kept depends on how far the body has been passed on.
			tap.leave = map[string]bool{"Connection": true}
		}
		called := req.Method + " " + req.RequestURI
		r.mu.Lock()
		i := len(r.answers) // one call may come before another has quite ended
		r.answers = append(r.answers, "")
		r.mu.Unlock()
		defer func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.answers[i] = called + "\n" + tap.answer.String()
		}()
		next.ServeHTTP(tap, req)
	})
}

// playSeeded plays a script on a server with a seed and a clock that stands, which
// listens where it did in a run of before.
func playSeeded(t *testing.T, script wirescript.Script, before *wireRun) *wireRun {
	t.Helper()
	r := &wireRun{}
	var b *bench
	listen := func() string {
		i := len(r.addresses)
		if before != nil && i < len(before.addresses) {
			return before.addresses[i]
		}
		return fmt.Sprintf("127.0.0.1:%d", testserver.FreePort(t)) // which nobody takes in between
	}
	b = startTesting(t, func(c *node.Config) {
		c.Clock, c.Seed, c.Listen = "frozen@2026-01-31T15:04:05Z", "42", listen()
	})
	started := func() {
		u, err := url.Parse(b.node.APIURL())
		b.must(err)
		r.addresses = append(r.addresses, u.Host)
		b.node.Around(r.around)
	}
	started()
	target := b.target()
	target.Random, target.Now = rand.NewChaCha8([32]byte{1}), func() time.Time { return b.node.Clock().Now() }
	target.Clock = func(d time.Duration) error { _, err := b.node.Clock().Advance(d); return err }
	restart := target.Restart
	target.Restart = func() (string, error) {
		b.cfg.Listen, b.cfg.Clock = listen(), ""
		address, err := restart()
		if err == nil {
			started()
		}
		return address, err
	}
	player := wirescript.NewPlayer(target)
	for _, c := range script.Cases {
		if result := player.PlayCase(script, c); result.Err != nil {
			t.Errorf("%s: %v", c.Title, result.Err)
		}
	}
	r.calls.Wait() // a caller has his answer before the call has quite ended
	return r
}

// TestSeed: two runs of every wire script on servers with the same seed, and a clock
// that stands, are answered byte for byte alike.
//
// Proves: RS-4
func TestSeed(t *testing.T) {
	scripts, err := wirescript.Load(wirescript.Scripts)
	if err != nil {
		t.Fatal(err)
	}
	for _, script := range scripts {
		if testing.Short() && script.Name != "usecloudaccesstoken" {
			continue
		}
		t.Run(script.Name, func(t *testing.T) {
			t.Parallel()
			var first *wireRun
			t.Run("once", func(t *testing.T) { first = playSeeded(t, script, nil) })
			t.Run("again", func(t *testing.T) {
				second := playSeeded(t, script, first)
				if len(first.answers) != len(second.answers) || len(first.answers) == 0 {
					t.Fatalf("%d answers, then %d", len(first.answers), len(second.answers))
				}
				for i, answer := range first.answers {
					if answer != second.answers[i] {
						t.Fatalf("answer %d:\n%s\n\nand then\n\n%s", i, answer, second.answers[i])
					}
				}
			})
		})
	}
}

// TestSeedBeginsAgain: a reset begins the seed again, a restart does not; and another
// seed gives other things, on a server that is new.
//
// Proves: RS-4
func TestSeedBeginsAgain(t *testing.T) {
	settings := func(seed string) func(*node.Config) {
		return func(c *node.Config) { c.Clock, c.Seed = "frozen@2026-01-31T15:04:05Z", seed }
	}
	b := startTesting(t, withWorld(t), settings("7"))
	all := func() string {
		_, developer := b.platformClients()
		key, err := developer.GetCodeSecret(t.Context())
		b.must(err)
		code, err := b.admin().Authorize(t.Context(), onePlatform, oneAccount, []int{18, 49})
		b.must(err)
		_, rid := b.get(b.node.APIURL() + "/tcb/nothing")
		token, err := developer.Tokens.Token(t.Context())
		b.must(err)
		return strings.Join([]string{key, code.AuthorizationCode, rid, token, b.tokenOf("env-all")}, "\n")
	}
	first := all()
	b.must(b.admin().Reset(t.Context()))
	if again := all(); again != first {
		t.Errorf("after a reset:\n%s\nat the start:\n%s", again, first)
	}
	_, err := b.restart()
	b.must(err)
	key, _, _ := strings.Cut(first, "\n")
	for _, part := range strings.Split(all(), "\n") {
		if part != key && strings.Contains(first, part) {
			t.Errorf("after a restart %s is given again", part)
		}
	}
	for seed, same := range map[string]bool{"7": true, "8": false} {
		b = startTesting(t, withWorld(t), settings(seed))
		if got := all(); (got == first) != same {
			t.Errorf("with the seed %s:\n%s\nwith 7:\n%s", seed, got, first)
		}
	}
}
