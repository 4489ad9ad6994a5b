package cloud

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Removal is what became of the removal of a platform or Mini Program: what is
// gone, what is left, and whether all is done. The functions of others that the
// platform owned are not removed: they are nobody's then.
type Removal struct {
	Removed PlatformCounts `json:"removed"`
	Left    PlatformCounts `json:"left"`
	Done    bool           `json:"done"`
}

// RemovalOptions is how something is removed.
type RemovalOptions struct {
	Cascade bool // what is below it goes too; else nothing may be below it
	DryRun  bool // only tells what there is
}

// RemovalStore removes rows for good, a step at a time. A step that is marked
// happens only if the account is being removed: another server may have finished
// meanwhile, and the account may have been made anew. Each takes the record of how
// much it did; one that did nothing writes none.
type RemovalStore interface {
	// ReleaseFunctions makes functions of others that a platform owns nobody's, up
	// to limit of them.
	ReleaseFunctions(ctx context.Context, platform string, marked bool, limit int, rec CountedRecord) (int64, error)
	// RemoveAuthorizations removes authorizations of an account that is being
	// removed, up to limit of them, and the code protection keys made under them.
	RemoveAuthorizations(ctx context.Context, a Account, limit int, rec CountedRecord) (all, inForce int64, err error)
	// EnvironmentIDs returns the ids of environments of an account, in order, up to
	// limit of them.
	EnvironmentIDs(ctx context.Context, account string, limit int) ([]string, error)
	// RemoveFunctions removes functions of an environment, up to limit of them.
	RemoveFunctions(ctx context.Context, key EnvironmentKey, marked bool, limit int, rec CountedRecord) (int64, error)
	// RemoveFunction removes one, and returns false if it is not there.
	RemoveFunction(ctx context.Context, key EnvironmentKey, name string, rec Record) (bool, error)
	// ForgetEnvironment deletes history and counts of calls of an environment that
	// is going to be removed, up to about limit rows, and returns how many.
	ForgetEnvironment(ctx context.Context, key EnvironmentKey, marked bool, limit int) (int64, error)
	// RemoveEnvironment removes an environment with what is left of its history and
	// counts: ErrNotFound if it is not there, ErrStale if it has functions.
	RemoveEnvironment(ctx context.Context, key EnvironmentKey, marked bool, rec Record) error
	// RemoveAccount removes an account: ErrNotFound if it is not there, ErrStale if
	// something is below it. Component tokens of a platform are void for good.
	RemoveAccount(ctx context.Context, a Account, rec Record) error
}

// CountedRecord returns the record of a step that did so much.
type CountedRecord func(n int64) Record

const (
	actRemove = "remove"
	// removalTime is how long one request for a removal goes on with it.
	removalTime = 2 * time.Second
	// RemovalStep is how many rows a step removes at most: other changes wait for it.
	RemovalStep = 200
)

// RemovePlatform removes a platform (OP-7), as far as one request can: NotFound, or
// Conflict if something is below it and it is not to go too. While something is
// left the platform is disabled, and the same call goes on.
func (s *Service) RemovePlatform(ctx context.Context, c Caller, appid string, o RemovalOptions) (Removal, error) {
	return s.remove(ctx, removal{s: s, caller: c, edit: edit{appid: appid, platform: true}, options: o})
}

// RemoveMiniProgram removes a Mini Program likewise.
func (s *Service) RemoveMiniProgram(ctx context.Context, c Caller, appid string, o RemovalOptions) (Removal, error) {
	return s.remove(ctx, removal{s: s, caller: c, edit: edit{appid: appid}, options: o})
}

// removal is one under way.
type removal struct {
	s       *Service
	caller  Caller
	edit    edit
	options RemovalOptions
	account Account
	marked  bool
	result  Removal
}

func (s *Service) remove(ctx context.Context, r removal) (Removal, error) {
	var err error
	if r.result.Left, err = r.below(ctx); err != nil {
		return Removal{}, err
	}
	if r.options.DryRun {
		return r.result, nil
	}
	if left := r.result.Left; left.Environments+left.Authorizations > 0 && !r.options.Cascade {
		return Removal{}, Refused(Conflict, fmt.Sprintf("%s %s has %s: cascade=true removes them too",
			r.edit.noun(), r.edit.appid, left))
	}
	if err := r.mark(ctx); err != nil {
		return Removal{}, err
	}
	defer s.forgetRemoved(r.edit.appid)
	if err := r.work(ctx); err != nil {
		return Removal{}, storeError("remove", err)
	}
	if r.result.Left = (PlatformCounts{}); !r.result.Done {
		r.result.Left, err = r.below(context.WithoutCancel(ctx))
	}
	return r.result, err
}

// below counts what there is below the account.
func (r *removal) below(ctx context.Context) (PlatformCounts, error) {
	if r.edit.platform {
		p, err := r.s.PlatformView(ctx, r.edit.appid)
		return p.Counts, err
	}
	m, err := r.s.MiniProgram(ctx, r.edit.appid)
	return PlatformCounts{Counts: m.Counts}, err
}

