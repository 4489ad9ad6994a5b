package admin_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/cloud"
)

var cascade = cloud.RemovalOptions{Cascade: true}

// TestRemoveRefuses: what has something below it stays, and it is told how much.
// Proves: OP-7
func TestRemoveRefuses(t *testing.T) {
	s := start(t)
	s.applyWorld(t)
	_, err := s.RemovePlatform(t.Context(), platform, cloud.RemovalOptions{})
	const of = "platform " + platform + " has 1 environment, 0 functions, 1 authorization; 1 of them in force"
	if r := refused(t, err, http.StatusConflict); !strings.HasPrefix(r.Message, of) {
		t.Error(r.Message)
	}
	_, err = s.RemoveMiniProgram(t.Context(), mini, cloud.RemovalOptions{})
	if r := refused(t, err, http.StatusConflict); !strings.Contains(r.Message, "has 1 environment, 2 functions, 1 auth") {
		t.Error(r.Message)
	}
	for _, options := range []cloud.RemovalOptions{{DryRun: true}, {DryRun: true, Cascade: true}} {
		r, err := s.RemoveMiniProgram(t.Context(), mini, options)
		must(t, err)
		left := cloud.Counts{Environments: 1, Functions: 2, Authorizations: 1, InForce: 1}
		if r.Done || r.Left.Counts != left || r.Removed != (cloud.PlatformCounts{}) {
			t.Errorf("%+v: %+v", options, r)
		}
	}
	_, err = s.RemovePlatform(t.Context(), mini, cascade)
	refused(t, err, http.StatusNotFound)
	_, err = s.RemoveMiniProgram(t.Context(), fresh, cascade)
	refused(t, err, http.StatusNotFound)
	resp, text := s.request(t, "DELETE", "/v1/platforms/"+platform+"?cascade=yes", "", nil)
	if resp.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(text, `"member":"cascade"`) {
		t.Errorf("%d %s", resp.StatusCode, text)
	}
	if again := s.applyWorld(t); len(again) != 0 {
		t.Errorf("something was removed: %q", again)
	}
	r, err := s.RemoveMiniProgram(t.Context(), other, cloud.RemovalOptions{})
	if must(t, err); !r.Done {
		t.Errorf("what has nothing below it: %+v", r)
	}
	_, err = s.MiniProgram(t.Context(), other)
	refused(t, err, http.StatusNotFound)
}

// TestRemovePlatform: with a platform goes what is below it, its functions are
// nobody's, and one of that appid that is made anew has nothing of it.
// Proves: OP-7
func TestRemovePlatform(t *testing.T) {
	s := start(t)
	s.applyWorld(t)
	token, component := s.authorizerToken(t), ""
	component, _ = s.componentToken(t, platform, "platform-one-secret")
	key := s.call(t, "/tcb/getcodesecret?access_token="+token, "")["codesecret"]
	r, err := s.RemovePlatform(t.Context(), platform, cascade)
	must(t, err)
	want := cloud.Counts{Environments: 1, Authorizations: 1, InForce: 1}
	if !r.Done || r.Removed.Counts != want || r.Left != (cloud.PlatformCounts{}) {
		t.Errorf("removed: %+v", r)
	}
	_, err = s.Platform(t.Context(), platform)
	refused(t, err, http.StatusNotFound)
	if answer := s.call(t, "/tcb/getcodesecret?access_token="+token, ""); answer["errcode"] != 40014.0 {
		t.Errorf("a token of before: %v", answer)
	}
	s.applyWorld(t)
	if answer := s.call(t, "/tcb/getcodesecret?access_token="+token, ""); answer["errcode"] != 40014.0 {
		t.Errorf("a token of before, with the platform that is new: %v", answer)
	}
	if s.goodToken(t, platform, component) {
		t.Error("a component token of before is good")
	}
	if again := s.call(t, "/tcb/getcodesecret?access_token="+s.authorizerToken(t), "")["codesecret"]; again == nil || again == key {
		t.Errorf("the key of the platform that is new: %v, was %v", again, key)
	}
	if all := s.details(t, "platform "+platform); !strings.Contains(strings.Join(all, "; "),
		"remove: being removed; remove: 1 authorizations removed; remove: environment batch-5f3c21 removed; remove: removed") {
		t.Errorf("recorded: %q", all)
	}
}

