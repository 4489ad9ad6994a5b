package storetest

import (
	"context"

	"github.com/opentcb/opentcb/internal/cloud"
)

// codeRefresh names the consent of the code "code-mac".
const codeRefresh = "refresh-of-code-mac"

// refreshToken returns a stored refresh token of the authorization as it is.
func (e *exam) refreshToken(mac string) cloud.RefreshToken {
	e.Helper()
	t, err := e.store.RefreshToken(e.Context(), platform1, mini1, e.authorization(platform1, mini1).Epoch, mac)
	e.ok("RefreshToken "+mac, err)
	return t
}

func (e *exam) noRefreshToken(what, mac string) {
	e.Helper()
	_, err := e.store.RefreshToken(e.Context(), platform1, mini1, e.authorization(platform1, mini1).Epoch, mac)
	e.fails("RefreshToken "+what, err, cloud.ErrNotFound)
}

// redeemCode uses up a code, after which inForce is the refresh token in force, and
// returns when that was.
func (e *exam) redeemCode(mac string, inForce cloud.RefreshToken) int64 {
	e.Helper()
	a, rec := e.authorization(platform1, mini1), e.rec("api_query_auth")
	ok, err := e.store.RedeemAuthCode(e.Context(), a, mac, inForce, cloud.Issues{rec.At}, rec)
	e.is(true)("RedeemAuthCode "+mac, ok, err)
	e.same("refresh token in force", e.authorization(platform1, mini1).RefreshMAC, inForce.MAC)
	return rec.At
}

// anotherCode adds a code to the consent of the code "code-mac".
func (e *exam) anotherCode(ctx context.Context, _ cloud.Record) error {
	code := authCode(platform1, mini1, "code-too")
	code.RefreshMAC = codeRefresh
	return e.store.AddAuthCode(ctx, code)
}

func (e *exam) addCode(platform, appid, mac, refreshMAC string) error {
	code := authCode(platform, appid, mac)
	code.RefreshMAC = refreshMAC
	return e.store.AddAuthCode(e.Context(), code)
}

// consentTokens: the refresh token of a consent is in force at once where there is
// none, and else once a code of it is redeemed; the one before is superseded then,
// whatever comes later.
func consentTokens(e *exam) {
	e.revoke(platform1, mini1)
	e.noRefreshToken("of a cancelled authorization", "refresh-of-c1-a1")
	e.consent(platform1, mini1, "first", 49)
	first, second, third := token("refresh-of-first"), token("refresh-of-second"), token("refresh-of-third")
	e.same("in force at once", e.authorization(platform1, mini1).RefreshMAC, first.MAC)
	e.consent(platform1, mini1, "second", 49)
	e.consent(platform1, mini1, "third", 49)
	for _, t := range []cloud.RefreshToken{first, second, third} {
		e.same("refresh token", e.refreshToken(t.MAC), t)
	}
	e.ok("AddAuthCode", e.addCode(platform1, mini1, "first-too", first.MAC))
	e.redeemCode("first", first)
	e.redeemCode("first-too", first)
	e.same("the first, exchanged twice", e.refreshToken(first.MAC), first)

	first.SupersededAt = e.redeemCode("third", third)
	second.SupersededAt = first.SupersededAt // it never came into force
	e.ok("AddAuthCode", e.addCode(platform1, mini1, "third-too", third.MAC))
	e.redeemCode("third-too", third)
	e.consent(platform1, mini1, "fourth", 49)
	fourth := token("refresh-of-fourth")
	third.SupersededAt = e.redeemCode("fourth", fourth)
	for _, t := range []cloud.RefreshToken{first, second, third, fourth} {
		e.same("refresh token", e.refreshToken(t.MAC), t)
	}
	e.same("code", e.code(platform1, "third-too").RefreshMAC, third.MAC)
	e.noRefreshToken("never given", "nobody's")
	e.noRefreshToken("of a neighbour", "refresh-of-c1-a2")
	_, err := e.store.RefreshToken(e.Context(), platform1, mini1, 1, fourth.MAC)
	e.fails("RefreshToken of another epoch", err, cloud.ErrNotFound)
}

