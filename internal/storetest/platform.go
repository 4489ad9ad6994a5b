package storetest

import (
	"slices"

	"github.com/opentcb/opentcb/internal/cloud"
)

func platformRoundTrip(e *exam) {
	e.same("platform", e.platform(platform1),
		cloud.Platform{AppID: platform1, SecretMAC: "mac-of-c1", FixedTicket: "ticket-of-c1"})
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

// platformVoided: a secret that is replaced voids the tokens issued so far, also
// those of a server whose clock is ahead, and leaves the issue times.
func platformVoided(e *exam) {
	issued := cloud.Issues{someTime + 5000}
	ok, err := e.store.IssueComponentToken(e.Context(), platform1, nil, issued, e.rec("token"))
	e.is(true)("IssueComponentToken", ok, err)
	put := cloud.PutPlatform{Platform: cloud.Platform{AppID: platform1, SecretMAC: "new"}, VoidAt: someTime}
	e.apply(put)
	want := cloud.Platform{AppID: platform1, SecretMAC: "new", Issued: issued, VoidBefore: someTime + 5001}
	e.same("voided", e.platform(platform1), want)
	e.same("the other platform", e.platform(platform2).VoidBefore, int64(0))
	put.VoidAt, put.SecretMAC, want.SecretMAC = 0, "newer", "newer"
	e.apply(put)
	e.same("replaced without voiding", e.platform(platform1), want)
}

// componentTokenContention: of a crowd that swaps the same issue times exactly
// one wins, and whoever reads again wins in the end.
func componentTokenContention(e *exam) {
	swap := func(i int) (bool, error) {
		old, err := e.store.Platform(e.Context(), platform1)
		if err != nil {
			return false, err
		}
		next := append(slices.Clone(old.Issued), someTime+int64(i))
		return e.store.IssueComponentToken(e.Context(), platform1, old.Issued, next, e.rec("token"))
	}
	won := e.together(func(i int) (bool, error) {
		return retry(e.Context(), func() (bool, error) { return swap(i) })
	})
	if won != crowd {
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
