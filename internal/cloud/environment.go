package cloud

import (
	"context"
	"slices"

	"github.com/opentcb/opentcb/internal/whitelist"
)

// Account is whom environments belong to: a Mini Program or a platform.
type Account struct {
	AppID      string
	IsPlatform bool
	Cloud      bool // cloud development is opened (UT-13); always true for a platform
	Name       string
	Principal  string // whom a Mini Program belongs to
	State      State
	CreatedAt  int64 // Unix milliseconds; 0 of what a server of before made
}

// State is whether an account is in use.
type State int64

// The states of an account. What is being removed is disabled, and never comes
// back.
const (
	InUse State = iota
	Disabled
	Removing
)

// Environment is a cloud-development environment with its account's state.
// SetVersion and SetOpen are what the last accepted set carried (UT-7);
// SetVersion is -1 before the first. CredentialEpoch is that of its runtime's
// credentials.
type Environment struct {
	Account    string
	ID         string
	Cloud      bool
	Open       bool
	Whitelist  []string
	Version    int64
	SetVersion int64
	SetOpen    bool
	Disabled   bool // the account is

	CredentialEpoch int64
	Runtime         string // the environment's own runtime; "": the server's
}

// EnvironmentKey names an environment within its account.
type EnvironmentKey struct{ Account, Env string }

// EnvironmentStore keeps accounts and their environments.
type EnvironmentStore interface {
	Account(ctx context.Context, appid string) (Account, error)
	// Environment returns an environment of the account together with the
	// account's state, as of one moment.
	Environment(ctx context.Context, account, id string) (Environment, error)
	// EnvironmentAccount returns the account of an environment by its id,
	// which is unique in the server.
	EnvironmentAccount(ctx context.Context, id string) (string, error)
}

// cachedEnvironment is an environment in memory, with its whitelist made ready
// for judging calls.
type cachedEnvironment struct {
	Environment
	admits *whitelist.List
}

func (s *Service) account(ctx context.Context, appid string) (Account, error) {
	return s.accounts.get(appid, reread, func() (Account, error) { return s.store.Account(ctx, appid) })
}

func (s *Service) environment(
	ctx context.Context, want freshness, account, id string,
) (*cachedEnvironment, error) {
	key := EnvironmentKey{account, id}
	return s.environments.get(key, want, func() (*cachedEnvironment, error) {
		e, err := s.store.Environment(ctx, account, id)
		if err != nil {
			return nil, err
		}
		if old, ok := s.environments.peek(key); ok && slices.Equal(old.Whitelist, e.Whitelist) {
			return &cachedEnvironment{e, old.admits}, nil // read again, and not changed
		}
		return &cachedEnvironment{e, whitelist.NewList(e.Whitelist)}, nil
	})
}

// environmentOf returns an environment of an account: EnvironmentNotFound if it
// does not exist or belongs to another account, which look alike (UT-12, DF-6).
func (s *Service) environmentOf(ctx context.Context, account, id string) (*Environment, error) {
	e, err := s.environment(ctx, reread, account, id)
	if err != nil {
		return nil, notFoundAs(EnvironmentNotFound, "env not exists", err)
	}
	return &e.Environment, nil
}

// environmentByID returns an environment by its id, which is unique in the server:
// for the operator, who reaches all accounts.
func (s *Service) environmentByID(ctx context.Context, id string) (*Environment, error) {
	account, err := s.store.EnvironmentAccount(ctx, id)
	if err != nil {
		return nil, notFoundAs(EnvironmentNotFound, "no environment "+id, err)
	}
	return s.environmentOf(ctx, account, id)
}

// concerning returns the operator as caller of what is done to an account.
func (c Caller) concerning(a Account) Caller {
	if a.IsPlatform {
		c.Platform = a.AppID
	} else {
		c.AppID = a.AppID
	}
	return c
}

// recordOn returns the audit record of what was done to an environment by its id.
func (s *Service) recordOn(ctx context.Context, c Caller, action string, e *Environment) (Record, error) {
	a, err := s.account(ctx, e.Account)
	return c.concerning(a).record(action, named("env", e.ID)), err
}
