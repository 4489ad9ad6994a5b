package cloud

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// RemoveEnvironment removes an environment (OP-7), as far as one request can:
// EnvironmentNotFound, or Conflict if it has functions and they are not to go too.
// Functions go first, then what is kept of it.
func (s *Service) RemoveEnvironment(ctx context.Context, c Caller, id string, o RemovalOptions) (Removal, error) {
	e, err := s.EnvironmentView(ctx, id)
	if err != nil {
		return Removal{}, err
	}
	result := Removal{Left: PlatformCounts{Counts: Counts{Functions: e.Functions}}}
	if c.Seen != "" && c.Seen != "*" && c.Seen != e.ETag() {
		version, _ := strconv.ParseInt(c.Seen, 10, 64)
		return Removal{}, s.otherVersion(ctx, Environment{Account: e.AppID + e.Platform, ID: id, Version: e.Version}, version)
	}
	if o.DryRun {
		return result, nil
	}
	if e.Functions > 0 && !o.Cascade {
		return Removal{}, Refused(Conflict, fmt.Sprintf("environment %s has %s: cascade=true removes them too",
			id, many(e.Functions, "function")))
	}
	key := EnvironmentKey{e.AppID + e.Platform, id}
	a, err := s.account(ctx, key.Account)
	if err != nil {
		return Removal{}, storeError("account", err)
	}
	rec := c.concerning(a).record(actRemove, named("env", id))
	defer s.environments.drop(key)
	defer s.functions.clear()
	err = s.removeEnvironment(ctx, key, rec, o, &result)
	switch {
	case errors.Is(err, ErrNotFound): // another operator has finished it
		err, result.Done = nil, true
	case errors.Is(err, ErrStale):
		return Removal{}, Refused(Conflict, "a function was added to "+id+" just now")
	case err != nil:
		return Removal{}, storeError("remove", err)
	}
	if result.Left = (PlatformCounts{}); !result.Done {
		result.Left.Functions = max(e.Functions-result.Removed.Functions, 0)
	}
	return result, nil
}

// removeEnvironment does step after step, until all is done or the request's time is
// over.
func (s *Service) removeEnvironment(
	ctx context.Context, key EnvironmentKey, rec Record, o RemovalOptions, result *Removal,
) error {
	counted := func(n int64) Record {
		rec.Detail = fmt.Sprintf("%d functions removed", n)
		return rec
	}
	end := time.Now().Add(removalTime)
	ctx = context.WithoutCancel(ctx) // a step that has begun is ended
	for more := true; more; {
		var n, forgotten int64
		var err error
		if o.Cascade {
			n, err = s.store.RemoveFunctions(ctx, key, false, RemovalStep, counted)
			result.Removed.Functions += n
		}
		if err == nil && n == 0 {
			forgotten, err = s.store.ForgetEnvironment(ctx, key, false, RemovalStep)
		}
		if err != nil {
			return err
		}
		if more = n > 0 || forgotten >= RemovalStep; more && time.Now().After(end) {
			return nil // the next request goes on
		}
	}
	rec.Detail = "environment removed"
	if err := s.store.RemoveEnvironment(ctx, key, false, rec); err != nil {
		return err
	}
	result.Removed.Environments, result.Done = 1, true
	return nil
}

// RemoveFunction removes a function (OP-5): EnvironmentNotFound or FunctionNotFound.
// Its code is collected later, and links to it are dead.
func (s *Service) RemoveFunction(ctx context.Context, c Caller, env, name string) error {
	f, err := s.functionByName(ctx, env, name)
	if err != nil {
		return err
	}
	a, err := s.account(ctx, f.Account)
	if err != nil {
		return storeError("account", err)
	}
	rec := c.concerning(a).record(actRemove, f.target())
	removed, err := s.store.RemoveFunction(ctx, EnvironmentKey{f.Account, env}, name, rec)
	s.functions.drop(functionKey{f.Account, env, name})
	switch {
	case err != nil:
		return storeError("remove function", err)
	case !removed:
		return Refused(FunctionNotFound, "no function "+name+" in "+env)
	}
	return nil
}
