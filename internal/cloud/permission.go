package cloud

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/opentcb/opentcb/internal/whitelist"
)

// PermissionSet is one set on an environment.
type PermissionSet struct {
	Account   string
	Env       string
	Open      bool
	Whitelist []string
	Version   int64
	// Next is the version that the environment gets; 0: two more than Version.
	Next int64
	// Alias is the environment's new alias; nil: it stays.
	Alias *string
	// Runtime likewise is its runtime; "": it has none of its own.
	Runtime *string
}

// NextVersion is the version that an accepted set leaves.
func (set PermissionSet) NextVersion() int64 {
	if set.Next != 0 {
		return set.Next
	}
	return set.Version + 2
}

// PermissionResult is what became of a set. If it was not accepted, Current
// is the environment that refused it. Touched are the account's other
// environments, if their versions changed because the switch was flipped.
type PermissionResult struct {
	Accepted bool
	Current  Environment
	Touched  []string
}

// PermissionStore changes the switches of accounts and the whitelists of their
// environments.
type PermissionStore interface {
	// SetPermission carries out UT-5 to UT-9 in one step. An accepted set
	// becomes part of the history, with the time, rid and caller of rec.
	SetPermission(ctx context.Context, set PermissionSet, rec Record) (PermissionResult, error)
}

// MaxVersion is the largest version that a set may carry: the stored one
// becomes two more, and stays a number that every JSON reader can hold
// (UT-11).
const MaxVersion = 1<<53 - 3

// MaxLeap is how far the version of a set may be above the stored one. Without a
// bound one set takes all versions that are left, and nobody can set any more.
const MaxLeap = 1 << 32

// versionAfterLast is the version that the operator's set leaves of an environment
// that has no versions left for others: above all that are in honest use, and far
// below those that are used up.
const versionAfterLast = 1 << 52

// FirstVersion is the version of an environment that was never set (UT-4).
const FirstVersion = 2

const actPermission = "usecloudaccesstoken"

// The actions of usecloudaccesstoken (UT-1).
const (
	ActionGet = "get"
	ActionSet = "set"
)

// RefuseAction records and returns the refusal of any other action (UT-1).
func (s *Service) RefuseAction(c Caller) error {
	return s.recordOutcome(c, actPermission, "", Refused(InvalidArgs, "action must be get or set"))
}

// Permission returns the switch, whitelist and version of an environment of the
// caller's account (UT-2): NoCloudPrivilege, or InvalidArgs if there is no such
// environment. The result is shared and must not be changed.
func (s *Service) Permission(ctx context.Context, c Caller, env string) (*Environment, error) {
	e, err := s.permission(ctx, c, env)
	target := "get env " + env
	if err != nil {
		target = named("get env", env) // which may be anything
	}
	if err = s.recordOutcome(c, actPermission, target, err); err != nil {
		return nil, err
	}
	return e, nil
}

func (s *Service) permission(ctx context.Context, c Caller, env string) (*Environment, error) {
	e, err := s.environment(ctx, reread, c.account(), env)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil, s.noEnvironment(ctx, c)
	case err != nil:
		return nil, storeError("environment", err)
	case !e.Cloud:
		return nil, Refused(NoCloudPrivilege, "")
	}
	return &e.Environment, nil
}

// noEnvironment is the refusal of an environment that the account does not have.
// An account without cloud development is refused for that first (UT-13).
func (s *Service) noEnvironment(ctx context.Context, c Caller) error {
	a, err := s.account(ctx, c.account())
	switch {
	case err != nil: // the account was removed
		return notFoundAs(InvalidArgs, "env not exists", err)
	case !a.Cloud:
		return Refused(NoCloudPrivilege, "")
	}
	return Refused(InvalidArgs, "env not exists") // UT-12
}

// SetPermission sets the switch of the caller's account and the whitelist of one
// of its environments (UT-3, UT-5 to UT-11). When it returns nil, the set is
// durable and every call that begins from now on sees it (UT-15, UT-16).
// NoCloudPrivilege, or InvalidArgs for values that cannot be, an environment that
// does not exist, or an old version.
func (s *Service) SetPermission(
	ctx context.Context, c Caller, env string, open bool, entries []string, version int64,
) error {
	set := PermissionSet{Account: c.account(), Env: env, Open: open, Whitelist: entries, Version: version}
	if err := s.setPermission(ctx, c, set); err != nil {
		return s.recordOutcome(c, actPermission, named("set env", env), err)
	}
	return nil
}

func (s *Service) setPermission(ctx context.Context, c Caller, set PermissionSet) error {
	if err := set.check(); err != nil {
		return err
	}
	a, err := s.account(ctx, set.Account)
	switch {
	case err != nil: // the account was removed
		return notFoundAs(InvalidArgs, "env not exists", err)
	case !a.Cloud:
		return Refused(NoCloudPrivilege, "")
	}
	rec := c.record(actPermission, named("set env", set.Env))
	rec.Detail = fmt.Sprintf("open=%t entries=%d version=%d", set.Open, len(set.Whitelist), set.Version)
	res, err := s.store.SetPermission(ctx, set, rec)
	s.forgetPermission(set.Account, set.Env, res.Touched, err)
	switch {
	case errors.Is(err, ErrNotFound):
		return Refused(InvalidArgs, "env not exists") // UT-12
	case err != nil:
		return storeError("set permission", err)
	case !res.Accepted && set.Version > res.Current.Version:
		return Refused(InvalidArgs, fmt.Sprintf("version %d is far above %d, which get shows", set.Version, res.Current.Version))
	case !res.Accepted && !res.Current.repeats(set):
		return Refused(InvalidArgs, fmt.Sprintf("version %d is older than %d", set.Version, res.Current.Version))
	case !res.Accepted: // UT-7: accepted before, and the answer was lost
		return s.recordOutcome(c, actPermission, rec.Target, nil)
	}
	s.observer.changed(EnvironmentKey{set.Account, set.Env})
	return nil
}

// check returns an error for values that no set can have, before anything is said
// of the environment, and puts the whitelist in the form in which it is stored
// (UT-10, UT-11).
func (set *PermissionSet) check() error {
	if set.Version < 0 || set.Version > MaxVersion {
		return Refused(InvalidArgs, fmt.Sprintf("version must be an integer from 0 to %d", int64(MaxVersion)))
	}
	list, err := whitelist.Normalize(set.Whitelist)
	if err != nil {
		return Refused(InvalidArgs, err.Error())
	}
	set.Whitelist = list
	return nil
}

// forgetPermission drops every row that a set has changed, or may have changed if
// it ended with an error.
func (s *Service) forgetPermission(account, env string, others []string, err error) {
	if err != nil && !errors.Is(err, ErrNotFound) {
		s.environments.clear()
		return
	}
	keys := []EnvironmentKey{{account, env}}
	for _, id := range others {
		keys = append(keys, EnvironmentKey{account, id})
	}
	s.environments.drop(keys...)
}

// repeats reports whether a set is the last accepted one, word for word (UT-7).
func (e Environment) repeats(set PermissionSet) bool {
	return e.SetVersion == set.Version && e.SetOpen == set.Open && slices.Equal(e.Whitelist, set.Whitelist)
}
