package cloud

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/opentcb/opentcb/internal/whitelist"
)

// EnvironmentView is an environment as the operator sees it. It belongs to a Mini
// Program, or, for batches, to a platform.
type EnvironmentView struct {
	ID           string   `json:"id"`
	AppID        string   `json:"appid,omitempty"`    // the Mini Program's
	Platform     string   `json:"platform,omitempty"` // the platform's
	Alias        string   `json:"alias,omitempty"`
	Open         bool     `json:"open"` // the account's switch
	APIWhitelist []string `json:"api_whitelist"`
	Version      int64    `json:"version"`
	Runtime      string   `json:"runtime,omitempty"` // where its functions run; absent: at the server's runtime
	Functions    int64    `json:"functions"`         // how many there are; a list counts up to ListCount
}

// Key is the environment's place in the list of all.
func (e EnvironmentView) Key() []string { return []string{e.ID} }

// EnvironmentFilter chooses environments. Members that are not given choose all.
type EnvironmentFilter struct {
	AppID, Platform, Alias Maybe[string]
}

// EnvironmentChange is what the operator says of an environment. Away are no alias,
// no runtime and no entries; the switch is the account's, and stays unless it is given. AppID or
// Platform is for one that is made.
type EnvironmentChange struct {
	AppID        Maybe[string]   `json:"appid,omitzero"`
	Platform     Maybe[string]   `json:"platform,omitzero"`
	Alias        Maybe[string]   `json:"alias,omitzero"`
	Runtime      Maybe[string]   `json:"runtime,omitzero"`
	Open         Maybe[bool]     `json:"open,omitzero"`
	APIWhitelist Maybe[[]string] `json:"api_whitelist,omitzero"`
}

// EnvironmentViewStore shows environments to the operator.
type EnvironmentViewStore interface {
	EnvironmentView(ctx context.Context, id string) (EnvironmentView, error)
	// EnvironmentViews returns a page of those that the filter chooses, by id.
	EnvironmentViews(ctx context.Context, f EnvironmentFilter, p Page) ([]EnvironmentView, error)
	// SetAlias replaces an environment's alias: ErrNotFound if there is none.
	SetAlias(ctx context.Context, account, env, alias string, rec Record) error
	// SetRuntime likewise gives it a runtime of its own; "" takes it away.
	SetRuntime(ctx context.Context, account, env, runtime string, rec Record) error
}

const actEnvironment = "environment"

// Environments returns a page of the list of environments (OP-3).
func (s *Service) Environments(ctx context.Context, f EnvironmentFilter, p Page) ([]EnvironmentView, error) {
	list, err := s.store.EnvironmentViews(ctx, f, p)
	return list, storeError("list environments", err)
}

// EnvironmentView returns an environment: EnvironmentNotFound if there is none.
func (s *Service) EnvironmentView(ctx context.Context, id string) (EnvironmentView, error) {
	e, err := s.store.EnvironmentView(ctx, id)
	return e, notFoundAs(EnvironmentNotFound, "no environment "+id, err)
}

// ErrVersion is wrapped by the error of a change that was meant for another version
// of the environment.
var ErrVersion = errors.New("it has another version")

// ChangeEnvironment changes the members that are given. What concerns switch and list
// is a set by the operator (UT-6 to UT-10), part of the history; it is made on version,
// unless that is negative: then on whatever stands. EnvironmentNotFound, Conflict that
// wraps ErrVersion and says what came between, or InvalidArgs that names the member.
func (s *Service) ChangeEnvironment(
	ctx context.Context, c Caller, id string, with EnvironmentChange, version int64,
) (EnvironmentView, error) {
	e, err := s.environmentByID(ctx, id)
	if err != nil {
		return EnvironmentView{}, err
	}
	if with.AppID.Given || with.Platform.Given {
		return EnvironmentView{}, RefusedMember("appid", "an environment never moves to another account")
	}
	if err := with.checkTexts(); err != nil {
		return EnvironmentView{}, err
	}
	if with.Open.Given || with.APIWhitelist.Given || version >= 0 {
		err = s.operatorSet(ctx, c, e, with, version)
	} else {
		err = s.describe(ctx, c, e, with)
	}
	if err != nil {
		return EnvironmentView{}, err
	}
	return s.EnvironmentView(ctx, id)
}

// PutEnvironment makes an environment of the Mini Program or platform that is named,
// or replaces one whole, on version as ChangeEnvironment does: what is absent is away,
// but the account's switch stays. NotFound if there is no such account, Conflict for the
// environment of another, or InvalidArgs that names the member.
func (s *Service) PutEnvironment(
	ctx context.Context, c Caller, id string, with EnvironmentChange, version int64,
) (e EnvironmentView, made bool, err error) {
	old, err := s.EnvironmentView(ctx, id)
	switch {
	case KindOf(err) == EnvironmentNotFound && version >= 0:
		err = &Error{Kind: Conflict, Detail: "no environment " + id + " is there any more", Err: ErrVersion}
	case KindOf(err) == EnvironmentNotFound:
		made, err = true, s.makeEnvironment(ctx, c, id, with)
	case err != nil:
	case with.AppID.Value != "" && with.AppID.Value != old.AppID,
		with.Platform.Value != "" && with.Platform.Value != old.Platform:
		err = Refused(Conflict, "environment "+id+" belongs to "+old.AppID+old.Platform)
	default:
		all := EnvironmentChange{
			Alias: Given(with.Alias.Value), Runtime: Given(with.Runtime.Value),
			Open: with.Open, APIWhitelist: Given(with.APIWhitelist.Value),
		}
		_, err = s.ChangeEnvironment(ctx, c, id, all, version)
	}
	if err == nil {
		e, err = s.EnvironmentView(ctx, id)
	}
	return e, made && err == nil, err
}

