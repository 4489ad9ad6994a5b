package storetest

import (
	"github.com/opentcb/opentcb/internal/cloud"
)

// hosts changes the hosts of platform1.
func (e *exam) hosts(old, hosts []string) error {
	a := e.account(platform1)
	ch := cloud.AccountChange{Old: &a, New: a, OldHosts: old, Hosts: hosts}
	return e.store.ChangeAccount(e.Context(), ch, e.rec("platform"))
}

// consentHosts: where a platform's consent page may lead.
func consentHosts(e *exam) {
	are := func(want ...string) {
		e.Helper()
		got, err := e.store.ConsentHosts(e.Context(), platform1)
		e.ok("ConsentHosts", err)
		e.same("hosts", got, want)
		view, err := e.store.PlatformView(e.Context(), platform1)
		e.ok("PlatformView", err)
		e.same("hosts that are shown", view.ConsentHosts, want)
	}
	are()
	e.ok("ChangeAccount", e.hosts(nil, []string{"one.example", "two.example:8443"}))
	are("one.example", "two.example:8443")
	e.fails("a change of what was otherwise", e.hosts(nil, []string{"evil.example"}), cloud.ErrStale)
	world, err := e.store.WorldPlatforms(e.Context(), cloud.Page{Limit: 1})
	e.ok("WorldPlatforms", err)
	e.same("hosts of the world", world[0].With.ConsentHosts, cloud.Given([]string{"one.example", "two.example:8443"}))
	e.ok("ChangeAccount", e.hosts([]string{"one.example", "two.example:8443"}, nil))
	are()
}

func consentCode(appid, id string) cloud.ConsentCode {
	return cloud.ConsentCode{
		AppID: appid, MAC: "mac-of-" + id, ID: id, CreatedAt: someTime + int64(len(id)), ExpiresAt: someTime + 99,
	}
}

// consentCodes: any number of a Mini Program, each of which is its own.
func consentCodes(e *exam) {
	ctx, s := e.Context(), e.store
	add := func(c cloud.ConsentCode) {
		e.Helper()
		rec := e.rec("consent-code")
		e.ok("AddConsentCode", s.AddConsentCode(ctx, c, rec))
		e.wrote(rec)
	}
	one, two, other := consentCode(mini1, "one"), consentCode(mini1, "two2"), consentCode(mini2, "one")
	add(one)
	add(two)
	add(other)
	rec := e.rec("consent-code")
	e.fails("of no Mini Program", s.AddConsentCode(ctx, consentCode("wx00000000000000ee", "x"), rec), cloud.ErrNotFound)
	e.wroteNot(rec)
	are := func(appid string, want ...cloud.ConsentCode) {
		e.Helper()
		got, err := s.ConsentCodes(ctx, appid)
		e.ok("ConsentCodes", err)
		e.same("codes", got, want)
	}
	are(mini1, one, two)
	got, err := s.ConsentCode(ctx, mini1, one.MAC)
	e.ok("ConsentCode", err)
	e.same("code", got, one)
	_, err = s.ConsentCode(ctx, mini2, two.MAC)
	e.fails("the code of another", err, cloud.ErrNotFound)

	remove := func(want bool, appid, id string) {
		e.Helper()
		ok, err := s.RemoveConsentCodes(ctx, appid, id, e.rec("consent-code"))
		e.is(want)("RemoveConsentCodes "+id, ok, err)
	}
	remove(true, mini1, "one")
	remove(false, mini1, "one")
	are(mini1, two)
	add(one)
	remove(true, mini1, "")
	remove(false, mini1, "")
	are(mini1)
	are(mini2, other)
}

// preAuthUsed: a pre-auth code is used up by one consent, whoever is first.
func preAuthUsed(e *exam) {
	used := func(want bool, platform, mac string) {
		e.Helper()
		got, err := e.store.PreAuthUsed(e.Context(), platform, mac)
		e.is(want)("PreAuthUsed "+mac, got, err)
	}
	used(false, platform1, "preauth")
	won := e.together(func(i int) (bool, error) {
		c := consentOf(platform1, mini1, ridOf(int64(i)), 49)
		c.PreAuthMAC = "preauth"
		switch err := e.store.Consent(e.Context(), c, e.rec("authorize")); err {
		case nil:
			return true, nil
		case cloud.ErrRepeated:
			return false, nil
		default:
			return false, err
		}
	})
	e.same("consents with one pre-auth code", won, 1)
	e.same("records", len(e.records(all)), 1)
	used(true, platform1, "preauth")
	used(false, platform2, "preauth")
	used(false, platform1, "another")
	e.consent(platform1, mini1, "without", 49)
	e.consent(platform1, mini1, "without too", 49)
}
