package storetest

import (
	"slices"

	"github.com/opentcb/opentcb/internal/cloud"
)

func authCode(platform, appid, mac string) cloud.AuthCode {
	return cloud.AuthCode{
		Platform: platform, AppID: appid, CodeMAC: mac, ExpiresAt: someTime + 3_600_000, RefreshMAC: "refresh-of-" + mac,
	}
}

// consentOf is a consent with a code, and a refresh token that is named after it.
func consentOf(platform, appid, mac string, sets ...int) cloud.Consent {
	code := authCode(platform, appid, mac)
	return cloud.Consent{Platform: platform, AppID: appid, Sets: sets, Code: code, Refresh: token(code.RefreshMAC)}
}

// token is a refresh token.
func token(mac string) cloud.RefreshToken {
	return cloud.RefreshToken{MAC: mac, Sealed: "sealed-" + mac}
}

// consent gives an authorization and stores a code for it.
func (e *exam) consent(platform, appid, mac string, sets ...int) cloud.Record {
	e.Helper()
	rec := e.rec("authorize")
	e.ok("Consent", e.store.Consent(e.Context(), consentOf(platform, appid, mac, sets...), rec))
	return rec
}

// code returns a stored code.
func (e *exam) code(platform, mac string) cloud.AuthCode {
	e.Helper()
	c, err := e.store.AuthCode(e.Context(), platform, mac)
	e.ok("AuthCode", err)
	return c
}

func (e *exam) revoke(platform, appid string) {
	e.Helper()
	ok, err := e.store.Revoke(e.Context(), platform, appid, e.rec("revoke"))
	e.is(true)("Revoke", ok, err)
}

func consentRoundTrip(e *exam) {
	rec := e.consent(platform2, mini2, "code-mac", 64, 3, 49)
	e.wrote(rec)
	e.same("authorization", e.authorization(platform2, mini2),
		cloud.Authorization{
			Platform: platform2, AppID: mini2, InForce: true, Epoch: rec.At, Sets: []int{64, 3, 49},
			RefreshMAC: "refresh-of-code-mac", RefreshKept: true,
		})
	want := authCode(platform2, mini2, "code-mac")
	want.Epoch = rec.At
	e.same("code", e.code(platform2, "code-mac"), want)
	_, err := e.store.AuthCode(e.Context(), platform1, "code-mac")
	e.fails("the code of another platform", err, cloud.ErrNotFound)
	// The neighbours are untouched.
	e.same("same platform, other Mini Program", e.authorization(platform1, mini2), cloud.Authorization{
		Platform: platform1, AppID: mini2, InForce: true, Epoch: 1, Sets: []int{49},
		RefreshMAC: "refresh-of-c1-a2", RefreshKept: true,
	})
	e.same("other platform, same Mini Program", e.authorization(platform2, mini1), cloud.Authorization{
		Platform: platform2, AppID: mini1, InForce: true, Epoch: 1, Sets: []int{18},
		RefreshMAC: "refresh-of-c2-a1", RefreshKept: true,
	})
}

// consentEpochs: consent to an authorization in force replaces only its sets;
// consent to a cancelled one begins a new epoch, with a refresh token of its own and
// without issue times (CR-9). It is the time, or one more than the epoch before if that
// is as late; a row of before has counted from 1.
func consentEpochs(e *exam) {
	a := e.authorization(platform1, mini1)
	ok, err := e.store.IssueAuthorizerToken(e.Context(), a, cloud.Issues{someTime}, e.rec("token"))
	e.is(true)("IssueAuthorizerToken", ok, err)

	e.consent(platform1, mini1, "code-1", 49)
	want := cloud.Authorization{
		Platform: platform1, AppID: mini1, InForce: true, Epoch: 1,
		Sets: []int{49}, RefreshMAC: "refresh-of-c1-a1", RefreshKept: true, Issued: cloud.Issues{someTime},
	}
	e.same("consent while in force", e.authorization(platform1, mini1), want)

	e.revoke(platform1, mini1)
	second := e.consent(platform1, mini1, "code-2", 64).At
	want.Epoch, want.Sets, want.RefreshMAC, want.Issued = second, []int{64}, "refresh-of-code-2", nil
	e.same("consent after cancellation", e.authorization(platform1, mini1), want)

	for mac, epoch := range map[string]int64{"code-1": 1, "code-2": second} {
		if c := e.code(platform1, mac); c.Epoch != epoch {
			e.Errorf("%s is of epoch %d, want %d", mac, c.Epoch, epoch)
		}
	}
	e.revoke(platform1, mini1)
	again := func(old, at, epoch int64) {
		e.Helper()
		changes := []cloud.Change{cloud.PutAuthorization{Platform: platform1, AppID: mini1, OldEpoch: old, Sets: []int{3}}}
		rec := e.rec("apply")
		rec.At = at
		e.ok("Apply", e.store.Apply(e.Context(), changes, []cloud.Record{rec}))
		want.Epoch, want.Sets, want.RefreshMAC, want.RefreshKept = epoch, []int{3}, "", false
		e.same("given again by a world file", e.authorization(platform1, mini1), want)
	}
	again(second, someTime+99, someTime+99)
	e.revoke(platform1, mini1)
	again(someTime+99, someTime-5, someTime+100)
}

