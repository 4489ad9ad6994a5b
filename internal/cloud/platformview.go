package cloud

import (
	"context"
	"strings"
	"time"
)

// PlatformView is a platform as the operator sees it.
type PlatformView struct {
	AppID    string `json:"appid"`
	Name     string `json:"name,omitempty"`
	Disabled bool   `json:"disabled"`
	Removing bool   `json:"removing,omitempty"` // its removal has begun
	// PermissionSets are what the platform asks merchants for: those of a consent
	// that names none.
	PermissionSets []int       `json:"permission_sets,omitempty"`
	Quotas         Quotas      `json:"quotas,omitzero"`
	IPWhitelist    []Network   `json:"ip_whitelist,omitempty"` // where its calls come from; empty: from anywhere
	Events         []EventView `json:"events,omitempty"`       // where events are pushed to
	// ConsentHosts are the hosts that its consent page may lead to; none: this machine alone.
	ConsentHosts []string       `json:"consent_hosts,omitempty"`
	Counts       PlatformCounts `json:"counts"`
	CreatedAt    time.Time      `json:"created_at,omitzero"` // zero of what a server of before made
	Secret       string         `json:"secret,omitempty"`    // of one that was just made, and got this secret
}

// PlatformCounts is what there is below a platform, and the functions of others
// whose code is the platform's.
type PlatformCounts struct {
	Counts
	OwnedFunctions int64 `json:"owned_functions"`
}

// Key is the platform's place in the list of all.
func (p PlatformView) Key() []string { return []string{p.AppID} }

// SetAccount sets what the account says of the platform.
func (p *PlatformView) SetAccount(a Account) {
	p.AppID, p.Name = a.AppID, a.Name
	p.Disabled, p.Removing, p.CreatedAt = a.State != InUse, a.State == Removing, sinceEpoch(a.CreatedAt)
}

// PlatformFilter chooses platforms. Members that are not given choose all.
type PlatformFilter struct {
	Name     Maybe[string]
	Disabled Maybe[bool]
}

// PlatformChange is what the operator says of a platform. Away are no name, no
// permission sets, no quotas, no list of addresses, no hosts, no event addresses, and
// in use. Secret is for one that is made.
type PlatformChange struct {
	Name           Maybe[string]    `json:"name,omitzero"`
	Disabled       Maybe[bool]      `json:"disabled,omitzero"`
	PermissionSets Maybe[[]int]     `json:"permission_sets,omitzero"`
	Quotas         Maybe[Quotas]    `json:"quotas,omitzero"`
	IPWhitelist    Maybe[[]Network] `json:"ip_whitelist,omitzero"`
	ConsentHosts   Maybe[[]string]  `json:"consent_hosts,omitzero"`
	Secret         Maybe[string]    `json:"secret,omitzero"`
	// Events are the event addresses, all of them.
	Events Maybe[[]EventSetting] `json:"events,omitzero"`
}

// PlatformViewStore shows platforms to the operator.
type PlatformViewStore interface {
	PlatformView(ctx context.Context, appid string) (PlatformView, error)
	// PlatformViews returns a page of those that the filter chooses. Of what there
	// is below one, up to ListCount are counted.
	PlatformViews(ctx context.Context, f PlatformFilter, p Page) ([]PlatformView, error)
	// PlatformSets returns the permission sets that a platform asks for; none if
	// nothing is said.
	PlatformSets(ctx context.Context, appid string) ([]int, error)
}

const (
	actPlatform       = "platform"
	actPlatformSecret = "platform-secret"
)

// Platforms returns a page of the list of platforms (OP-1).
func (s *Service) Platforms(ctx context.Context, f PlatformFilter, p Page) ([]PlatformView, error) {
	list, err := s.store.PlatformViews(ctx, f, p)
	return list, storeError("list platforms", err)
}

// PlatformView returns a platform: NotFound if there is none.
func (s *Service) PlatformView(ctx context.Context, appid string) (PlatformView, error) {
	p, err := s.store.PlatformView(ctx, appid)
	return p, notFoundAs(NotFound, "no platform "+appid, err)
}

