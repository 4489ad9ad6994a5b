package profile

import (
	"context"
	"sync"

	"github.com/opentcb/opentcb/tcb"
)

// keptToken is an access token that production keeps and renews: nothing is issued
// in its place. It is read again once the platform refuses it.
type keptToken struct {
	from Secret

	mu    sync.Mutex
	value string
}

// Token implements tcb.TokenSource.
func (k *keptToken) Token(ctx context.Context) (string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.value != "" {
		return k.value, nil
	}
	return k.read(ctx)
}

// Renew implements tcb.TokenSource: production may have renewed the token since it
// was read. A client sends the same token no second time.
func (k *keptToken) Renew(ctx context.Context, refused string) (string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.value != refused {
		return k.value, nil
	}
	return k.read(ctx)
}

func (k *keptToken) read(ctx context.Context) (value string, err error) {
	k.value, err = k.from.Get(ctx)
	return k.value, err
}

// Issues reports whether tokens of a Session are issued for it, and not read where
// production keeps them.
func Issues(tokens tcb.TokenSource) bool {
	_, kept := tokens.(*keptToken)
	return !kept
}

// missing is the token of a profile that says nothing of it.
type missing struct{ err error }

// Token implements tcb.TokenSource.
func (m missing) Token(context.Context) (string, error) { return "", m.err }

// Renew implements tcb.TokenSource.
func (m missing) Renew(context.Context, string) (string, error) { return "", m.err }
