package cloud_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/tcb"
)

// someRID has the form of the wire's request ids; ridOf makes others.
const someRID = "6ae00000-00000000-00000000"

// cloudbase returns a cloudbase_access_token of an environment.
func (r *rig) cloudbase(env string) string {
	r.Helper()
	token, err := r.cloud.CloudbaseToken(r.Context(), r.operator(), env)
	r.ok("CloudbaseToken", err)
	r.keep(token.Value)
	return token.Value
}

func (r *rig) credential(env string) string {
	r.Helper()
	credential, err := r.cloud.EnvironmentCredential(r.Context(), r.operator(), env, 0, false)
	r.ok("EnvironmentCredential", err)
	r.keep(credential)
	return credential
}

// allows wants a call to be allowed, with whose it is.
func (r *rig) allows(token, path, account, env string) {
	r.Helper()
	call, err := r.cloud.JudgeCall(r.Context(), someRID, token, path)
	r.ok("call of "+path, err)
	if call.Account != account || call.Env != env || call.Path.String() != path {
		r.Errorf("call of %s is %+v, want %s of %s", path, call, env, account)
	}
}

// refuses wants a call to be refused.
func (r *rig) refuses(token, path string, want cloud.Kind) {
	r.Helper()
	_, err := r.cloud.JudgeCall(r.Context(), someRID, token, path)
	r.refused("call of "+path, err, want)
}

// sets sets the permission of an environment of the caller's.
func (r *rig) sets(c cloud.Caller, env string, open bool, version int64, entries ...string) {
	r.Helper()
	r.ok("set", r.cloud.SetPermission(r.Context(), c, env, open, entries, version))
}

// TestJudgeCall is what a call is allowed by, and in which order it is
// refused.
//
// Proves: CC-2, CC-3, CC-4, UT-15
func TestJudgeCall(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.authenticated(r.grant(platform1, mini1, 49).AccessToken.Value)
	token, other := r.cloudbase(env1), r.cloudbase(env2)
	r.refuses(token, "/wxa/x", cloud.NotWhitelisted) // UT-4: nothing is allowed yet
	r.sets(c, env1, true, 2, "/wxa/*", "/cgi-bin/menu/get")
	r.allows(token, "/wxa/x", mini1, env1)
	r.allows(token, "/cgi-bin/menu/get", mini1, env1)
	for _, path := range []string{
		"/wxa", "/wxa/", "/WXA/x", "/cgi-bin/menu/get/", "//wxa/x", "/wxa/../x", "/wxa/%78", "/wxa/x;y", "http://h/wxa/x", "",
	} {
		r.refuses(token, path, cloud.NotWhitelisted)
	}
	r.refuses(token, "/wxa/"+token, cloud.NotWhitelisted)
	r.refuses(other, "/wxa/x", cloud.NotWhitelisted) // the list is the environment's own
	r.refuses(token+"A", "/wxa/x", cloud.InvalidToken)
	r.refuses(r.grant(platform1, mini1, 49).AccessToken.Value, "/wxa/x", cloud.InvalidToken)

	r.sets(c, env2, false, 2) // UT-5: the switch is the account's
	r.refuses(token, "/wxa/x", cloud.SwitchClosed)
	r.refuses(token, "/none", cloud.SwitchClosed)
	r.refuses(token, "/%", cloud.SwitchClosed)
	r.sets(c, env2, true, 4)
	r.allows(token, "/wxa/x", mini1, env1)

	r.mustApply(cloud.World{MiniPrograms: []cloud.WorldMiniProgram{{AppID: mini1, Cloud: &no}}})
	r.refuses(token, "/wxa/x", cloud.SwitchClosed)
	_, err := r.cloud.CloudbaseToken(t.Context(), r.operator(), env1)
	r.refused("token where cloud development was closed", err, cloud.Conflict)
}

// TestCloudbaseToken is a token's life.
//
// Proves: CC-6, CC-5
func TestCloudbaseToken(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	token, err := r.cloud.CloudbaseToken(t.Context(), r.operator(), envBatch)
	r.ok("CloudbaseToken", err)
	if token.Life != 30*time.Minute {
		t.Errorf("good for %v, want 30 minutes", token.Life)
	}
	r.sets(r.component(platform1), envBatch, true, 2, "/*")
	r.clock.Add((10 * time.Minute).Milliseconds())
	second := r.cloudbase(envBatch)
	r.clock.Add((20*time.Minute - time.Millisecond).Milliseconds())
	r.allows(token.Value, "/", platform1, envBatch) // the one before stays good
	r.clock.Add(1)
	r.refuses(token.Value, "/", cloud.TokenExpired)
	r.allows(second, "/", platform1, envBatch)
	for _, iface := range []cloud.Interface{developer, credentials} {
		_, err := r.cloud.Authenticate(t.Context(), second, iface, "rid")
		r.refused("the server's own interface", err, cloud.WrongTokenKind)
	}
	_, err = r.cloud.RefuseOwnCall(someRID, second, "/tcb/getcodesecret")
	r.refused("an own path", err, cloud.WrongTokenKind)
	_, err = r.cloud.RefuseOwnCall(someRID, token.Value, "/tcb/getcodesecret")
	r.refused("an own path", err, cloud.TokenExpired)
	_, err = r.cloud.RefuseOwnCall(someRID, "x", "/tcb/getcodesecret")
	r.refused("an own path", err, cloud.InvalidToken)
	_, err = r.cloud.CloudbaseToken(t.Context(), r.operator(), "env-none")
	r.refused("no such environment", err, cloud.EnvironmentNotFound)
}