// ChangePlatform changes the members that are given: NotFound, Conflict, or
// InvalidArgs that names the member.
func (s *Service) ChangePlatform(
	ctx context.Context, c Caller, appid string, with PlatformChange,
) (PlatformView, error) {
	_, err := s.edit(ctx, c, edit{appid: appid, platform: true, action: actPlatform, plan: func(ch *AccountChange) error {
		return s.planPlatform(with, ch, c.Now)
	}})
	if err != nil {
		return PlatformView{}, err
	}
	return s.PlatformView(ctx, appid)
}

// PutPlatform makes a platform, or replaces one whole: what is absent is away, but
// the secret stays. A new platform that brings none gets one, which the result has.
// Conflict, or InvalidArgs that names the member.
func (s *Service) PutPlatform(
	ctx context.Context, c Caller, appid string, with PlatformChange,
) (p PlatformView, made bool, err error) {
	secret := ""
	made, err = s.edit(ctx, c, edit{appid: appid, platform: true, makes: true, action: actPlatform,
		plan: func(ch *AccountChange) (err error) {
			rest := with
			if ch.Old == nil {
				rest.Secret = Maybe[string]{}
				if secret, err = s.newSecret(ch, with.Secret); err != nil {
					return err
				}
			}
			ch.New = Account{AppID: appid, IsPlatform: true, Cloud: true, CreatedAt: ch.New.CreatedAt}
			ch.Sets, ch.Limits = nil, Limits{CountedFrom: ch.OldLimits.CountedFrom}
			ch.Events = nil
			return s.planPlatform(rest, ch, c.Now)
		}})
	if err == nil {
		p, err = s.PlatformView(ctx, appid)
	}
	if made {
		p.Secret = secret
	}
	return p, made, err
}

// planPlatform says what a platform becomes.
func (s *Service) planPlatform(with PlatformChange, ch *AccountChange, now int64) (err error) {
	if with.Secret.Given {
		return RefusedMember("secret", "the platform has a secret: /v1/platforms/"+ch.New.AppID+"/secret replaces it")
	}
	a := &ch.New
	a.Name, a.State = with.Name.take(a.Name, ""), state(a.State, with.Disabled)
	ch.Sets = with.PermissionSets.take(ch.Sets, nil)
	if len(ch.Sets) > 0 {
		if err := checkSets(ch.Sets); err != nil {
			return RefusedMember("permission_sets", err.(*Error).Detail)
		}
	}
	hosts, err := checkHosts(with.ConsentHosts.take(ch.Hosts, nil))
	if err != nil {
		return err
	}
	ch.Hosts = hosts
	if err := s.limit(with, ch, now); err != nil {
		return err
	}
	if with.Events.Given { // null is none
		if ch.Events, err = planEvents(s.ring, ch, with.Events.Value); err != nil {
			return err
		}
	}
	return checkText("name", a.Name)
}

// SetPlatformSecret replaces a platform's secret by the given one, or by a new one,
// which it returns. The component tokens issued so far are void, unless keepTokens.
// NotFound, Conflict, or InvalidArgs that names the member.
func (s *Service) SetPlatformSecret(
	ctx context.Context, c Caller, appid string, given Maybe[string], keepTokens bool,
) (secret string, err error) {
	plan := func(ch *AccountChange) error {
		secret, err = s.newSecret(ch, given)
		if ch.VoidAt = c.Now; keepTokens {
			ch.VoidAt = 0
		}
		return err
	}
	_, err = s.edit(ctx, c, edit{appid: appid, platform: true, action: actPlatformSecret, plan: plan})
	if err != nil {
		return "", err
	}
	return secret, nil
}

// The bounds of a platform's secret, in bytes.
const (
	minSecret = 16
	maxSecret = 128
)

// newSecret gives a change the secret that is given, or a new one, which it
// returns. Tokens of a platform of that appid that was there before are void.
func (s *Service) newSecret(ch *AccountChange, given Maybe[string]) (made string, err error) {
	secret := given.take("", "")
	if secret == "" {
		made = s.randomToken()
		secret = made
	}
	odd := func(r rune) bool { return r <= ' ' || r > '~' }
	if len(secret) < minSecret || len(secret) > maxSecret || strings.ContainsFunc(secret, odd) {
		return "", RefusedMember("secret", "secret must be 16 to 128 printable ASCII characters without spaces")
	}
	ch.SecretMAC = s.ring.MAC(appSecretPurpose, []string{ch.New.AppID}, secret)
	ch.VoidAt = ch.New.CreatedAt
	return made, nil
}
