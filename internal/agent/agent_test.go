package agent_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/agent"
	"github.com/opentcb/opentcb/internal/testserver"
)

var errAway = errors.New("the server is away")

// desk runs an agent whose clock stands still until the test moves it.
type desk struct {
	*testing.T
	cfg     agent.Config
	pauses  chan time.Duration // asked for by the agent
	elapsed chan time.Time     // ends a pause
	log     *testserver.Output
	ended   chan error
	stop    context.CancelFunc

	mu      sync.Mutex
	answer  func() (agent.Token, error)
	fetched int
	now     time.Time
}

func newDesk(t *testing.T, file string) *desk {
	d := &desk{
		T: t, pauses: make(chan time.Duration), elapsed: make(chan time.Time), log: &testserver.Output{},
		ended: make(chan error, 1), now: time.Unix(1_790_000_000, 0),
	}
	d.cfg = agent.Config{
		Out: file, Fetch: d.fetch, Log: slog.New(slog.NewTextHandler(d.log, nil)),
		Now: func() time.Time { d.mu.Lock(); defer d.mu.Unlock(); return d.now },
		After: func(p time.Duration) <-chan time.Time {
			d.pauses <- p
			return d.elapsed
		},
	}
	d.gives("token-1", 30*time.Minute)
	return d
}

func (d *desk) fetch(context.Context) (agent.Token, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fetched++
	return d.answer()
}

func (d *desk) answers(do func() (agent.Token, error)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.answer = do
}

func (d *desk) gives(value string, life time.Duration) {
	d.answers(func() (agent.Token, error) { return agent.Token{Value: value, Life: life}, nil })
}

func (d *desk) start() {
	ctx, stop := context.WithCancel(d.Context())
	d.stop = stop
	go func() { d.ended <- agent.Run(ctx, d.cfg) }()
}

// pause waits for the agent to pause, lets the time pass, and returns how
// long it was.
func (d *desk) pause() time.Duration {
	d.Helper()
	p := d.pausing()
	d.mu.Lock()
	d.now = d.now.Add(p)
	d.mu.Unlock()
	d.elapsed <- time.Time{}
	return p
}

// pausing waits for the agent to pause, and leaves it there.
func (d *desk) pausing() time.Duration {
	d.Helper()
	select {
	case p := <-d.pauses:
		return p
	case err := <-d.ended:
		d.Fatalf("the agent ended: %v", err)
	case <-time.After(30 * time.Second):
		d.Fatal("the agent neither pauses nor ends")
	}
	return 0
}

// holds wants the file to hold a text, readable by its owner alone.
func (d *desk) holds(want string) {
	d.Helper()
	text, err := os.ReadFile(d.cfg.Out)
	if err != nil || string(text) != want {
		d.Errorf("the file holds %q, %v; want %q", text, err, want)
	}
	if info, err := os.Stat(d.cfg.Out); err != nil || info.Mode() != 0o600 {
		d.Errorf("the file's mode is %v, %v", info.Mode(), err)
	}
	left, err := os.ReadDir(filepath.Dir(d.cfg.Out))
	if err != nil || len(left) != 1 {
		d.Errorf("beside the file there is %v, %v", left, err)
	}
}

func (d *desk) end() error {
	d.Helper()
	d.stop()
	select {
	case err := <-d.ended:
		return err
	case <-time.After(30 * time.Second):
		d.Fatal("the agent does not end")
	}
	return nil
}

// TestRenewal gets a token at once and then every ten minutes, and keeps the
// file at the end.
//
// Proves: CC-6
func TestRenewal(t *testing.T) {
	d := newDesk(t, filepath.Join(t.TempDir(), "wx", "deep", "cloudbase_access_token"))
	d.start()
	for i := 1; i < 5; i++ {
		if p := d.pausing(); p != 10*time.Minute {
			t.Errorf("renewed after %v, want 10 minutes", p)
		}
		d.holds(fmt.Sprint("token-", i))
		d.gives(fmt.Sprint("token-", i+1), 30*time.Minute)
		d.elapsed <- time.Time{}
	}
	d.pausing()
	d.holds("token-5")
	if err := d.end(); err != nil {
		t.Errorf("ended with %v", err)
	}
	d.holds("token-5")
	if strings.Contains(d.log.String(), "token-") {
		t.Errorf("the log shows a token:\n%s", d.log)
	}
}