// codesOfConsent: a code is added as long as the consent counts.
func codesOfConsent(e *exam) {
	e.consent(platform1, mini1, "first", 49)
	e.ok("AddAuthCode", e.addCode(platform1, mini1, "second", "refresh-of-first"))
	want := e.code(platform1, "first")
	want.CodeMAC = "second"
	e.same("the second code", e.code(platform1, "second"), want)
	for name, refresh := range map[string]string{"of no consent": "nobody's", "of a neighbour": "refresh-of-c1-a2", "of none": ""} {
		e.fails("AddAuthCode "+name, e.addCode(platform1, mini1, "third", refresh), cloud.ErrNotFound)
	}
	e.fails("AddAuthCode without authorization", e.addCode(platform2, mini2, "third", "refresh-of-first"), cloud.ErrNotFound)
	e.revoke(platform1, mini1)
	e.fails("AddAuthCode after cancellation", e.addCode(platform1, mini1, "third", "refresh-of-first"), cloud.ErrNotFound)
	e.consent(platform1, mini1, "again", 49)
	e.fails("AddAuthCode given again", e.addCode(platform1, mini1, "third", "refresh-of-first"), cloud.ErrNotFound)
}

// refreshKept: of a refresh token that is in force the sealed form can be stored
// afterwards.
func refreshKept(e *exam) {
	kept := func(want bool) {
		e.Helper()
		e.same("RefreshKept", e.authorization(platform1, mini1).RefreshKept, want)
	}
	kept(true)
	e.consent(platform1, mini1, "first", 49)
	e.redeemCode("first", cloud.RefreshToken{MAC: "of a server of before"})
	kept(false)
	ctx, s := e.Context(), e.store
	e.ok("KeepRefreshToken of another", s.KeepRefreshToken(ctx, platform1, mini1, token("another")))
	e.ok("KeepRefreshToken of none", s.KeepRefreshToken(ctx, platform2, mini2, token("another")))
	kept(false)
	e.noRefreshToken("that is not in force", "another")
	e.ok("KeepRefreshToken", s.KeepRefreshToken(ctx, platform1, mini1, token("of a server of before")))
	kept(true)
	e.same("refresh token", e.refreshToken("of a server of before"), token("of a server of before"))
}

// fixedTokens: the refresh token of a world file ends those that were in force, and
// not those of consents to come.
func fixedTokens(e *exam) {
	e.consent(platform1, mini1, "first", 49)
	e.consent(platform1, mini1, "second", 49)
	e.redeemCode("first", token("refresh-of-first"))
	e.apply(cloud.PutAuthorization{
		Platform: platform1, AppID: mini1, Sets: []int{3}, OldEpoch: 1, WasInForce: true, Refresh: token("fixed"),
	})
	e.same("in force", e.authorization(platform1, mini1).RefreshMAC, "fixed")
	e.noRefreshToken("that was in force", "refresh-of-first")
	e.same("fixed", e.refreshToken("fixed"), token("fixed"))
	at := e.redeemCode("second", token("refresh-of-second"))
	if t := e.refreshToken("fixed"); t.SupersededAt != at {
		e.Errorf("the fixed one is %+v, superseded at %d", t, at)
	}
}

// consentTokenContention: of two consents whose codes are exchanged at once, the
// later one's refresh token is in force in the end, or the earlier's is refused.
func consentTokenContention(e *exam) {
	e.consent(platform1, mini1, "first", 49)
	e.consent(platform1, mini1, "second", 49)
	const several = 12 // each tries until it is its turn
	for i := range several {
		mac := []string{"first", "second"}[i%2]
		e.ok("AddAuthCode", e.addCode(platform1, mini1, ridOf(int64(i)), "refresh-of-"+mac))
	}
	e.together(func(i int) (bool, error) {
		if i >= several {
			return false, nil
		}
		mac := []string{"refresh-of-first", "refresh-of-second"}[i%2]
		return retry(e.Context(), func() (bool, error) {
			a, err := e.store.Authorization(e.Context(), platform1, mini1)
			if err != nil {
				return false, err
			}
			t, err := e.store.RefreshToken(e.Context(), platform1, mini1, a.Epoch, mac)
			if err != nil {
				return false, err
			}
			if t.SupersededAt != 0 {
				t = cloud.RefreshToken{MAC: a.RefreshMAC}
			}
			next := append(a.Issued, someTime+int64(i))
			return e.store.RedeemAuthCode(e.Context(), a, ridOf(int64(i)), t, next, e.rec("redeem"))
		})
	})
	e.same("in force", e.authorization(platform1, mini1).RefreshMAC, "refresh-of-second")
	if e.refreshToken("refresh-of-first").SupersededAt == 0 {
		e.Error("the first is not superseded")
	}
}
