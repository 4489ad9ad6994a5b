package storetest

import (
	"github.com/opentcb/opentcb/internal/cloud"
)

// authorizers: the authorizations of a platform that are in force, of Mini Programs
// in use, by when they were given.
func authorizers(e *exam) {
	wants := func(what string, offset, limit, total int64, want ...cloud.AuthorizerRow) {
		e.Helper()
		got, n, err := e.store.Authorizers(e.Context(), platform1, offset, limit)
		e.ok("Authorizers", err)
		e.same(what, got, want)
		e.same(what+", in all", n, total)
	}
	first := cloud.AuthorizerRow{AppID: mini1, Epoch: 1, Refresh: token("refresh-of-c1-a1")}
	second := cloud.AuthorizerRow{AppID: mini2, Epoch: 1, Refresh: token("refresh-of-c1-a2")}
	wants("all", 0, 10, 2, first, second)
	wants("the second", 1, 1, 2, second)
	wants("beyond", 2, 10, 2)
	e.revoke(platform1, mini1)
	wants("without one that was cancelled", 0, 10, 1, second)
	first.Epoch, first.Refresh = e.consent(platform1, mini1, "code", 49).At, token("refresh-of-code")
	wants("given again, and so later", 0, 10, 2, second, first)
	e.consent(platform1, mini1, "later", 49)
	e.redeemCode("later", cloud.RefreshToken{MAC: "of a server of before"})
	first.Refresh = cloud.RefreshToken{MAC: "of a server of before"}
	wants("whose refresh token cannot be told", 1, 10, 2, first)
	e.become(mini2, cloud.Disabled)
	wants("without one that is disabled", 0, 10, 1, first)
}