// A credential that ends soon is told once a day, with how long it is good yet.
func TestCredentialEndsSoon(t *testing.T) {
	d := newDesk(t, filepath.Join(t.TempDir(), "token"))
	left := 15 * 24 * time.Hour
	d.answers(func() (agent.Token, error) {
		return agent.Token{Value: "token", Life: 30 * time.Minute, Credential: left}, nil
	})
	d.start()
	for range 4 { // more than two weeks before, then three times within a day, then on the next
		d.pausing()
		d.mu.Lock()
		d.now, left = d.now.Add(10*time.Hour), left-10*time.Hour
		d.mu.Unlock()
		d.elapsed <- time.Time{}
	}
	d.pausing()
	if n := strings.Count(d.log.String(), "the credential expires"); n != 1 {
		t.Errorf("told %d times within a day:\n%s", n, d.log)
	}
	d.mu.Lock()
	d.now = d.now.Add(14 * time.Hour)
	d.mu.Unlock()
	d.elapsed <- time.Time{}
	d.pausing()
	if n := strings.Count(d.log.String(), "the credential expires"); n != 2 || !strings.Contains(d.log.String(), "in=") {
		t.Errorf("told %d times on the second day:\n%s", n, d.log)
	}
}

// TestServerAway keeps the file, tries again with growing pauses, and says
// when the token in the file has expired.
func TestServerAway(t *testing.T) {
	d := newDesk(t, filepath.Join(t.TempDir(), "token"))
	d.start()
	first := d.pausing()
	d.answers(func() (agent.Token, error) { return agent.Token{}, errAway })
	d.mu.Lock()
	d.now = d.now.Add(first)
	d.mu.Unlock()
	d.elapsed <- time.Time{}
	want := []time.Duration{1, 2, 4, 8, 16, 32, 60, 60, 60}
	spread := false
	for i := range 40 {
		p, most := d.pause(), time.Minute
		if i < len(want) {
			most = want[i] * time.Second
		}
		if p > most || p <= most*3/4-time.Millisecond {
			t.Errorf("pause %d is %v, want %v or up to a quarter less", i, p, most)
		}
		spread = spread || p != most
	}
	if !spread {
		t.Error("all pauses are even: agents that lost the server together come back together")
	}
	d.pausing()
	d.holds("token-1")
	if log := d.log.String(); strings.Count(log, "not renewed") != 6 || strings.Count(log, "has expired") != 1 {
		t.Errorf("the log of an outage is\n%s", log)
	}
	d.gives("token-2", 30*time.Minute)
	d.elapsed <- time.Time{}
	if p := d.pausing(); p != 10*time.Minute {
		t.Errorf("after the outage the pause is %v", p)
	}
	d.holds("token-2")
	if !strings.Contains(d.log.String(), "renewed again") {
		t.Error("the log does not say that it is over")
	}
	_ = d.end()
}

// TestOddAnswers wants no busy loop, and no false token in the file, whatever
// the server says.
func TestOddAnswers(t *testing.T) {
	for name, answer := range map[string]agent.Token{
		"no token": {Life: time.Hour}, "no life": {Value: "x"}, "negative life": {Value: "x", Life: -time.Hour},
		"a moment": {Value: "x", Life: time.Millisecond},
	} {
		d := newDesk(t, filepath.Join(t.TempDir(), "token"))
		d.gives(answer.Value, answer.Life)
		d.start()
		for range 3 {
			if p := d.pause(); p < 750*time.Millisecond {
				t.Errorf("%s: the pause is %v", name, p)
			}
		}
		d.pausing()
		_ = d.end()
	}
	d := newDesk(t, filepath.Join(t.TempDir(), "token"))
	d.gives("short", 4*time.Minute)
	d.start()
	if p := d.pausing(); p != 2*time.Minute {
		t.Errorf("a token of 4 minutes is renewed after %v, want half its life", p)
	}
	_ = d.end()
}

