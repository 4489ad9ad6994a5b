// Package agent keeps an environment's cloudbase_access_token fresh in a file,
// where the code of the environment reads it (CC-6).
//
//	agent.go   Run: when a token is got
//	file.go    how the file is replaced
package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/bits"
	"math/rand/v2"
	"time"
)

// Token is a cloudbase_access_token and how long it is good from now.
type Token struct {
	Value string
	Life  time.Duration
}

// Config is what an agent works with. Out and Fetch are required.
type Config struct {
	Out string // the file to keep
	// Fetch asks the server for a token. An error that Permanent made ends the
	// agent; after any other it tries again.
	Fetch func(ctx context.Context) (Token, error)
	Renew time.Duration // from one token to the next; default DefaultRenew. Half a token's life if that is less
	Log   *slog.Logger  // default: nothing is logged
	// The clock; default that of the machine.
	Now   func() time.Time
	After func(time.Duration) <-chan time.Time
}

// DefaultRenew is how often a token is renewed (CC-6).
const DefaultRenew = 10 * time.Minute

const (
	fetchTime  = 30 * time.Second // for one try
	firstPause = time.Second      // after a failure; each further one is twice as long
	longPause  = time.Minute
	shortRenew = time.Second // the least time between two renewals
)

// permanent is a failure that waiting does not mend.
type permanent struct{ error }

func (p permanent) Unwrap() error { return p.error }

// Permanent marks an error of Fetch as one that trying again does not mend: a
// credential that was revoked, say. Of nil it returns nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return permanent{err}
}

// Answers of the server that are no token. The file is kept.
var (
	errNoToken = errors.New("the server gave an empty token")
	errNoLife  = errors.New("the server gave a token that has expired")
)

// Run keeps the file until ctx ends, and then returns nil: the file stays,
// with a token that is good to its expiry. It returns an error if the file can
// never be written, and when Fetch fails for good.
func Run(ctx context.Context, cfg Config) error {
	a := agent{Config: withDefaults(cfg)}
	if err := prepare(a.Out); err != nil {
		return err
	}
	for pause := time.Duration(0); ; {
		if !a.wait(ctx, pause) {
			return nil
		}
		err := a.renew(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.As(err, new(permanent)):
			return err
		}
		pause = a.next(err)
	}
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

// agent is what is known between two tries.
type agent struct {
	Config
	expires  time.Time     // of the token in the file; zero if this agent wrote none
	life     time.Duration // of that token when it was got
	failures int           // since the last success
	told     bool          // that the token in the file has expired
}

func (a *agent) wait(ctx context.Context, pause time.Duration) bool {
	if pause <= 0 {
		return ctx.Err() == nil
	}
	select {
	case <-ctx.Done():
		return false
	case <-a.After(pause):
		return ctx.Err() == nil
	}
}

// renew gets a token and puts it into the file.
func (a *agent) renew(ctx context.Context) error {
	token, err := a.fetch(ctx)
	if err != nil {
		return err
	}
	if err := replace(a.Out, token.Value); err != nil {
		return fmt.Errorf("the file cannot be written: %w", err)
	}
	a.life, a.expires = token.Life, a.Now().Add(token.Life)
	return nil
}

// fetch asks the server, for a bounded time. The agent outlives a panic of
// Fetch; what it panicked with is not told, since it could be a token.
func (a *agent) fetch(ctx context.Context) (token Token, err error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("asking for a token panicked with a %T", v)
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

// next returns the pause before the next try, and tells how the last one
// ended.
func (a *agent) next(err error) time.Duration {
	if err == nil {
		if a.failures > 0 {
			a.Log.Info("the token is renewed again", "failures", a.failures)
		}
		a.failures, a.told = 0, false
		a.Log.Debug("token renewed", "good", a.life)
		return max(shortRenew, min(a.Renew, a.life/2))
	}
	a.failures++
	pause := longPause
	if a.failures < 7 { // 1, 2, 4, 8, 16, 32 s
		pause = firstPause << (a.failures - 1)
	}
	// Agents that lost the server together do not come back together.
	pause -= rand.N(pause / 4)
	a.tell(err, pause)
	return pause
}

// tell logs a failure: the first, the 2nd, 4th, 8th and so on, and at least
// one an hour; and once that there is no good token any more.
func (a *agent) tell(err error, pause time.Duration) {
	if bits.OnesCount(uint(a.failures)) == 1 || a.failures%60 == 0 {
		a.Log.Warn("the token was not renewed; the file is kept", "err", err, "failures", a.failures, "next", pause.Round(time.Second))
	}
	if !a.told && !a.expires.IsZero() && !a.Now().Before(a.expires) {
		a.told = true
		a.Log.Error("the token in the file has expired", "file", a.Out)
	}
}