func revoke(e *exam) {
	rec := e.rec("revoke")
	ok, err := e.store.Revoke(e.Context(), platform1, mini1, rec)
	e.is(true)("Revoke", ok, err)
	e.wrote(rec)
	if a := e.authorization(platform1, mini1); a.InForce || a.RefreshMAC != "" || a.Epoch != 1 {
		e.Errorf("after Revoke: %+v; want not in force, without refresh token, of the same epoch", a)
	}
	for _, other := range [][2]string{{platform1, mini2}, {platform2, mini1}} {
		if a := e.authorization(other[0], other[1]); !a.InForce || a.RefreshMAC == "" {
			e.Errorf("Revoke hit a neighbour: %+v", a)
		}
	}
	for name, of := range map[string][2]string{"again": {platform1, mini1}, "never given": {platform2, mini2}} {
		rec := e.rec("revoke")
		ok, err := e.store.Revoke(e.Context(), of[0], of[1], rec)
		e.is(false)("Revoke "+name, ok, err)
		e.wroteNot(rec)
	}
}

// refreshVoided: a refresh token that was replaced or cancelled stays known.
func refreshVoided(e *exam) {
	voided := func(want bool, mac string) {
		e.Helper()
		got, err := e.store.RefreshVoided(e.Context(), platform1, mini1, mac)
		e.is(want)("RefreshVoided "+mac, got, err)
	}
	voided(false, "refresh-of-c1-a1")
	e.consent(platform1, mini1, "code-mac", 49)
	ok, err := e.store.RedeemAuthCode(
		e.Context(), e.authorization(platform1, mini1), "code-mac", token("second"), cloud.Issues{someTime}, e.rec("redeem"),
	)
	e.is(true)("RedeemAuthCode", ok, err)
	voided(true, "refresh-of-c1-a1")
	voided(false, "second")
	e.revoke(platform1, mini1)
	voided(true, "second")
	voided(false, "third")
	e.apply(cloud.PutAuthorization{
		Platform: platform1, AppID: mini1, Sets: []int{3}, OldEpoch: 1, Refresh: token("third"),
	})
	voided(true, "second")
	voided(false, "third")
	e.fails("a voided refresh token", e.store.Apply(e.Context(), []cloud.Change{cloud.PutAuthorization{
		Platform: platform1, AppID: mini1, Sets: []int{3}, OldEpoch: 2, WasInForce: true, Refresh: token("second"),
	}}, nil), cloud.ErrStale)
	got, err := e.store.RefreshVoided(e.Context(), platform1, mini2, "second")
	e.is(false)("RefreshVoided of a neighbour", got, err)
}

func authorizerTokenSwap(e *exam) {
	issue := func(want bool, name string, a cloud.Authorization, next ...int64) {
		e.Helper()
		rec := e.rec("token " + name)
		ok, err := e.store.IssueAuthorizerToken(e.Context(), a, next, rec)
		e.is(want)(name, ok, err)
		if want {
			e.wrote(rec)
			return
		}
		e.wroteNot(rec)
	}
	before := e.authorization(platform1, mini1)
	issue(true, "first", before, someTime)
	issue(false, "on what was there before the first", before, someTime+5)
	after := e.authorization(platform1, mini1)
	before.Issued = cloud.Issues{someTime}
	e.same("authorization", after, before)

	wrong := after
	wrong.Epoch++
	issue(false, "of another epoch", wrong, someTime, someTime+1)
	issue(true, "second", after, someTime, someTime+1)
	e.revoke(platform1, mini1)
	cancelled := e.authorization(platform1, mini1)
	issue(false, "of a cancelled authorization", cancelled, someTime+2)
	issue(false, "of none", cloud.Authorization{Platform: platform2, AppID: mini2, Epoch: 1}, someTime+2)
	e.same("the neighbour's issue times", e.authorization(platform1, mini2).Issued, cloud.Issues(nil))
}