func (s *Service) makeEnvironment(ctx context.Context, c Caller, id string, with EnvironmentChange) error {
	appid, platform := with.AppID.Value, with.Platform.Value
	switch {
	case !environmentID.MatchString(id):
		return RefusedMember("id", "id must be 2 to 64 lower-case letters, digits and -, beginning with a letter")
	case (appid == "") == (platform == ""):
		return RefusedMember("appid", "a new environment needs appid, its Mini Program, or platform, not both")
	}
	if err := with.checkTexts(); err != nil {
		return err
	}
	list, err := whitelist.Normalize(with.APIWhitelist.Value)
	if err != nil {
		return RefusedMember("api_whitelist", err.Error())
	}
	a, err := s.store.Account(ctx, appid+platform)
	switch {
	case err == nil && a.IsPlatform != (platform != ""), errors.Is(err, ErrNotFound):
		return Refused(NotFound, map[bool]string{true: "no Mini Program ", false: "no platform "}[platform == ""]+appid+platform)
	case err != nil:
		return storeError("account", err)
	case a.State == Removing:
		return beingRemoved(a.AppID)
	}
	add := AddEnvironment{
		Account: a.AppID, ID: id, Alias: with.Alias.Value, Runtime: with.Runtime.Value, Whitelist: list,
	}
	if with.Open.Given && !with.Open.Null {
		add.Open = &with.Open.Value
	}
	rec := c.concerning(a).record(actEnvironment, named("env", id))
	rec.Detail = "added"
	err = s.store.Apply(ctx, []Change{add}, []Record{rec})
	s.environments.clear() // the account's switch may be another
	if errors.Is(err, ErrStale) {
		return Refused(Conflict, "environment "+id+" was made at the same time, or its account removed")
	}
	if err != nil {
		return storeError("add environment", err)
	}
	return nil
}

// checkTexts checks what is said of an environment beside its switch and list.
func (with EnvironmentChange) checkTexts() error {
	if err := checkText("alias", with.Alias.Value); err != nil {
		return err
	}
	return checkRuntime(with.Runtime.Value)
}

// describe changes what has no version.
func (s *Service) describe(ctx context.Context, c Caller, e *Environment, with EnvironmentChange) error {
	rec, err := s.recordOn(ctx, c, actEnvironment, e)
	if err != nil {
		return storeError("account", err)
	}
	if with.Alias.Given {
		rec.Detail = "alias"
		err = s.store.SetAlias(ctx, e.Account, e.ID, with.Alias.Value, rec)
	}
	if with.Runtime.Given && err == nil {
		rec.Detail = "runtime"
		err = s.store.SetRuntime(ctx, e.Account, e.ID, with.Runtime.Value, rec)
		s.environments.drop(EnvironmentKey{e.Account, e.ID})
	}
	if err != nil {
		return notFoundAs(EnvironmentNotFound, "no environment "+e.ID, err)
	}
	return nil
}

// operatorSet carries out a set by the operator.
func (s *Service) operatorSet(
	ctx context.Context, c Caller, e *Environment, with EnvironmentChange, version int64,
) error {
	plan := func(now Environment, set *PermissionSet) (string, error) {
		if version >= 0 && now.Version != version {
			return "", s.otherVersion(ctx, now, version)
		}
		set.Open = with.Open.take(now.Open, true)
		set.Whitelist = with.APIWhitelist.take(now.Whitelist, nil)
		if with.Alias.Given {
			set.Alias = &with.Alias.Value
		}
		if with.Runtime.Given {
			set.Runtime = &with.Runtime.Value
		}
		if err := set.check(); err != nil {
			return "", RefusedMember("api_whitelist", err.(*Error).Detail)
		}
		return fmt.Sprintf("open=%t", set.Open), nil
	}
	_, err := s.setNow(ctx, c, e, actEnvironment, plan)
	return err
}

// otherVersion is the refusal of a change that was meant for another version. It says
// what the latest set did.
func (s *Service) otherVersion(ctx context.Context, now Environment, version int64) error {
	text := fmt.Sprintf("version %d was meant, and it is %d now", version, now.Version)
	changes, err := s.store.History(ctx, now.Account, now.ID)
	if err != nil {
		return storeError("history", err)
	}
	if n := len(changes); n > 0 {
		ch, who := changes[n-1], "the operator"
		if !ch.Operator {
			who = "platform " + ch.Platform
		}
		text += fmt.Sprintf(": %s set open=%t and %d entries through %s at %s (rid %s)", who, ch.Open,
			len(ch.Whitelist), ch.Env, time.UnixMilli(ch.At).UTC().Format(time.RFC3339), ch.RID)
	}
	return &Error{Kind: Conflict, Detail: text, Err: ErrVersion}
}