// TestDeadAnswers keeps a good token when the server gives a dead one, none, or
// makes Fetch panic, and tells nothing of what it panicked with.
func TestDeadAnswers(t *testing.T) {
	d := newDesk(t, filepath.Join(t.TempDir(), "token"))
	d.start()
	for _, answer := range []func() (agent.Token, error){
		func() (agent.Token, error) { return agent.Token{Value: "dead"}, nil },
		func() (agent.Token, error) { return agent.Token{Value: "dead", Life: -time.Second}, nil },
		func() (agent.Token, error) { return agent.Token{Life: time.Hour}, nil },
		func() (agent.Token, error) { panic("token-secret") },
	} {
		d.pausing()
		d.answers(answer)
		d.elapsed <- time.Time{}
	}
	d.pausing()
	d.holds("token-1")
	if log := d.log.String(); strings.Contains(log, "token-secret") || !strings.Contains(log, "panicked") {
		t.Errorf("the log is\n%s", log)
	}
	_ = d.end()
}

// TestFetchIsBounded wants every try to end by itself.
func TestFetchIsBounded(t *testing.T) {
	d := newDesk(t, filepath.Join(t.TempDir(), "token"))
	var left time.Duration
	d.cfg.Fetch = func(ctx context.Context) (agent.Token, error) {
		if end, ok := ctx.Deadline(); ok {
			left = time.Until(end)
		}
		return agent.Token{Value: "x", Life: time.Hour}, nil
	}
	d.start()
	d.pausing()
	if left <= 0 || left > 30*time.Second {
		t.Errorf("a try has %v, want at most 30 s", left)
	}
	_ = d.end()
}

// TestPermanent ends at a refusal that does not pass, and leaves the file.
func TestPermanent(t *testing.T) {
	d := newDesk(t, filepath.Join(t.TempDir(), "token"))
	d.start()
	d.pausing()
	d.answers(func() (agent.Token, error) { return agent.Token{}, agent.Permanent(errAway) })
	d.elapsed <- time.Time{}
	select {
	case err := <-d.ended:
		if !errors.Is(err, errAway) {
			t.Errorf("ended with %v", err)
		}
	case p := <-d.pauses:
		t.Errorf("pauses for %v", p)
	}
	d.holds("token-1")
}

// TestPermanentNil is no failure.
func TestPermanentNil(t *testing.T) {
	if err := agent.Permanent(nil); err != nil {
		t.Errorf("Permanent(nil) is %T", err)
	}
}

// TestEndsInTheMidst ends while the server does not answer.
func TestEndsInTheMidst(t *testing.T) {
	began := make(chan struct{})
	d := newDesk(t, filepath.Join(t.TempDir(), "token"))
	d.cfg.Fetch = func(ctx context.Context) (agent.Token, error) {
		close(began)
		<-ctx.Done()
		return agent.Token{}, ctx.Err()
	}
	d.start()
	<-began
	if err := d.end(); err != nil {
		t.Errorf("ended with %v", err)
	}
}

// TestFileThatCannotBe says so at the start.
func TestFileThatCannotBe(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{dir, filepath.Join(plain, "token")} {
		d := newDesk(t, file)
		if err := agent.Run(t.Context(), d.cfg); err == nil || d.fetched > 0 {
			t.Errorf("%s: %v after %d tokens", file, err, d.fetched)
		}
	}
}

// TestFileLost goes on when the file cannot be written for a while.
func TestFileLost(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "wx")
	d := newDesk(t, filepath.Join(dir, "token"))
	d.start()
	d.pausing()
	if err := os.Rename(dir, dir+".away"); err != nil {
		t.Fatal(err)
	}
	d.elapsed <- time.Time{}
	d.pausing()
	if err := os.Rename(dir+".away", dir); err != nil {
		t.Fatal(err)
	}
	d.holds("token-1")
	d.gives("token-2", time.Hour)
	d.elapsed <- time.Time{}
	d.pausing()
	d.holds("token-2")
	_ = d.end()
}