// TestEnvironmentCredential is what a credential opens, and until when.
func TestEnvironmentCredential(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	credential := r.credential(env1)
	runtime := func(credential, env string) error {
		_, err := r.cloud.Runtime(t.Context(), credential, env, "rid")
		return err
	}
	r.ok("its environment", runtime(credential, env1))
	r.refused("another environment of the account", runtime(credential, env2), cloud.InvalidToken)
	r.refused("a false credential", runtime(credential[:len(credential)-1]+"_", env1), cloud.InvalidToken)
	r.refused("a token in its place", runtime(r.cloudbase(env1), env1), cloud.InvalidToken)
	r.refuses(credential, "/wxa/x", cloud.InvalidToken)
	other := r.credential(env2)
	r.ok("revoke", r.cloud.RevokeEnvironmentCredentials(t.Context(), r.operator(), env1))
	r.refused("a revoked credential", runtime(credential, env1), cloud.InvalidToken)
	r.ok("another environment's", runtime(other, env2))
	r.ok("a new one", runtime(r.credential(env1), env1))
}

// TestExplain says why calls were refused.
func TestExplain(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.authenticated(r.grant(platform1, mini1, 49).AccessToken.Value)
	r.sets(c, env1, true, 2, "/wxa/msg_sec_check", "/cgi-bin/*")
	token := r.cloudbase(env1)
	explained := func(rid string) cloud.Explanation {
		x, err := r.cloud.Explain(t.Context(), rid)
		r.ok("Explain", err)
		if strings.Contains(x.Reason+x.Path, token) {
			t.Errorf("the token is shown: %+v", x)
		}
		return x
	}
	ask := func(token, path string) cloud.Explanation {
		rid := r.rid()
		_, _ = r.cloud.JudgeCall(t.Context(), rid, token, path)
		return explained(rid)
	}
	x := ask(token, "/wxa/msg_sec_chek")
	if x.Code != tcb.NotInWhitelist || x.Env != env1 || x.AppID != mini1 || x.Version != 4 ||
		x.Path != "/wxa/msg_sec_chek" || x.Nearest != "/wxa/msg_sec_check" {
		t.Errorf("a path that is not listed: %+v", x)
	}
	if x := ask(token, "/wxa/%2e"); x.Code != tcb.NotInWhitelist || !strings.Contains(x.Reason, "escape") || x.Nearest != "" {
		t.Errorf("an odd path: %+v", x)
	}
	if x := ask(token, "/x/"+token+"/y"); x.Path != "/x/" || !strings.Contains(x.Reason, "token") {
		t.Errorf("a path with the token: %+v", x)
	}
	if x := ask("false", "/wxa/x"); x.Code != tcb.InvalidToken || x.Env != "" || x.Reason == "" {
		t.Errorf("a false token: %+v", x)
	}
	rid := r.rid()
	_, _ = r.cloud.RefuseOwnCall(rid, token, "/tcb/getcodesecret")
	if x := explained(rid); x.Code != tcb.Unauthorized || x.Env != env1 {
		t.Errorf("an own path: %+v", x)
	}
	r.sets(c, env2, false, 4) // flips, so that env1 moves to version 6
	if x := ask(token, "/none"); x.Code != tcb.CloudTokenClosed || x.Version != 6 {
		t.Errorf("a closed switch: %+v", x)
	}
	r.clock.Add(time.Hour.Milliseconds())
	if x := ask(token, "/none"); x.Code != tcb.TokenExpired || x.Env != env1 {
		t.Errorf("an expired token: %+v", x)
	}
	_, err := r.cloud.Explain(t.Context(), r.rid())
	r.refused("a rid of nothing", err, cloud.NotFound)
	_, err = r.cloud.Explain(t.Context(), "6ae00000")
	r.refused("no rid", err, cloud.InvalidArgs)
}

// TestExplainOfManyRefusals records a bounded number of one environment's
// refusals, and does not let them push out another's.
func TestExplainOfManyRefusals(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	noisy, quiet := r.cloudbase(env1), r.cloudbase(env2)
	known := 0
	for range 1000 {
		rid := r.rid()
		_, _ = r.cloud.JudgeCall(t.Context(), rid, noisy, "/x")
		if _, err := r.cloud.Explain(t.Context(), rid); err == nil {
			known++
		}
	}
	if known != 64 {
		t.Errorf("%d refusals of one second are recorded, want 64", known)
	}
	rid := r.rid()
	_, _ = r.cloud.JudgeCall(t.Context(), rid, quiet, "/x")
	if _, err := r.cloud.Explain(t.Context(), rid); err != nil {
		t.Errorf("another environment's refusal is not recorded: %v", err)
	}
}

// TestSetIsSeenByCallsAtOnce races sets against calls: what began after a set
// was answered is judged by it.
//
// Proves: UT-15
func TestSetIsSeenByCallsAtOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.authenticated(r.grant(platform1, mini1, 49).AccessToken.Value)
	token := r.cloudbase(env1)
	r.sets(c, env1, true, 2, "/*")
	stop := make(chan struct{})
	var callers sync.WaitGroup
	for range 4 {
		callers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					_, _ = r.cloud.JudgeCall(t.Context(), someRID, token, "/wxa/x")
				}
			}
		})
	}
	for version := int64(4); version < 400; version += 4 {
		r.sets(c, env1, false, version, "/*")
		r.refuses(token, "/wxa/x", cloud.SwitchClosed)
		r.sets(c, env1, true, version+2, "/*")
		r.allows(token, "/wxa/x", mini1, env1)
	}
	close(stop)
	callers.Wait()
}