// TestRemoveGoesOn: a removal that is not done is accepted, the platform is
// disabled meanwhile, and the same request goes on to the end.
// Proves: OP-7
func TestRemoveGoesOn(t *testing.T) {
	s := start(t)
	s.applyWorld(t)
	const many = 1000
	file := fmt.Sprintf("platforms:\n  - {appid: %s, secret: s3cret-of-the-fresh-one}\nminiprograms:\n", fresh)
	auth := "authorizations:\n"
	for i := range many {
		file += fmt.Sprintf("  - {appid: wx%016x}\n", 1<<40+i)
		auth += fmt.Sprintf("  - {platform: %s, appid: wx%016x, permission_sets: [49]}\n", fresh, 1<<40+i)
	}
	_, err := s.Apply(t.Context(), []byte(file+auth), nil)
	must(t, err)
	removed := int64(0)
	for n := 0; ; n++ {
		resp, text := s.request(t, "DELETE", "/v1/platforms/"+fresh+"?cascade=true", "", nil)
		if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusAccepted {
			t.Fatalf("%d %s", resp.StatusCode, text)
		}
		r := parsed[cloud.Removal](t, text)
		if removed += r.Removed.Authorizations; r.Done != (resp.StatusCode == http.StatusOK) ||
			!r.Done && r.Left.Authorizations != many-removed {
			t.Fatalf("%d %s", resp.StatusCode, text)
		}
		if r.Done {
			t.Logf("%d requests", n+1)
			break
		}
		p, err := s.Platform(t.Context(), fresh)
		if must(t, err); !p.Disabled || !p.Removing {
			t.Errorf("meanwhile: %+v", p)
		}
		_, err = s.ChangePlatform(t.Context(), fresh, cloud.PlatformChange{Disabled: cloud.Given(false)})
		refused(t, err, http.StatusConflict)
		_, err = s.Authorize(t.Context(), fresh, mini, []int{49})
		refused(t, err, http.StatusConflict)
		_, err = s.RemovePlatform(t.Context(), fresh, cloud.RemovalOptions{})
		refused(t, err, http.StatusConflict)
	}
	if removed != many {
		t.Errorf("%d authorizations were removed", removed)
	}
}

// TestRemoveEnvironment removes a function, then an environment with the rest of its
// functions: links are dead, and the names can be used anew.
// Proves: OP-5, OP-7
func TestRemoveEnvironment(t *testing.T) {
	s := start(t)
	s.applyWorld(t)
	for _, name := range []string{"one-fn", "two-fn"} {
		_, err := s.Deploy(t.Context(), admin.Deployment{Env: env, Function: name}, bytes.NewReader(aZip(t)))
		must(t, err)
	}
	before := s.environmentNow(t, env).Functions
	must(t, s.RemoveFunction(t.Context(), env, "one-fn"))
	if err := s.RemoveFunction(t.Context(), env, "one-fn"); err == nil || !strings.Contains(err.Error(), "no function one-fn") {
		t.Errorf("removed again: %v", err)
	}
	if _, err := s.Function(t.Context(), env, "one-fn"); err == nil {
		t.Error("the function is there")
	}
	_, err := s.RemoveEnvironment(t.Context(), env, cloud.RemovalOptions{})
	if want := fmt.Sprintf("environment %s has %d functions", env, before-1); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("with functions: %v, want %s", err, want)
	}
	told, err := s.RemoveEnvironment(t.Context(), env, cloud.RemovalOptions{DryRun: true})
	must(t, err)
	if told.Done || told.Left.Functions != before-1 || s.environmentNow(t, env).Functions != before-1 {
		t.Errorf("told: %+v", told)
	}
	gone, err := s.RemoveEnvironment(t.Context(), env, cloud.RemovalOptions{Cascade: true})
	must(t, err)
	want := cloud.Removal{Done: true}
	want.Removed.Functions, want.Removed.Environments = before-1, 1
	if gone != want {
		t.Errorf("removed: %+v", gone)
	}
	if _, err := s.Environment(t.Context(), env); err == nil {
		t.Error("the environment is there")
	}
	again, err := s.PutEnvironment(t.Context(), env, cloud.EnvironmentChange{AppID: cloud.Given(mini)})
	must(t, err)
	if again.Functions != 0 || again.Version != cloud.FirstVersion || len(again.APIWhitelist) != 0 {
		t.Errorf("made anew: %+v", again)
	}
	history, err := s.WhitelistHistory(t.Context(), env)
	must(t, err)
	if len(history) != 1 {
		t.Errorf("history of what was made anew: %+v", history)
	}
}
