package cloud_test

import (
	"slices"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
)

// A secret is replaced because it leaked: what was issued for it is void, unless
// the operator asks not to.
func TestReplacedSecretVoidsComponentTokens(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	alive := func(token string) error {
		_, err := r.cloud.Authenticate(t.Context(), token, credentials, "rid")
		return err
	}
	issue := func(secret string) string {
		t.Helper()
		ticket, err := r.cloud.Ticket(t.Context(), r.operator(), platform1)
		r.ok("Ticket", err)
		req := cloud.ComponentTokenRequest{AppID: platform1, Secret: secret, Ticket: ticket}
		token, err := r.cloud.IssueComponentToken(t.Context(), req, "rid")
		r.ok("IssueComponentToken", err)
		return token.Value
	}
	replace := func(secret string, keep bool) {
		r.sleep(time.Second)
		r.mustApply(cloud.World{
			Platforms: []cloud.WorldPlatform{{AppID: platform1, Secret: secret}},
			Options:   cloud.ApplyOptions{KeepTokens: keep},
		})
	}
	first, other := issue(secret1), r.componentToken(platform2)
	replace("second-secret", false)
	r.refused("token of the replaced secret", alive(first), cloud.InvalidToken)
	r.ok("another platform's token", alive(other))
	second := issue("second-secret")
	r.ok("token of the new secret", alive(second))
	replace("third-secret", true)
	r.ok("token that was to be kept", alive(second))
	r.refused("token of the first secret still", alive(first), cloud.InvalidToken)
	r.mustApply(cloud.World{Platforms: []cloud.WorldPlatform{{AppID: platform1, Secret: "third-secret", Ticket: ticket2}}})
	r.ok("token after another ticket", alive(second))
}

// A secret that was replaced while the clock was far ahead: tokens issued since are
// good, and for no longer than ever (CR-1).
func TestSecretReplacedUnderAWrongClock(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	const wrong = 40 * 24 * time.Hour
	before := r.componentToken(platform2)
	r.sleep(wrong)
	r.mustApply(cloud.World{Platforms: []cloud.WorldPlatform{{AppID: platform2, Secret: secret2 + "-new", Ticket: ticket2}}})
	r.sleep(-wrong)
	req := cloud.ComponentTokenRequest{AppID: platform2, Secret: secret2 + "-new", Ticket: ticket2}
	token, err := r.cloud.IssueComponentToken(t.Context(), req, "rid")
	r.ok("IssueComponentToken", err)
	fares := func(token string) error {
		_, err := r.cloud.Authenticate(t.Context(), token, credentials, "rid")
		return err
	}
	r.refused("token of before", fares(before), cloud.InvalidToken)
	r.sleep(cloud.TokenLife - time.Second)
	r.ok("token before its end", fares(token.Value))
	r.sleep(time.Second)
	r.refused("token after its end", fares(token.Value), cloud.TokenExpired)
}

// What was issued in a state of the database that is lost is good for nothing that
// was granted again since: not the platform's tokens, those of its authorization, its
// links and signed uploads, nor the runtime's credential and tokens.
func TestNothingOfALostStateIsGoodAgain(t *testing.T) {
	t.Parallel()
	lost := newRig(t)
	component, c := lost.componentToken(platform1), lost.grant(platform1, mini1, 49)
	caller := lost.authenticated(c.AccessToken.Value)
	lost.create(caller, "first")
	lost.ok("upload", lost.upload(caller, "first", "protected"))
	link, credential, runtime := lost.link(caller), lost.credential(env1), lost.cloudbase(env1)
	upload, err := lost.cloud.UploadSignature(t.Context(), caller, somePayload, someHeaders)
	lost.ok("UploadSignature", err)

	r := emptyRig(t, nil)
	r.ring = lost.ring
	r.shared(r.store)
	r.clock.Store(lost.clock.Load())
	r.sleep(time.Second)
	r.mustApply(rigWorld)
	again := r.caller(platform1, mini1)
	r.create(again, "first")
	r.ok("upload", r.upload(again, "first", "protected"))
	_, err = r.cloud.Authenticate(t.Context(), component, credentials, "rid")
	r.refused("component token", err, cloud.InvalidToken)
	r.refused("authorizer token", r.authenticate(c.AccessToken.Value), cloud.InvalidToken)
	r.dead("link", link)
	opened, err := r.cloud.OpenUpload(upload.Token, developer.Sets, "rid")
	r.ok("OpenUpload", err)
	r.refused("upload", r.cloud.AuthenticateUpload(t.Context(), opened), cloud.NotAuthorized)
	_, err = r.cloud.Runtime(t.Context(), credential, env1, "rid")
	r.refused("credential", err, cloud.InvalidToken)
	r.refuses(runtime, "/wxa/x", cloud.InvalidToken)
}

// A link is good while the authorization holds a permission set that
// downloadfunction needs (DF-10).
func TestLinkNeedsThePermissionSet(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.caller(platform1, mini1)
	r.create(c, "first")
	r.ok("upload", r.upload(c, "first", "protected"))
	l := r.link(c)
	r.follow(l)
	_, err := r.cloud.Authorize(t.Context(), r.operator(), platform1, mini1, []int{18})
	r.ok("Authorize", err)
	_, err = r.cloud.OpenLink(t.Context(), l.Token, developer.Sets, "rid")
	r.refused("link without the set", err, cloud.LinkInvalid)
	_, err = r.cloud.Authorize(t.Context(), r.operator(), platform1, mini1, []int{64})
	r.ok("Authorize", err)
	r.follow(l)
}

// Credentials that are revoked take the tokens of their environment with them.
func TestRevokedCredentialEndsItsTokens(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ctx := t.Context()
	credential, err := r.cloud.EnvironmentCredential(ctx, r.operator(), env1, 0, false)
	r.ok("EnvironmentCredential", err)
	runtime, err := r.cloud.Runtime(ctx, credential, env1, "rid")
	r.ok("Runtime", err)
	token := func(c cloud.Caller, env string) string {
		t.Helper()
		token, err := r.cloud.CloudbaseToken(ctx, c, env)
		r.ok("CloudbaseToken", err)
		return token.Value
	}
	judge := func(token string) error {
		_, err := r.cloud.JudgeCall(ctx, "rid", token, "/wxa/a")
		return err
	}
	r.ok("set", r.cloud.SetPermission(ctx, r.caller(platform1, mini1), env1, true, []string{"/wxa/a"}, 2))
	mine, operators, others := token(runtime, env1), token(r.operator(), env1), token(r.operator(), env2)
	r.ok("call", judge(mine))
	r.ok("call", judge(operators))
	r.ok("Revoke", r.cloud.RevokeEnvironmentCredentials(ctx, r.operator(), env1))
	r.refused("call after the revocation", judge(mine), cloud.InvalidToken)
	r.refused("the operator's too", judge(operators), cloud.InvalidToken)
	r.refused("of another environment", judge(others), cloud.NotWhitelisted)
	r.refused("a token got at the last moment", judge(token(runtime, env1)), cloud.InvalidToken)
	r.ok("a new token", judge(token(r.operator(), env1)))
	recs := r.records("cloudbase_access_token")
	if !slices.ContainsFunc(recs, func(rec cloud.Record) bool { return rec.Detail == "runtime" }) {
		t.Errorf("no record of a runtime's token says so: %+v", recs)
	}
}
