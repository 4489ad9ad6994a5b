package storetest

import (
	"math"

	"github.com/opentcb/opentcb/internal/cloud"
)

// notFound: a row that is not there is ErrNotFound, whichever it is.
func notFound(e *exam) {
	ctx, s := e.Context(), e.store
	for name, read := range map[string]func() error{
		"Platform":           func() error { _, err := s.Platform(ctx, platform1); return err },
		"Account":            func() error { _, err := s.Account(ctx, mini1); return err },
		"Authorization":      func() error { _, err := s.Authorization(ctx, platform1, mini1); return err },
		"AuthCode":           func() error { _, err := s.AuthCode(ctx, platform1, "code-mac"); return err },
		"CodeSecret":         func() error { _, err := s.CodeSecret(ctx, platform1, mini1); return err },
		"Environment":        func() error { _, err := s.Environment(ctx, mini1, env1); return err },
		"EnvironmentAccount": func() error { _, err := s.EnvironmentAccount(ctx, env1); return err },
		"Function":           func() error { _, err := s.Function(ctx, mini1, env1, function1); return err },
	} {
		e.fails(name, read(), cloud.ErrNotFound)
	}
	if fs, total, err := s.Functions(ctx, mini1, env1, 0, 10); len(fs) != 0 || total != 0 || err != nil {
		e.Errorf("Functions: %v, %d, %v; want none", fs, total, err)
	}
	if recs := e.records(all); len(recs) != 0 {
		e.Errorf("records of an empty store: %v", recs)
	}
	for name, n := range map[string]int{
		"History": len(e.history(mini1, env1)), "Observed": len(e.observed(mini1, env1, 0)),
		"Refusals": len(e.refusals(0, math.MaxInt64)), "CredentialEpoch": int(e.credentialEpoch(mini1, env1)),
	} {
		e.same(name+" of an empty store", n, 0)
	}
	e.prune(someTime, key1)
	rec := e.rec("set")
	_, err := s.SetPermission(ctx, cloud.PermissionSet{Account: mini1, Env: env1, Open: true, Version: 2}, rec)
	e.fails("SetPermission", err, cloud.ErrNotFound)
	e.wroteNot(rec)
}

func platformRoundTrip(e *exam) {
	e.same("platform", e.platform(platform1), cloud.Platform{AppID: platform1, SecretMAC: "mac-of-c1", FixedTicket: "ticket-of-c1"})
	for appid, want := range map[string]cloud.Account{
		platform1: {AppID: platform1, IsPlatform: true, Cloud: true},
		mini1:     {AppID: mini1, Cloud: true},
	} {
		got, err := e.store.Account(e.Context(), appid)
		e.ok("Account", err)
		e.same("account", got, want)
	}
	// Only a platform's account is a platform, and only its own.
	_, err := e.store.Platform(e.Context(), mini1)
	e.fails("Platform of a Mini Program", err, cloud.ErrNotFound)
}

func componentTokenSwap(e *exam) {
	is, isNot := e.is(true), e.is(false)
	issue := func(platform string, old, next cloud.Issues) (cloud.Record, bool, error) {
		rec := e.rec("api_component_token")
		ok, err := e.store.IssueComponentToken(e.Context(), platform, old, next, rec)
		return rec, ok, err
	}
	first, second := cloud.Issues{someTime}, cloud.Issues{someTime, someTime + 1}

	rec, ok, err := issue(platform1, nil, first)
	is("first issue", ok, err)
	e.wrote(rec)
	rec, ok, err = issue(platform1, nil, second)
	isNot("issue on what was there before the first", ok, err)
	e.wroteNot(rec)
	rec, ok, err = issue(platform1, first, second)
	is("second issue", ok, err)
	e.wrote(rec)
	rec, ok, err = issue("wx00000000000000ff", nil, first)
	isNot("issue for a platform that is not there", ok, err)
	e.wroteNot(rec)

	e.same("issued", e.platform(platform1).Issued, second)
	e.same("issued to the other", e.platform(platform2).Issued, cloud.Issues(nil))
}

// componentTokenContention: of a crowd that swaps the same issue times exactly
// one wins, and who reads again wins in the end.
func componentTokenContention(e *exam) {
	swap := func(i int) (bool, error) {
		old, err := e.store.Platform(e.Context(), platform1)
		if err != nil {
			return false, err
		}
		next := append(cloud.Issues{}, old.Issued...)
		return e.store.IssueComponentToken(e.Context(), platform1, old.Issued, append(next, someTime+int64(i)), e.rec("token"))
	}
	if won := e.together(func(i int) (bool, error) { return retry(e.Context(), func() (bool, error) { return swap(i) }) }); won != crowd {
		e.Errorf("%d of %d won", won, crowd)
	}
	seen := map[int64]bool{}
	for _, issued := range e.platform(platform1).Issued {
		seen[issued] = true
	}
	if len(seen) != crowd {
		e.Errorf("%d issue times are there, want %d", len(seen), crowd)
	}
	if n := len(e.records(all)); n != crowd {
		e.Errorf("%d records, want %d", n, crowd)
	}
}