func authorizerTokenContention(e *exam) {
	for round := range 8 {
		a := e.authorization(platform1, mini1)
		won := e.together(func(i int) (bool, error) {
			next := append(slices.Clone(a.Issued), someTime+int64(round*crowd+i))
			return e.store.IssueAuthorizerToken(e.Context(), a, next, e.rec("token"))
		})
		if won != 1 {
			e.Errorf("round %d: %d won, want 1", round, won)
		}
		if n := len(e.records(all)); n != round+1 {
			e.Errorf("round %d: %d records, want %d", round, n, round+1)
		}
	}
}

func redeem(e *exam) {
	e.consent(platform1, mini1, "code-mac", 49)
	a := e.authorization(platform1, mini1)
	rec := e.rec("api_query_auth")
	ok, err := e.store.RedeemAuthCode(e.Context(), a, "code-mac", token("new-refresh"), cloud.Issues{someTime}, rec)
	e.is(true)("RedeemAuthCode", ok, err)
	e.wrote(rec)
	if c := e.code(platform1, "code-mac"); c.UsedAt == 0 {
		e.Error("the code is not used up")
	}
	a.RefreshMAC, a.Issued = "new-refresh", cloud.Issues{someTime}
	e.same("authorization", e.authorization(platform1, mini1), a)

	for name, mac := range map[string]string{"a used code": "code-mac", "an unknown code": "no-such-mac"} {
		rec := e.rec("redeem " + name)
		next := cloud.Issues{someTime, someTime + 1}
		ok, err := e.store.RedeemAuthCode(e.Context(), a, mac, token("newer-refresh"), next, rec)
		e.is(false)("redeem "+name, ok, err)
		e.wroteNot(rec)
	}
	e.same("authorization after vain tries", e.authorization(platform1, mini1), a)
}

// redeemLeavesCode: where the authorization is not as given any more, the code
// is not used up either.
func redeemLeavesCode(e *exam) {
	e.consent(platform1, mini1, "code-mac", 49)
	a := e.authorization(platform1, mini1)
	ok, err := e.store.IssueAuthorizerToken(e.Context(), a, cloud.Issues{someTime}, e.rec("token"))
	e.is(true)("IssueAuthorizerToken", ok, err)
	current := e.authorization(platform1, mini1)
	otherEpoch := current
	otherEpoch.Epoch++
	for name, given := range map[string]cloud.Authorization{"stale issue times": a, "another epoch": otherEpoch} {
		e.redeemInVain(name, given)
	}
	e.revoke(platform1, mini1)
	cancelled := current
	cancelled.Issued = nil
	e.redeemInVain("cancelled", cancelled)
}

func (e *exam) redeemInVain(name string, a cloud.Authorization) {
	e.Helper()
	before := e.state()
	rec := e.rec("redeem " + name)
	ok, err := e.store.RedeemAuthCode(e.Context(), a, "code-mac", token("new-refresh"), cloud.Issues{someTime + 9}, rec)
	e.is(false)(name, ok, err)
	e.wroteNot(rec)
	e.unchanged(name, before)
}

func redeemContention(e *exam) {
	for _, mac := range []string{"code-1", "code-2", "code-3", "code-4"} {
		e.consent(platform1, mini1, mac, 49)
		a := e.authorization(platform1, mini1)
		won := e.together(func(i int) (bool, error) {
			next := append(slices.Clone(a.Issued), someTime+int64(i))
			return e.store.RedeemAuthCode(e.Context(), a, mac, token("refresh-"+ridOf(int64(i))), next, e.rec("redeem"))
		})
		if won != 1 {
			e.Errorf("%s was redeemed %d times", mac, won)
		}
	}
}
