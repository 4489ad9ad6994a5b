package tcb_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opentcb/opentcb/tcb"
)

// mint issues tokens that live for a while, and counts them.
type mint struct {
	issued atomic.Int64
	life   time.Duration
	hold   chan struct{} // nil, or what is waited for before a token is issued
	fault  atomic.Pointer[error]
	clock  atomic.Int64 // nanoseconds since the epoch of the test
}

func (m *mint) issue(ctx context.Context) (string, time.Duration, error) {
	n := m.issued.Add(1)
	if m.hold != nil {
		select {
		case <-m.hold:
		case <-ctx.Done():
			return "", 0, ctx.Err()
		}
	}
	if fault := m.fault.Load(); fault != nil {
		return "", 0, *fault
	}
	return fmt.Sprintf("token-%d", n), m.life, nil
}

func (m *mint) now() time.Time { return time.Unix(1_790_000_000, m.clock.Load()) }

func (m *mint) pass(d time.Duration) { m.clock.Add(int64(d)) }

func (m *mint) source(options ...tcb.TokensOption) *tcb.Tokens {
	return tcb.NewTokens(m.issue, append(options, tcb.WithClock(m.now))...)
}

func token(t *testing.T, s *tcb.Tokens) string {
	t.Helper()
	value, err := s.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// TestStampede: a thousand callers, one renewal; the same when all of them
// have the token refused.
func TestStampede(t *testing.T) {
	m := &mint{life: 2 * time.Hour, hold: make(chan struct{}, 1)}
	s := m.source()
	all := func(call func() (string, error), want string) {
		var wg sync.WaitGroup
		for range 1000 {
			wg.Go(func() {
				if got, err := call(); err != nil || got != want {
					t.Errorf("got %q, %v, want %q", got, err, want)
				}
			})
		}
		time.Sleep(20 * time.Millisecond) // most are waiting by now
		select {
		case m.hold <- struct{}{}:
		default: // nobody took the last one, since nothing was renewed
		}
		wg.Wait()
	}
	all(func() (string, error) { return s.Token(t.Context()) }, "token-1")
	all(func() (string, error) { return s.Renew(t.Context(), "token-1") }, "token-2")
	all(func() (string, error) { return s.Renew(t.Context(), "token-1") }, "token-2")
	if n := m.issued.Load(); n != 2 {
		t.Errorf("%d renewals, want 2", n)
	}
}

// TestRenewedAhead: the old token is used while the new one is on its way.
func TestRenewedAhead(t *testing.T) {
	m := &mint{life: 2 * time.Hour}
	s := m.source()
	if got := token(t, s); got != "token-1" {
		t.Fatal(got)
	}
	m.pass(109 * time.Minute)
	m.hold = make(chan struct{})
	if got := token(t, s); got != "token-1" || m.issued.Load() != 1 {
		t.Errorf("before it is due: %s, %d issued", got, m.issued.Load())
	}
	m.pass(2 * time.Minute)
	if got := token(t, s); got != "token-1" {
		t.Errorf("when it is due: %s, want the old one at once", got)
	}
	close(m.hold)
	for deadline := time.Now().Add(30 * time.Second); token(t, s) != "token-2"; {
		if time.Now().After(deadline) {
			t.Fatal("never renewed")
		}
		time.Sleep(time.Millisecond)
	}
	m.pass(3 * time.Hour)
	if got := token(t, s); got != "token-3" {
		t.Errorf("after its expiry: %s", got)
	}
}

// TestCancelledCallerHarmsNobody: the first caller's patience is not that of
// the others.
func TestCancelledCallerHarmsNobody(t *testing.T) {
	m := &mint{life: time.Hour, hold: make(chan struct{})}
	s := m.source()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := s.Token(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the impatient: %v", err)
	}
	close(m.hold)
	if got := token(t, s); got != "token-1" || m.issued.Load() != 1 {
		t.Errorf("the patient: %s, %d issued", got, m.issued.Load())
	}
}

// TestFailingRenewalIsNotHammered: between two tries there is a pause that
// grows; the old token is used as long as it is good.
func TestFailingRenewalIsNotHammered(t *testing.T) {
	m := &mint{life: time.Hour}
	fault := errors.New("the platform is away")
	m.fault.Store(&fault)
	s := m.source()
	for range 100 {
		if _, err := s.Token(t.Context()); !errors.Is(err, fault) {
			t.Fatal(err)
		}
	}
	if n := m.issued.Load(); n != 1 {
		t.Errorf("%d tries at once", n)
	}
	pauses := []time.Duration{}
	for at := time.Duration(0); len(pauses) < 9; at += 500 * time.Millisecond {
		before := m.issued.Load()
		_, _ = s.Token(t.Context())
		if m.issued.Load() > before {
			pauses, at = append(pauses, at), 0
		}
		m.pass(500 * time.Millisecond)
	}
	for i := 1; i < len(pauses); i++ {
		if pauses[i] < pauses[i-1] || pauses[i] > 61*time.Second {
			t.Errorf("pauses %v", pauses)
		}
	}
	m.fault.Store(nil)
	m.pass(time.Minute)
	good := token(t, s)
	m.fault.Store(&fault)
	m.pass(55 * time.Minute)
	for range 10 {
		if got := token(t, s); got != good {
			t.Errorf("a failing renewal took the good token: %s", got)
		}
	}
	m.pass(6 * time.Minute)
	if _, err := s.Token(t.Context()); !errors.Is(err, fault) {
		t.Errorf("after its expiry: %v", err)
	}
}

// TestRefusedTokenIsNotUsedAgain, also when the renewal fails.
func TestRefusedTokenIsNotUsedAgain(t *testing.T) {
	m := &mint{life: time.Hour}
	s := m.source()
	first := token(t, s)
	fault := errors.New("the platform is away")
	m.fault.Store(&fault)
	if _, err := s.Renew(t.Context(), first); !errors.Is(err, fault) {
		t.Error(err)
	}
	if got, err := s.Token(t.Context()); err == nil {
		t.Errorf("got %s again", got)
	}
}

// TestPanickingRenewal is an error, and the next works.
func TestPanickingRenewal(t *testing.T) {
	clock := time.Unix(1_790_000_000, 0)
	broken := true
	s := tcb.NewTokens(func(context.Context) (string, time.Duration, error) {
		if broken {
			panic("a bug")
		}
		return "token", time.Hour, nil
	}, tcb.WithClock(func() time.Time { return clock }))
	if _, err := s.Token(t.Context()); err == nil {
		t.Error("no error")
	}
	broken, clock = false, clock.Add(time.Minute)
	if got := token(t, s); got != "token" {
		t.Error(got)
	}
}

// TestMain is also the child of TestFourProcesses.
func TestMain(m *testing.M) {
	if file := os.Getenv("TCB_TEST_TOKEN_FILE"); file != "" {
		os.Exit(child(file, os.Getenv("TCB_TEST_ISSUER")))
	}
	os.Exit(m.Run())
}

// child asks for a token with many goroutines and prints it.
func child(file, issuer string) int {
	s := tcb.NewTokens(func(ctx context.Context) (string, time.Duration, error) {
		resp, err := http.Get(issuer)
		if err != nil {
			return "", 0, err
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		return string(text), time.Hour, err
	}, tcb.InStore(tcb.FileStore{Path: file}))
	var wg sync.WaitGroup
	var bad atomic.Int64
	values := make(chan string, 250)
	for range 250 {
		wg.Go(func() {
			value, err := s.Token(context.Background())
			if err != nil {
				bad.Add(1)
				fmt.Fprintln(os.Stderr, err)
			}
			values <- value
		})
	}
	wg.Wait()
	first := <-values
	for range 249 {
		if <-values != first {
			bad.Add(1)
		}
	}
	fmt.Print(first)
	return int(min(bad.Load(), 1))
}

// TestFourProcesses share a file: one renewal among them. After that the token
// is refused in all of them: one renewal again.
func TestFourProcesses(t *testing.T) {
	var issued atomic.Int64
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n := issued.Add(1)
		time.Sleep(50 * time.Millisecond)
		fmt.Fprintf(w, "token-%d", n)
	}))
	defer issuer.Close()
	file := filepath.Join(t.TempDir(), "token")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			cmd := exec.Command(os.Args[0], "-test.run=^$")
			cmd.Env = append(os.Environ(), "TCB_TEST_TOKEN_FILE="+file, "TCB_TEST_ISSUER="+issuer.URL)
			cmd.Stderr = os.Stderr
			out, err := cmd.Output()
			if err != nil || string(out) != "token-1" {
				t.Errorf("%q, %v", out, err)
			}
		})
	}
	wg.Wait()
	if n := issued.Load(); n != 1 {
		t.Errorf("%d renewals, want 1", n)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	// Two sources on the file are as two processes: each holds a lock of its own.
	issue := func(context.Context) (string, time.Duration, error) {
		return fmt.Sprintf("token-%d", issued.Add(1)), time.Hour, nil
	}
	for range 4 {
		s := tcb.NewTokens(issue, tcb.InStore(tcb.FileStore{Path: file}))
		if got, err := s.Renew(t.Context(), "token-1"); err != nil || got != "token-2" {
			t.Errorf("Renew: %q, %v", got, err)
		}
	}
	if n := issued.Load(); n != 2 {
		t.Errorf("%d renewals, want 2", n)
	}
}

// TestDamagedTokenFile is renewed over.
func TestDamagedTokenFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(`{"value":"hal`), 0o600); err != nil {
		t.Fatal(err)
	}
	m := &mint{life: time.Hour}
	if got := token(t, m.source(tcb.InStore(tcb.FileStore{Path: file}))); got != "token-1" {
		t.Error(got)
	}
	if got := token(t, m.source(tcb.InStore(tcb.FileStore{Path: file}))); got != "token-1" {
		t.Errorf("a second source: %s", got)
	}
	_, err := tcb.FileStore{Path: filepath.Join(file, "below-a-file")}.Update(t.Context(), nil)
	if err == nil {
		t.Error("no error for a file that cannot be")
	}
}
