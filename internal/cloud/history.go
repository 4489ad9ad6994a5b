package cloud

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// HistoryKept is how many changes of an environment's permission are kept at
// least.
const HistoryKept = 200

// PermissionChange is an accepted set, or the making of an environment, as
// the history keeps it.
type PermissionChange struct {
	Account   string   `json:"-"`
	At        int64    `json:"at"` // Unix milliseconds
	RID       string   `json:"rid"`
	Operator  bool     `json:"operator,omitempty"` // done by the operator; else by Platform
	By        string   `json:"by,omitempty"`       // the operator's token, as Record has it
	Platform  string   `json:"platform,omitempty"` // "" if the operator did it
	Env       string   `json:"environment"`        // through which it was set
	Version   int64    `json:"version"`            // of that environment from then on
	Open      bool     `json:"open"`               // the account's switch from then on
	Flipped   bool     `json:"flipped,omitempty"`  // the switch was the other way before
	Whitelist []string `json:"api_whitelist"`
}

// HistoryStore reads the history, which SetPermission and Apply write.
type HistoryStore interface {
	// History returns what is kept of the changes of an environment's
	// permission, oldest first: how it was made and its sets, in the order of
	// their versions, and the sets of the account's other environments that
	// flipped the switch, by their times. At least the latest HistoryKept of the
	// environment's own are there.
	History(ctx context.Context, account, env string) ([]PermissionChange, error)
}

// PermissionHistory returns what is kept of the changes of an environment's switch
// and whitelist, oldest first, as HistoryStore describes it. EnvironmentNotFound
// if there is no such environment.
func (s *Service) PermissionHistory(ctx context.Context, env string) ([]PermissionChange, error) {
	e, err := s.environmentByID(ctx, env)
	if err != nil {
		return nil, err
	}
	changes, err := s.store.History(ctx, e.Account, e.ID)
	if err != nil {
		return nil, storeError("history", err)
	}
	return changes, nil
}

// RestoreWhitelist sets the whitelist that an environment had at an earlier version
// again, as a new version, which it returns. The switch, which is the whole
// account's, stays as it is. NotFound if that version is not kept.
func (s *Service) RestoreWhitelist(ctx context.Context, c Caller, env string, version int64) (int64, error) {
	e, err := s.environmentByID(ctx, env)
	if err != nil {
		return 0, err
	}
	changes, err := s.store.History(ctx, e.Account, e.ID)
	if err != nil {
		return 0, storeError("history", err)
	}
	known := versionsOf(changes, env)
	list, ok := whitelistAt(changes, env, version)
	if !ok || !slices.Contains(known, version) {
		latest := fmt.Sprint(known[max(0, len(known)-latestTold):])
		return 0, Refused(NotFound, fmt.Sprintf("no version %d; the latest are %s", version,
			strings.ReplaceAll(strings.Trim(latest, "[]"), " ", ", ")))
	}
	return s.setNow(ctx, c, e, "whitelist restore", func(_ Environment, set *PermissionSet) (string, error) {
		set.Whitelist = slices.Clone(list) // whatever others set
		return fmt.Sprintf("from=%d", version), nil
	})
}

// latestTold is how many versions a refusal names.
const latestTold = 5

// versionsOf returns the versions that an environment had, as far as the history
// goes back: those of its own changes, and those that it got when the switch was
// flipped through another environment (UT-8).
func versionsOf(changes []PermissionChange, env string) []int64 {
	var versions []int64
	for _, ch := range changes {
		switch {
		case ch.Env == env:
			versions = append(versions, ch.Version)
		case len(versions) > 0:
			versions = append(versions, versions[len(versions)-1]+2)
		}
	}
	return versions
}

// whitelistAt returns the whitelist that was in force at a version. A version also
// grows when the switch is flipped through another environment (UT-8), so the
// whitelist may have been set at an earlier one.
func whitelistAt(changes []PermissionChange, env string, version int64) (list []string, ok bool) {
	latest := int64(-1)
	for _, ch := range changes {
		if ch.Env == env && ch.Version <= version && ch.Version > latest {
			latest, list, ok = ch.Version, ch.Whitelist, true
		}
	}
	return list, ok
}

// setNow carries out a set by the operator on what stands at that moment, and plans it
// anew when another set came between. It returns the version that the set leaves. plan
// begins with what the environment has, and returns what the record says besides.
func (s *Service) setNow(
	ctx context.Context, c Caller, e *Environment, action string,
	plan func(now Environment, set *PermissionSet) (detail string, err error),
) (int64, error) {
	for range issueTries {
		now, err := s.store.Environment(ctx, e.Account, e.ID)
		if err != nil {
			return 0, storeError("environment", err)
		}
		rec, err := s.recordOn(ctx, c, action, e)
		if err != nil {
			return 0, storeError("account", err)
		}
		set := PermissionSet{
			Account: e.Account, Env: e.ID, Open: now.Open, Whitelist: slices.Clone(now.Whitelist), Version: now.Version,
		}
		detail, err := plan(now, &set)
		if err != nil {
			return 0, err
		}
		rec.Detail = fmt.Sprintf("%s entries=%d version=%d", detail, len(set.Whitelist), now.Version)
		if set.NextVersion() > MaxVersion {
			set.Next = versionAfterLast // others could not follow
		}
		res, err := s.store.SetPermission(ctx, set, rec)
		s.forgetPermission(set.Account, set.Env, res.Touched, err)
		switch {
		case err != nil:
			return 0, storeError(action, err)
		case res.Accepted:
			s.observer.changed(EnvironmentKey{set.Account, set.Env})
			return set.NextVersion(), nil
		}
	}
	return 0, storeError(action, ErrStale)
}
