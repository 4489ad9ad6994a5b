// Package agent keeps an environment's cloudbase_access_token fresh in a file,
// where the code of the environment reads it (CC-6), and that code in a folder, where
// a runtime finds it.
//
//	agent.go        Run: when a token is fetched, how long to wait after failures, and what is logged
//	file.go         how the file is replaced
//	code.go         KeepCode: what an environment's runtime runs, in a folder (RT-4)
//	folder.go       the folder: links, versions, the list of functions
//	version.go      how code gets into it
//	mount_linux.go  whether a file is mounted by itself, so that it cannot be
//	mount_other.go  the same where that is not known
package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/bits"
	"math/rand/v2"
	"syscall"
	"time"
)

// Token is a cloudbase_access_token and how long it is valid from now on. Credential
// is how long the credential is that it was got with; 0 if that does not expire.
type Token struct {
	Value      string
	Life       time.Duration
	Credential time.Duration
}

// Config is what an agent works with. Out and Fetch are required.
type Config struct {
	Out string // the file to keep the token in
	// Group may read the file: its name or number. Default: nobody but the owner.
	Group string
	// Fetch asks the server for a token. An error made by Permanent ends the
	// agent; after any other the agent retries.
	Fetch func(ctx context.Context) (Token, error)
	// Renew is the time from one token to the next, or half a token's life if
	// that is less; default DefaultRenew.
	Renew time.Duration
	Log   *slog.Logger // default: nothing is logged
	// The clock; default time.Now and time.After.
	Now   func() time.Time
	After func(time.Duration) <-chan time.Time
}

// DefaultRenew is how often a token is renewed (CC-6).
const DefaultRenew = 10 * time.Minute

const (
	fetchTime  = 30 * time.Second // for one try
	firstPause = time.Second      // after the first failure; each further pause is twice as long
	longPause  = time.Minute      // the longest pause
	shortRenew = time.Second      // the least time between two renewals

	warnBefore = 14 * 24 * time.Hour // the credential expires; then it is told once a day
)

// permanent is a failure that a retry cannot mend.
type permanent struct{ error }

func (p permanent) Unwrap() error { return p.error }

// Permanent marks an error of Fetch as one that a retry cannot mend, such as
// that of a revoked credential. Permanent(nil) is nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return permanent{err}
}

// Answers of the server after which the file is kept as it is.
var (
	errNoToken = errors.New("the server gave an empty token")
	errNoLife  = errors.New("the server gave an expired token")
)

// Run keeps a token in the file until ctx ends, and then returns nil. The file
// stays, and its token is valid until it expires. Run returns an error if the
// file cannot be replaced at all, and when Fetch fails with a Permanent error.
func Run(ctx context.Context, cfg Config) error {
	a := agent{Config: withDefaults(cfg)}
	a.tries = tries{after: a.After, longest: longPause}
	var err error
	if a.gid, err = lookUpGroup(a.Group); err != nil {
		return err
	}
	if err := prepare(a.Out, a.gid); err != nil {
		return err
	}
	return a.repeat(ctx, a.renew, a.next)
}

func withDefaults(cfg Config) Config {
	if cfg.Renew <= 0 {
		cfg.Renew = DefaultRenew
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.After == nil {
		cfg.After = time.After
	}
	return cfg
}

// agent is what Run remembers from try to try.
type agent struct {
	Config
	tries
	gid      int           // of the group; noGroup if there is none
	expires  time.Time     // of the token in the file; zero if this agent wrote none
	life     time.Duration // of that token when it was got
	reported bool          // that the token in the file has expired
	warned   time.Time     // when it was told that the credential expires
}

// renew fetches a token and writes it to the file.
func (a *agent) renew(ctx context.Context) error {
	token, err := a.fetch(ctx)
	if err != nil {
		return err
	}
	err = replace(a.Out, token.Value, a.gid)
	if errors.Is(err, syscall.EBUSY) { // that is what renaming onto a mounted file is answered
		return Permanent(mountedError(a.Out))
	}
	if err != nil {
		return fmt.Errorf("the file cannot be written: %w", err)
	}
	a.life, a.expires = token.Life, a.Now().Add(token.Life)
	if token.Credential > 0 && token.Credential < warnBefore && a.Now().Sub(a.warned) >= 24*time.Hour {
		a.warned = a.Now()
		a.Log.Warn("the credential expires, and no token is got after that: replace it, and start the agent again",
			"in", token.Credential)
	}
	return nil
}

// fetch asks the server, for a bounded time. The agent outlives a panic of
// Fetch, whose value is not logged: it could be a token.
func (a *agent) fetch(ctx context.Context) (token Token, err error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("fetching a token panicked with a %T", v)
		}
	}()
	token, err = a.Fetch(ctx)
	switch {
	case err != nil:
		return Token{}, err
	case token.Value == "":
		return Token{}, errNoToken
	case token.Life <= 0:
		return Token{}, errNoLife
	}
	return token, nil
}

// next logs how a try ended, and returns the pause before the next one.
func (a *agent) next(err error) time.Duration {
	if err == nil {
		if a.failures > 0 {
			a.Log.Info("token renewed again", "failures", a.failures)
		}
		a.failures, a.reported = 0, false
		a.Log.Debug("token renewed", "life", a.life)
		return max(shortRenew, min(a.Renew, a.life/2))
	}
	pause := a.failed()
	a.logFailure(err, pause)
	return pause
}

// logFailure logs the first, 2nd, 4th, 8th failure and so on, and at least one
// an hour; and once that the token in the file has expired.
func (a *agent) logFailure(err error, pause time.Duration) {
	if a.isTold() {
		a.Log.Warn("token not renewed, the file is kept",
			"err", err, "failures", a.failures, "next", pause.Round(time.Second))
	}
	if !a.reported && !a.expires.IsZero() && !a.Now().Before(a.expires) {
		a.reported = true
		a.Log.Error("the token in the file has expired", "file", a.Out)
	}
}

// tries paces what is tried again and again.
type tries struct {
	after    func(time.Duration) <-chan time.Time
	longest  time.Duration // the longest pause
	failures int           // since the last success
}

// wait waits, and reports whether there is to be another try.
func (t *tries) wait(ctx context.Context, pause time.Duration) bool {
	if pause <= 0 {
		return ctx.Err() == nil
	}
	select {
	case <-ctx.Done():
		return false
	case <-t.after(pause):
		return ctx.Err() == nil
	}
}

// repeat does something again and again, until ctx ends or it fails with a permanent
// error, which is returned. next returns the pause after each.
func (t *tries) repeat(ctx context.Context, do func(context.Context) error, next func(error) time.Duration) error {
	for pause := time.Duration(0); t.wait(ctx, pause); {
		err := do(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.As(err, new(permanent)):
			return err
		}
		pause = next(err)
	}
	return nil
}

// failed counts a failure, and returns the pause before the next try. Those that lost
// the server together do not come back together.
func (t *tries) failed() time.Duration {
	t.failures++
	pause := t.longest
	if t.failures < 7 { // 1, 2, 4, 8, 16, 32 s
		pause = min(pause, firstPause<<(t.failures-1))
	}
	return pause - rand.N(pause/4)
}

// isTold reports whether the last failure is to be logged: the first, 2nd, 4th, 8th and
// so on, and about one an hour.
func (t *tries) isTold() bool { return bits.OnesCount(uint(t.failures)) == 1 || t.failures%60 == 0 }
