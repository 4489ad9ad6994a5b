package cloud

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// AccountChange makes an account, or brings one from what it is to something
// else. What follows New is for platforms.
type AccountChange struct {
	Old       *Account // nil: there is none
	New       Account
	OldSets   []int
	Sets      []int // the permission sets that the platform asks for
	OldLimits Limits
	Limits    Limits
	OldHosts  []string
	Hosts     []string // where the platform's consent page may lead
	OldEvents []EventAddress
	Events    []EventAddress // where its events are pushed to
	SecretMAC string         // "" leaves the secret as it is
	VoidAt    int64          // component tokens issued before are void; 0: they stay
}

// AccountStore changes accounts for the operator.
type AccountStore interface {
	// ChangeAccount carries a change out: ErrStale if the account is not as it was
	// decided on.
	ChangeAccount(ctx context.Context, ch AccountChange, rec Record) error
}

// appIDForm is what a platform or Mini Program may be called.
var appIDForm = regexp.MustCompile(`^wx[0-9a-f]{16}$`)

// edit is a change of an account by the operator.
type edit struct {
	appid    string
	platform bool // a platform is meant, not a Mini Program
	makes    bool // an account that is not there is made
	action   string
	// plan says what the account becomes; New is what it is, or a new one.
	plan func(ch *AccountChange) error
}

func (e edit) noun() string {
	if e.platform {
		return "platform"
	}
	return "Mini Program"
}

// edit carries out a change, on what is there once it is carried out: NotFound, or
// Conflict for an appid of another kind and for what is being removed. It reports
// whether it made the account. What is not as the caller has seen it is ErrVersion.
func (s *Service) edit(ctx context.Context, c Caller, e edit) (made bool, err error) {
	for {
		ch, err := s.begin(ctx, c, e)
		if err == nil {
			err = s.asSeen(ctx, c, e)
		}
		if err != nil {
			return false, err
		}
		if err := e.plan(&ch); err != nil {
			return false, err
		}
		what := ch.String()
		if what == "" {
			return false, nil
		}
		rec := c.concerning(ch.New).record(e.action, e.noun()+" "+e.appid)
		rec.Detail = what
		err = s.store.ChangeAccount(ctx, ch, rec)
		s.forgetAccount(ch)
		switch {
		case errors.Is(err, ErrStale) && ctx.Err() == nil:
			continue // another change came between
		case err != nil:
			return false, storeError(e.action, err)
		}
		return ch.Old == nil, nil
	}
}

// begin returns a change of the account that as yet changes nothing, or makes it.
func (s *Service) begin(ctx context.Context, c Caller, e edit) (AccountChange, error) {
	a, err := s.store.Account(ctx, e.appid)
	switch {
	case errors.Is(err, ErrNotFound) && e.makes:
		if !appIDForm.MatchString(e.appid) {
			return AccountChange{}, RefusedMember("appid", "appid must be wx and 16 lower-case hex digits")
		}
		return AccountChange{New: Account{AppID: e.appid, IsPlatform: e.platform, Cloud: true, CreatedAt: c.Now}}, nil
	case err != nil:
		return AccountChange{}, notFoundAs(NotFound, "no "+e.noun()+" "+e.appid, err)
	case a.IsPlatform != e.platform && !e.makes:
		return AccountChange{}, Refused(NotFound, "no "+e.noun()+" "+e.appid)
	case a.IsPlatform != e.platform:
		return AccountChange{}, Refused(Conflict, e.appid+" is no "+e.noun())
	case a.State == Removing:
		return AccountChange{}, beingRemoved(e.appid)
	}
	ch := AccountChange{Old: &a, New: a}
	if e.platform {
		err = s.readPlatform(ctx, e.appid, &ch)
	}
	return ch, err
}

// readPlatform reads what is said of a platform beside its account, which a change as
// yet leaves as it is.
func (s *Service) readPlatform(ctx context.Context, appid string, ch *AccountChange) error {
	var sets, limits, events, hosts error
	ch.OldSets, sets = s.store.PlatformSets(ctx, appid)
	ch.OldLimits, limits = s.store.Limits(ctx, appid)
	ch.OldEvents, events = s.store.EventAddresses(ctx, appid)
	ch.OldHosts, hosts = s.store.ConsentHosts(ctx, appid)
	ch.Sets, ch.Limits, ch.Events, ch.Hosts = ch.OldSets, ch.OldLimits, ch.OldEvents, ch.OldHosts
	return storeError("what is said of a platform", errors.Join(sets, limits, events, hosts))
}

func beingRemoved(appid string) error {
	return Refused(Conflict, appid+" is being removed: removing it again goes on with that")
}

// String says what changes, for the record; "" if nothing does.
func (ch AccountChange) String() string {
	var what []string
	note := func(changed bool, text string) {
		if changed {
			what = append(what, text)
		}
	}
	var old Account
	if ch.Old != nil {
		old = *ch.Old
	} else {
		old = Account{Cloud: true}
		note(true, "added")
	}
	note(old.Name != ch.New.Name, "name")
	note(old.Principal != ch.New.Principal, "principal")
	note(old.Cloud != ch.New.Cloud, fmt.Sprintf("cloud=%t", ch.New.Cloud))
	note(old.State != ch.New.State, [...]string{InUse: "enabled", Disabled: "disabled", Removing: "being removed"}[ch.New.State])
	note(!slices.Equal(ch.OldSets, ch.Sets), fmt.Sprint("permission_sets ", ch.Sets))
	note(!slices.Equal(ch.OldHosts, ch.Hosts), fmt.Sprint("consent_hosts ", ch.Hosts))
	note(ch.OldLimits.CountedFrom != ch.Limits.CountedFrom, "quotas "+ch.Limits.Quotas.String())
	note(!slices.Equal(ch.OldLimits.IPWhitelist, ch.Limits.IPWhitelist), fmt.Sprint("ip_whitelist ", ch.Limits.IPWhitelist))
	note(!slices.Equal(ch.OldEvents, ch.Events), fmt.Sprintf("events: %d", len(ch.Events)))
	note(ch.SecretMAC != "" && ch.Old != nil, "secret replaced")
	note(ch.SecretMAC != "" && ch.Old != nil && ch.VoidAt == 0, "tokens kept")
	return strings.Join(what, ", ")
}

// forgetAccount drops from memory what a change of an account concerns. That may be
// very many rows of authorizations and environments, so it is all of them.
func (s *Service) forgetAccount(ch AccountChange) {
	s.wakePushes()
	s.platforms.drop(ch.New.AppID)
	s.accounts.drop(ch.New.AppID)
	if ch.Old == nil || ch.Old.State != ch.New.State || ch.OldLimits.IsZero() != ch.Limits.IsZero() {
		s.authorizations.clear()
	}
	if ch.Old == nil || ch.Old.State != ch.New.State || ch.Old.Cloud != ch.New.Cloud {
		s.environments.clear()
	}
}

// state is what an account becomes whose member disabled is changed.
func state(now State, disabled Maybe[bool]) State {
	if disabled.take(now != InUse, false) {
		return Disabled
	}
	return InUse
}
