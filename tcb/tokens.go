package tcb

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// IssuedToken is an access token, when it was issued and when it expires.
type IssuedToken struct {
	Value     string    `json:"value"`
	IssuedAt  time.Time `json:"issued_at"`
	ExpiresAt time.Time `json:"expires_at"`
}

// TokenStore keeps one token for several clients, perhaps of several processes:
// see MemoryStore and FileStore.
type TokenStore interface {
	// Load returns the stored token; the zero value if there is none.
	Load(ctx context.Context) (IssuedToken, error)
	// Update calls next with the stored token and stores what it returns. No
	// other Update of the same token runs meanwhile, in any process. If next
	// fails nothing changes, and Update returns its error.
	Update(ctx context.Context, next func(IssuedToken) (IssuedToken, error)) (IssuedToken, error)
}

// Tokens is a TokenSource that keeps a token and renews it before it expires.
// However many callers wait, one renewal runs at a time; with a store that
// processes share, one among all of them. Callers get a token that is being
// renewed as long as it is valid: the platform accepts it for five minutes
// after its successor was issued. A renewal that failed is retried after a
// pause, which grows from one second to a minute.
//
// NewTokens makes one; the zero value is not ready.
type Tokens struct {
	issue func(context.Context) (value string, life time.Duration, err error)
	store TokenStore
	ahead time.Duration
	now   func() time.Time

	mu      sync.Mutex
	current IssuedToken
	flight  *flight // the renewal under way; nil if there is none
	failed  error   // why the last renewal failed; nil if it did not
	pause   time.Duration
	tryAt   time.Time // no renewal before then, while failed is not nil
}

// flight is one renewal, which any number of callers wait for.
type flight struct {
	done  chan struct{}
	token IssuedToken
	err   error
}

// TokensOption changes how NewTokens works.
type TokensOption func(*Tokens)

// InStore sets where the token is kept; the default is memory.
func InStore(store TokenStore) TokensOption { return func(t *Tokens) { t.store = store } }

// RenewAhead sets how long before its expiry a token is renewed; the default is
// ten minutes. A token is always used for half of its life.
func RenewAhead(d time.Duration) TokensOption { return func(t *Tokens) { t.ahead = d } }

// WithClock sets the clock by which tokens expire; the default is time.Now.
func WithClock(now func() time.Time) TokensOption { return func(t *Tokens) { t.now = now } }

const (
	defaultAhead = 10 * time.Minute
	renewalTime  = time.Minute // bounds a renewal, whatever its callers' contexts
	firstPause   = time.Second
	longestPause = time.Minute
)

// NewTokens returns a source of the tokens that issue obtains, each with its
// life. ComponentTokens and AuthorizerTokens are the two that a platform needs.
func NewTokens(
	issue func(context.Context) (value string, life time.Duration, err error), options ...TokensOption,
) *Tokens {
	t := &Tokens{issue: issue, store: &MemoryStore{}, ahead: defaultAhead, now: time.Now}
	for _, option := range options {
		option(t)
	}
	return t
}

// ComponentTokens returns a source of a platform's component_access_token.
// secret and ticket are called at each renewal: the platform pushes a new verify
// ticket every ten minutes.
func ComponentTokens(
	c *Client, appid string, secret, ticket func(context.Context) (string, error), options ...TokensOption,
) *Tokens {
	return NewTokens(func(ctx context.Context) (string, time.Duration, error) {
		s, err := secret(ctx)
		if err != nil {
			return "", 0, fmt.Errorf("component_appsecret: %w", err)
		}
		v, err := ticket(ctx)
		if err != nil {
			return "", 0, fmt.Errorf("component_verify_ticket: %w", err)
		}
		answer, err := c.ComponentToken(ctx, appid, s, v)
		return answer.ComponentAccessToken, time.Duration(answer.ExpiresIn) * time.Second, err
	}, options...)
}

// AuthorizerTokens returns a source of the authorizer_access_token of a Mini
// Program. The Tokens of c are the platform's. refresh is called at each
// renewal.
func AuthorizerTokens(
	c *Client, appid, authorizer string, refresh func(context.Context) (string, error), options ...TokensOption,
) *Tokens {
	return NewTokens(func(ctx context.Context) (string, time.Duration, error) {
		r, err := refresh(ctx)
		if err != nil {
			return "", 0, fmt.Errorf("authorizer_refresh_token: %w", err)
		}
		answer, err := c.AuthorizerToken(ctx, appid, authorizer, r)
		return answer.AuthorizerAccessToken, time.Duration(answer.ExpiresIn) * time.Second, err
	}, options...)
}

