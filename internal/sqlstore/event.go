package sqlstore

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/opentcb/opentcb/internal/cloud"
)

// EventAddresses implements cloud.Store.
func (s *Store) EventAddresses(ctx context.Context, platform string) ([]cloud.EventAddress, error) {
	return s.read(ctx).eventAddresses(platform)
}

func (s *statements) eventAddresses(platform string) ([]cloud.EventAddress, error) {
	fields := func(a *cloud.EventAddress) []any { return []any{&a.URL, &a.Sealed} }
	return collect(s, fields, "SELECT url, sealed FROM event_addresses WHERE platform = $1 ORDER BY place", platform)
}

// changeEvents replaces the addresses of a platform. The ticket of one that is new or
// changed is due at once.
func (t *tx) changeEvents(platform string, old, addresses []cloud.EventAddress) error {
	if slices.Equal(old, addresses) {
		return nil
	}
	now, err := t.eventAddresses(platform)
	if err == nil && !slices.Equal(now, old) {
		err = cloud.ErrStale
	}
	if err != nil {
		return err
	}
	for _, a := range old {
		if !slices.ContainsFunc(addresses, func(b cloud.EventAddress) bool { return b.URL == a.URL }) {
			if _, err := t.exec("DELETE FROM event_addresses WHERE platform = $1 AND url = $2", platform, a.URL); err != nil {
				return err
			}
		}
	}
	for i, a := range addresses {
		_, err := t.exec(`INSERT INTO event_addresses (platform, url, place, sealed, lane, ticket_at, ticket_sent)
			VALUES ($1, $2, $3, $4, $5, 0, 0) ON CONFLICT (platform, url) DO UPDATE SET place = excluded.place,
				ticket_at = CASE WHEN event_addresses.sealed = excluded.sealed THEN event_addresses.ticket_at ELSE 0 END,
				sealed = excluded.sealed`, platform, a.URL, i, a.Sealed, cloud.Untried)
		if err != nil {
			return err
		}
	}
	return nil
}

// addressesOf gives the addresses of the platforms of a page, which is in the order
// of platforms, to each.
func (s *statements) addressesOf(first, last string, each func(platform, url string)) error {
	type address struct{ platform, url string }
	all, err := collect(s, func(a *address) []any { return []any{&a.platform, &a.url} },
		`SELECT platform, url FROM event_addresses WHERE platform >= $1 AND platform <= $2 ORDER BY platform, place`,
		first, last)
	for _, a := range all {
		each(a.platform, a.url)
	}
	return err
}

// eventOfConsent returns the event that a consent is, with Kind "" if it is none. It
// locks the authorization, as the consent then does.
func (t *tx) eventOfConsent(c cloud.Consent) (cloud.Push, error) {
	platform, appid := c.Platform, c.AppID
	e := cloud.Push{Platform: platform, AppID: appid, RefreshMAC: c.Refresh.MAC, PreAuthCode: c.PreAuthCode}
	err := t.lock("SELECT appid FROM authorizations WHERE appid = $1 AND platform = $2", appid, platform)
	if err != nil {
		return e, err
	}
	var inForce bool
	var text string
	err = t.row("SELECT in_force, sets FROM authorizations WHERE appid = $1 AND platform = $2",
		[]any{appid, platform}, &inForce, &text)
	if err != nil && !errors.Is(err, cloud.ErrNotFound) {
		return e, err
	}
	var was []int
	if inForce {
		if err := json.Unmarshal([]byte(text), &was); err != nil {
			return e, err
		}
	}
	e.Kind = cloud.EventOfConsent(inForce, was, c.Sets)
	return e, nil
}

// recordEvent records the push of an event to each address of a platform in use. The
// authorization is locked, so that of two events of a Mini Program the later one
// comes later here too.
func (t *tx) recordEvent(e cloud.Push, at int64) error {
	if e.Kind == "" {
		return nil
	}
	type address struct {
		url  string
		lane cloud.Lane
	}
	all, err := collect(t.statements, func(a *address) []any { return []any{&a.url, &a.lane} },
		`SELECT e.url, e.lane FROM event_addresses e JOIN accounts a ON a.appid = e.platform
		WHERE e.platform = $1 AND a.disabled = 0 ORDER BY e.place`, e.Platform)
	for _, a := range all {
		if err != nil {
			break
		}
		e.URL, e.Lane = a.url, a.lane
		_, err = t.recordPush(e, at)
	}
	return err
}
