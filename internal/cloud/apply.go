package cloud

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/opentcb/opentcb/internal/whitelist"
	"github.com/opentcb/opentcb/internal/words"
)

const actApply = "apply"

// Apply brings the server to what is in a world file, wholly or not at all, and
// returns what it changed: nothing when it is applied again. What the file says and
// applying does not do is in the outcome too. For a world that contradicts what is
// there, or names what is nowhere, it returns a words.Faults.
func (s *Service) Apply(ctx context.Context, c Caller, w World) (Outcome, error) {
	s.applyMu.Lock()
	defer s.applyMu.Unlock()
	for {
		p := planner{
			s: s, ctx: ctx, caller: c, world: w,
			accounts: map[string]*Account{}, environments: map[string]string{},
		}
		if err := p.plan(); err != nil {
			return Outcome{}, err
		}
		if w.Options.DryRun || len(p.changes)+len(p.notes) == 0 {
			return p.outcome, nil
		}
		err := s.store.Apply(ctx, append(p.changes, p.notes...), p.recs)
		s.forgetAll()
		switch {
		case errors.Is(err, ErrStale) && ctx.Err() == nil:
			continue // something changed between the plan and its execution: plan again
		case err != nil:
			return Outcome{}, storeError("apply", err)
		}
		return p.outcome, nil
	}
}

// forgetAll drops every row from memory.
func (s *Service) forgetAll() {
	s.wakePushes()
	s.platforms.clear()
	s.accounts.clear()
	s.authorizations.clear()
	s.environments.clear()
	s.functions.clear()
}

// planner compares a world with what is there and lists what has to change.
type planner struct {
	s       *Service
	ctx     context.Context
	caller  Caller
	world   World
	changes []Change
	notes   []Change // what needs no record, after the others
	outcome Outcome
	recs    []Record // one for each change
	faults  words.Collector

	accounts     map[string]*Account // as they will be; nil: there is none
	environments map[string]string   // account of each environment, as it will be
}

func (p *planner) plan() error {
	steps := []func() error{
		func() error { return each(p.world.Platforms, p.platform) },
		func() error { return each(p.world.MiniPrograms, p.miniProgram) },
		func() error { return each(p.world.Environments, p.environment) },
		func() error { return each(p.world.Authorizations, p.authorization) },
		func() error { return each(p.world.Functions, p.function) },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return storeError("apply", err)
		}
	}
	return p.faults.Err()
}

func each[T any](items []T, do func(T) error) error {
	for _, item := range items {
		if err := do(item); err != nil {
			return err
		}
	}
	return nil
}

// reject notes that an item of the file cannot be. The plan goes on, so that all
// such items are found at once.
func (p *planner) reject(line int, format string, args ...any) error {
	p.faults.Add(line, format, args...)
	return nil
}

// change notes a change, and whom it concerns for the audit record.
func (p *planner) change(ch Change, about Caller, item, what string) error {
	p.changes = append(p.changes, ch)
	p.outcome.Changes = append(p.outcome.Changes, Applied{Item: item, Change: what})
	about.Operator, about.By, about.RID, about.Now = p.caller.Operator, p.caller.By, p.caller.RID, p.caller.Now
	rec := about.record(actApply, item)
	rec.Detail = what
	p.recs = append(p.recs, rec)
	return nil
}

// leave notes what the file says of an item and applying does not do.
func (p *planner) leave(item, format string, args ...any) {
	p.outcome.Left = append(p.outcome.Left, Applied{Item: item, Change: fmt.Sprintf(format, args...)})
}

// account returns an account as it will be, nil if there will be none.
func (p *planner) account(appid string) (*Account, error) {
	if a, ok := p.accounts[appid]; ok {
		return a, nil
	}
	a, err := p.s.store.Account(p.ctx, appid)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if a.State == Removing {
		return nil, beingRemoved(appid)
	}
	p.accounts[appid] = &a
	return &a, nil
}

func (p *planner) environment(w WorldEnvironment) error {
	a, err := p.account(w.Account)
	if err != nil {
		return err
	}
	if a == nil || a.IsPlatform != w.Batch {
		noun := map[bool]string{true: "platform", false: "Mini Program"}[w.Batch]
		return p.reject(w.Line, "environment %s: there is no %s %s", w.ID, noun, w.Account)
	}
	list, err := whitelist.Normalize(w.Whitelist)
	if err != nil {
		return p.reject(w.Line, "environment %s: %v", w.ID, err)
	}
	said := EnvironmentChange{Alias: w.Alias, Runtime: w.Runtime}
	if err := said.checkTexts(); err != nil {
		return p.reject(w.Line, "environment %s: %s", w.ID, err.(*Error).Detail)
	}
	owner, err := p.environmentAccount(w.ID)
	switch {
	case err != nil:
		return err
	case owner == "":
		p.environments[w.ID] = w.Account
		return p.change(AddEnvironment{
			Account: w.Account, ID: w.ID, Alias: w.Alias.Value, Runtime: w.Runtime.Value, Open: w.Open, Whitelist: list,
		}, Caller{}.concerning(*a), "environment "+w.ID, "added")
	case owner != w.Account:
		return p.reject(w.Line, "environment %s belongs to another account", w.ID)
	}
	if err := p.described(w, *a); err != nil {
		return err
	}
	return p.leaveEnvironment(w, list)
}

// described plans what a world says of the alias and the runtime of an environment
// that is there.
func (p *planner) described(w WorldEnvironment, a Account) error {
	if !w.Alias.Given && !w.Runtime.Given {
		return nil
	}
	now, err := p.s.store.EnvironmentView(p.ctx, w.ID)
	if errors.Is(err, ErrNotFound) {
		return nil // it is in the file twice
	}
	about, item := Caller{}.concerning(a), "environment "+w.ID
	if err == nil && w.Alias.Given && now.Alias != w.Alias.Value {
		err = p.change(PutAlias{w.Account, w.ID, w.Alias.Value}, about, item, "alias changed")
	}
	if err == nil && w.Runtime.Given && now.Runtime != w.Runtime.Value {
		err = p.change(PutRuntime{w.Account, w.ID, w.Runtime.Value}, about, item, "runtime changed")
	}
	return err
}

// leaveEnvironment notes what the file says of an environment that is there, and
// that has become otherwise since it was made.
func (p *planner) leaveEnvironment(w WorldEnvironment, list []string) error {
	e, err := p.s.store.Environment(p.ctx, w.Account, w.ID)
	if errors.Is(err, ErrNotFound) {
		return nil // it is in the file twice, and will be made
	}
	if err != nil {
		return err
	}
	if w.Open != nil && *w.Open != e.Open {
		p.leave("environment "+w.ID, "open: %t: it counts when the environment is made, and the switch is %t now",
			*w.Open, e.Open)
	}
	if w.Whitelist != nil && !slices.Equal(list, e.Whitelist) {
		p.leave("environment "+w.ID, "api_whitelist: it counts when the environment is made, and is another now")
	}
	return nil
}

// environmentAccount returns the account that an environment will belong to,
// "" if there will be no such environment.
func (p *planner) environmentAccount(id string) (string, error) {
	if account, ok := p.environments[id]; ok {
		return account, nil
	}
	account, err := p.s.store.EnvironmentAccount(p.ctx, id)
	if errors.Is(err, ErrNotFound) {
		return "", nil
	}
	return account, err
}