// mark disables the account for good if all below it goes: from then on nothing is
// half there.
func (r *removal) mark(ctx context.Context) (err error) {
	r.account, err = r.s.store.Account(ctx, r.edit.appid)
	if err != nil {
		return notFoundAs(NotFound, "no "+r.edit.noun()+" "+r.edit.appid, err)
	}
	if r.marked = r.account.State == Removing; r.marked {
		return nil
	}
	if err := r.s.asSeen(ctx, r.caller, r.edit); err != nil || !r.options.Cascade {
		return err
	}
	e := r.edit
	e.action, e.plan = actRemove, func(ch *AccountChange) error {
		ch.New.State = Removing
		return nil
	}
	_, err = r.s.edit(ctx, r.caller, e)
	if KindOf(err) == Conflict && !errors.Is(err, ErrVersion) { // another operator was first
		err = nil
	}
	r.marked = err == nil
	return err
}

// work removes step after step, until all is done or the request's time is over.
func (r *removal) work(ctx context.Context) error {
	within, end := context.WithTimeout(ctx, removalTime)
	defer end()
	ctx = context.WithoutCancel(ctx) // a step that has begun is ended
	steps := []func(context.Context) (more bool, err error){r.release, r.authorizations, r.environment}
	if !r.marked {
		steps = steps[:1]
	}
	for len(steps) > 0 {
		more, err := steps[0](ctx)
		if errors.Is(err, ErrNotFound) { // another server has finished it
			r.result.Done = true
			return nil
		}
		if err != nil {
			return err
		}
		if !more {
			steps = steps[1:]
		} else if within.Err() != nil { // each request gets further, however short its time
			return nil
		}
	}
	err := r.s.store.RemoveAccount(ctx, r.account, r.record("removed"))
	switch {
	case errors.Is(err, ErrStale) && !r.marked:
		return Refused(Conflict, "something was added below "+r.edit.appid+" just now")
	case err != nil && !errors.Is(err, ErrNotFound):
		return err
	}
	r.result.Done = true
	return nil
}

// record returns the record of a step.
func (r *removal) record(detail string) Record {
	rec := r.caller.concerning(r.account).record(actRemove, r.edit.noun()+" "+r.edit.appid)
	rec.Detail = detail
	return rec
}

// counted returns the record of a step that is counted.
func (r *removal) counted(format string) CountedRecord {
	return func(n int64) Record { return r.record(fmt.Sprintf(format, n)) }
}

func (r *removal) release(ctx context.Context) (bool, error) {
	if !r.edit.platform {
		return false, nil
	}
	n, err := r.s.store.ReleaseFunctions(ctx, r.edit.appid, r.marked, RemovalStep, r.counted("%d functions made nobody's"))
	r.result.Removed.OwnedFunctions += n
	return n > 0, err
}

func (r *removal) authorizations(ctx context.Context) (bool, error) {
	n, inForce, err := r.s.store.RemoveAuthorizations(ctx, r.account, RemovalStep, r.counted("%d authorizations removed"))
	r.result.Removed.Authorizations += n
	r.result.Removed.InForce += inForce
	return n > 0, err
}

// environment does one step of the removal of the account's first environment.
func (r *removal) environment(ctx context.Context) (bool, error) {
	ids, err := r.s.store.EnvironmentIDs(ctx, r.edit.appid, 1)
	if err != nil || len(ids) == 0 {
		return false, err
	}
	key, store := EnvironmentKey{r.edit.appid, ids[0]}, r.s.store
	n, err := store.RemoveFunctions(ctx, key, true, RemovalStep, r.counted("%d functions of "+key.Env+" removed"))
	r.result.Removed.Functions += n
	if err != nil || n > 0 {
		return true, err
	}
	if n, err = store.ForgetEnvironment(ctx, key, true, RemovalStep); err != nil || n >= RemovalStep {
		return true, err
	}
	err = store.RemoveEnvironment(ctx, key, true, r.record("environment "+key.Env+" removed"))
	if err == nil {
		r.result.Removed.Environments++
	}
	if errors.Is(err, ErrStale) { // a call has made a function meanwhile
		err = nil
	}
	return true, err
}

// forgetRemoved drops from memory whatever a removed account concerned.
func (s *Service) forgetRemoved(appid string) {
	s.platforms.drop(appid)
	s.accounts.drop(appid)
	s.authorizations.clear()
	s.environments.clear()
	s.functions.clear()
	s.secrets.clear()
}

// Plus returns the sum of both.
func (c PlatformCounts) Plus(d PlatformCounts) PlatformCounts {
	c.Environments += d.Environments
	c.Functions += d.Functions
	c.Authorizations += d.Authorizations
	c.InForce += d.InForce
	c.OwnedFunctions += d.OwnedFunctions
	return c
}

// String says how much there is, for a person.
func (c Counts) String() string {
	text := many(c.Environments, "environment") + ", " + many(c.Functions, "function") + ", " +
		many(c.Authorizations, "authorization")
	if c.Authorizations > 0 {
		text += fmt.Sprintf("; %d of them in force", c.InForce)
	}
	return text
}

// many writes a number of things: 1 function, 2 functions.
func many(n int64, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