// Token returns a token that has not expired. If there is none it waits for a
// renewal, no longer than ctx.
func (t *Tokens) Token(ctx context.Context) (string, error) {
	t.mu.Lock()
	now := t.now()
	good := t.current.Value != "" && now.Before(t.current.ExpiresAt)
	if good && now.Before(t.due(t.current)) {
		defer t.mu.Unlock()
		return t.current.Value, nil
	}
	f, err := t.renewal(ctx, "")
	value := t.current.Value
	t.mu.Unlock()
	if good {
		return value, nil // valid, even if the renewal fails
	}
	return f.wait(ctx, err)
}

// Renew returns another token than the one that was refused: the current token
// if that is another already, else one from a renewal, for which it waits.
func (t *Tokens) Renew(ctx context.Context, refused string) (string, error) {
	t.mu.Lock()
	if t.current.Value != refused && t.current.Value != "" && t.now().Before(t.current.ExpiresAt) {
		defer t.mu.Unlock()
		return t.current.Value, nil
	}
	if t.current.Value == refused {
		t.current = IssuedToken{}
	}
	f, err := t.renewal(ctx, refused)
	t.mu.Unlock()
	return f.wait(ctx, err)
}

// due returns the time from which a token is renewed.
func (t *Tokens) due(token IssuedToken) time.Time {
	return token.ExpiresAt.Add(-min(t.ahead, token.ExpiresAt.Sub(token.IssuedAt)/2))
}

// renewal joins the renewal that is running or begins one. While a failed one
// may not be retried yet, it returns that error. The caller holds mu.
func (t *Tokens) renewal(ctx context.Context, refused string) (*flight, error) {
	if t.flight != nil {
		return t.flight, nil
	}
	if t.failed != nil && t.now().Before(t.tryAt) {
		return nil, t.failed
	}
	f := &flight{done: make(chan struct{})}
	t.flight = f
	// The renewal belongs to all callers: it does not end with the context of
	// the one who began it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), renewalTime)
	go func() {
		defer cancel()
		token, err := t.renew(ctx, refused)
		t.land(f, token, err)
	}()
	return f, nil
}

func (t *Tokens) renew(ctx context.Context, refused string) (token IssuedToken, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("renewal of the access token: panic: %v", p)
		}
	}()
	return t.store.Update(ctx, func(stored IssuedToken) (IssuedToken, error) {
		// Another process may have renewed it.
		if stored.Value != "" && stored.Value != refused && t.now().Before(t.due(stored)) {
			return stored, nil
		}
		asked := t.now().Round(0) // without the monotonic clock, as a file returns it
		value, life, err := t.issue(ctx)
		if err == nil && (value == "" || life <= 0) {
			err = errors.New("the renewal gave no access token")
		}
		return IssuedToken{Value: value, IssuedAt: asked, ExpiresAt: asked.Add(life)}, err
	})
}

// land ends a renewal and wakes its callers.
func (t *Tokens) land(f *flight, token IssuedToken, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	if err != nil {
		t.pause = min(max(2*t.pause, firstPause), longestPause)
		t.failed, t.tryAt = err, now.Add(t.pause)
	} else {
		t.failed, t.pause, t.current = nil, 0, token
	}
	f.token, f.err = token, err
	t.flight = nil
	close(f.done)
}

// wait returns the token of a renewal, or err if none was begun.
func (f *flight) wait(ctx context.Context, err error) (string, error) {
	if err != nil {
		return "", err
	}
	select {
	case <-f.done:
		return f.token.Value, f.err
	case <-ctx.Done():
		return "", fmt.Errorf("waiting for an access token: %w", ctx.Err())
	}
}

// MemoryStore keeps a token in memory. The zero value is empty and ready.
type MemoryStore struct {
	mu    sync.Mutex
	token IssuedToken
}

// Load implements TokenStore.
func (m *MemoryStore) Load(context.Context) (IssuedToken, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.token, nil
}

// Update implements TokenStore.
func (m *MemoryStore) Update(_ context.Context, next func(IssuedToken) (IssuedToken, error)) (IssuedToken, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	token, err := next(m.token)
	if err == nil {
		m.token = token
	}
	return token, err
}
