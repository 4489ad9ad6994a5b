package admin_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
)

const fresh = "wx00000000000000cc"

// componentToken asks for a component token as a platform would, and returns it, or
// the errcode.
func (s *started) componentToken(t *testing.T, appid, secret string) (string, int) {
	t.Helper()
	ticket, err := s.Ticket(t.Context(), appid)
	must(t, err)
	answer := s.call(t, "/cgi-bin/component/api_component_token",
		`{"component_appid":"`+appid+`","component_appsecret":"`+secret+`","component_verify_ticket":"`+ticket+`"}`)
	token, _ := answer["component_access_token"].(string)
	code, _ := answer["errcode"].(float64)
	return token, int(code)
}

// goodToken reports whether a component token is taken by the platform's interfaces.
func (s *started) goodToken(t *testing.T, appid, token string) bool {
	t.Helper()
	answer := s.call(t, "/cgi-bin/component/api_create_preauthcode?component_access_token="+token,
		`{"component_appid":"`+appid+`"}`)
	return answer["pre_auth_code"] != nil
}

// details are what the audit record says of changes of a target, oldest first.
func (s *started) details(t *testing.T, target string) (all []string) {
	t.Helper()
	for _, rec := range s.records(t, nil) {
		if rec.Target == target && rec.Operator {
			all = append(all, rec.Action+": "+rec.Detail)
		}
	}
	return all
}

// TestPlatform makes a platform, changes it member by member, and replaces it.
// Proves: OP-1
func TestPlatform(t *testing.T) {
	s := start(t)
	before := time.Now().Truncate(time.Millisecond)
	p, err := s.PutPlatform(t.Context(), fresh, cloud.PlatformChange{
		Name: cloud.Given("Shop builder"), PermissionSets: cloud.Given([]int{18, 49}),
	})
	must(t, err)
	if p.AppID != fresh || p.Name != "Shop builder" || p.Disabled || !slices.Equal(p.PermissionSets, []int{18, 49}) ||
		len(p.Secret) < 16 || p.CreatedAt.Before(before) || p.Counts != (cloud.PlatformCounts{}) {
		t.Errorf("made: %+v", p)
	}
	if token, code := s.componentToken(t, fresh, p.Secret); !s.goodToken(t, fresh, token) {
		t.Errorf("the secret that was shown is good for %q, %d", token, code)
	}
	want, secret := p, p.Secret
	want.Secret = "" // shown once
	again := func(what string, got cloud.PlatformView, err error) {
		t.Helper()
		must(t, err)
		shown, err := s.Platform(t.Context(), fresh)
		must(t, err)
		for _, p := range []cloud.PlatformView{got, shown} {
			if a, b := jsonOf(t, p), jsonOf(t, want); a != b {
				t.Errorf("%s:\n got %s\nwant %s", what, a, b)
			}
		}
	}
	again("shown", want, nil)
	p, err = s.ChangePlatform(t.Context(), fresh, cloud.PlatformChange{Name: cloud.Given("Builder")})
	want.Name = "Builder"
	again("renamed", p, err)
	p, err = s.ChangePlatform(t.Context(), fresh, cloud.PlatformChange{})
	again("changed in nothing", p, err)
	p, err = s.PutPlatform(t.Context(), fresh, cloud.PlatformChange{Disabled: cloud.Given(true)})
	want.Name, want.PermissionSets, want.Disabled = "", nil, true
	again("replaced whole", p, err)
	away := cloud.Maybe[bool]{Given: true, Null: true}
	p, err = s.ChangePlatform(t.Context(), fresh, cloud.PlatformChange{Disabled: away})
	want.Disabled = false
	again("null is away", p, err)
	if token, _ := s.componentToken(t, fresh, secret); token == "" {
		t.Error("the secret did not stay")
	}
	if got, want := s.details(t, "platform "+fresh), []string{
		"platform: added, name, permission_sets [18 49]", "platform: name",
		"platform: name, disabled, permission_sets []", "platform: enabled",
	}; !slices.Equal(got, want) {
		t.Errorf("recorded %q, want %q", got, want)
	}
}

func jsonOf(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	must(t, err)
	return string(text)
}

// TestPlatformSecret replaces a secret: tokens issued for the one before are void,
// unless they are kept.
// Proves: OP-1
func TestPlatformSecret(t *testing.T) {
	s := start(t)
	_, err := s.PutPlatform(t.Context(), fresh, cloud.PlatformChange{Secret: cloud.Given("the-first-of-them")})
	must(t, err)
	first, _ := s.componentToken(t, fresh, "the-first-of-them")
	made, err := s.SetPlatformSecret(t.Context(), fresh, "the-second-of-them", true)
	if must(t, err); made != "" {
		t.Error("a secret that was given is shown")
	}
	if !s.goodToken(t, fresh, first) {
		t.Error("a token that was to stay is void")
	}
	if _, code := s.componentToken(t, fresh, "the-first-of-them"); code != 40125 {
		t.Errorf("the secret of before: %d", code)
	}
	made, err = s.SetPlatformSecret(t.Context(), fresh, "", false)
	must(t, err)
	if s.goodToken(t, fresh, first) {
		t.Error("a token issued for the secret of before is good")
	}
	if token, _ := s.componentToken(t, fresh, made); !s.goodToken(t, fresh, token) {
		t.Error("the secret that was made is not good")
	}
	resp, text := s.request(t, "POST", "/v1/platforms/"+fresh+"/secret", "", nil)
	if resp.StatusCode != http.StatusOK || !strings.Contains(text, `"secret":"`) {
		t.Errorf("without a body: %d %s", resp.StatusCode, text)
	}
	if got, want := s.details(t, "platform "+fresh)[1:], []string{
		"platform-secret: secret replaced, tokens kept", "platform-secret: secret replaced", "platform-secret: secret replaced",
	}; !slices.Equal(got, want) {
		t.Errorf("recorded %q, want %q", got, want)
	}
}

// TestConsentWithoutSets gives what the platform asks for.
// Proves: OP-1
func TestConsentWithoutSets(t *testing.T) {
	s := start(t)
	s.applyWorld(t)
	_, err := s.Authorize(t.Context(), platform, other, nil)
	if r := refused(t, err, http.StatusUnprocessableEntity); r.Member != "permission_sets" {
		t.Errorf("refused: %+v", r)
	}
	_, err = s.ChangePlatform(t.Context(), platform, cloud.PlatformChange{PermissionSets: cloud.Given([]int{64, 18})})
	must(t, err)
	_, err = s.Authorize(t.Context(), platform, other, nil)
	must(t, err)
	all := s.records(t, url.Values{"account": {other}})
	if last := all[len(all)-1]; last.Detail != "sets [64 18]" {
		t.Errorf("granted: %+v", last)
	}
}

// TestMiniProgram makes a Mini Program, changes it, and replaces it.
// Proves: OP-2
func TestMiniProgram(t *testing.T) {
	s := start(t)
	s.applyWorld(t)
	m, err := s.PutMiniProgram(t.Context(), fresh, cloud.MiniProgramChange{
		Name: cloud.Given("Corner shop"), Principal: cloud.Given("Zhang San"), Cloud: cloud.Given(false),
	})
	must(t, err)
	want := cloud.MiniProgram{AppID: fresh, Name: "Corner shop", Principal: "Zhang San", CreatedAt: m.CreatedAt}
	check := func(what string, got cloud.MiniProgram, err error) {
		t.Helper()
		if must(t, err); got != want || got.CreatedAt.IsZero() {
			t.Errorf("%s:\n got %+v\nwant %+v", what, got, want)
		}
	}
	check("made", m, nil)
	m, err = s.ChangeMiniProgram(t.Context(), fresh, cloud.MiniProgramChange{Principal: cloud.Given("")})
	want.Principal = ""
	check("principal away", m, err)
	m, err = s.PutMiniProgram(t.Context(), fresh, cloud.MiniProgramChange{Disabled: cloud.Given(true)})
	want.Name, want.Cloud, want.Disabled = "", true, true
	check("replaced whole", m, err)
	m, err = s.MiniProgram(t.Context(), fresh)
	check("shown", m, err)
	m, err = s.MiniProgram(t.Context(), mini)
	must(t, err)
	if m.Counts != (cloud.Counts{Environments: 1, Functions: 2, Authorizations: 1, InForce: 1}) || !m.Cloud {
		t.Errorf("of the world: %+v", m)
	}
	if got, want := s.details(t, "Mini Program "+fresh), []string{
		"miniprogram: added, name, principal, cloud=false", "miniprogram: principal", "miniprogram: name, cloud=true, disabled",
	}; !slices.Equal(got, want) {
		t.Errorf("recorded %q, want %q", got, want)
	}
}

// TestResourceMistakes sends what cannot be: each is told in a sentence, with the
// member's name, and changes nothing.
// Proves: OP-1, OP-2
func TestResourceMistakes(t *testing.T) {
	s := start(t)
	s.applyWorld(t)
	minis, plats := "/v1/miniprograms/", "/v1/platforms/"
	for _, c := range []struct {
		method, path, body string
		status             int
		member, message    string
	}{
		{"PUT", minis + "wx12", `{}`, 422, "appid", "wx and 16 lower-case hex digits"},
		{"PUT", plats + "wx12", `{}`, 422, "appid", "wx and 16 lower-case hex digits"},
		{"PUT", minis + platform, `{}`, 409, "", "is no Mini Program"},
		{"PUT", plats + mini, `{}`, 409, "", "is no platform"},
		{"PATCH", minis + platform, `{}`, 404, "", "no Mini Program " + platform},
		{"PATCH", plats + mini, `{}`, 404, "", "no platform " + mini},
		{"PATCH", plats + fresh, `{}`, 404, "", "no platform " + fresh},
		{"GET", plats + fresh, "", 404, "", "no platform " + fresh},
		{"GET", minis + platform, "", 404, "", "no Mini Program"},
		{"GET", minis + mini + "?a=1", "", 422, "a", "no parameter"},
		{"PATCH", minis + mini + "?a=1", "{}", 422, "a", "no parameter"},
		{"PATCH", minis + mini, `{"nme":"x"}`, 422, "nme", "did you mean name?"},
		{"PATCH", minis + mini, `{"counts":{}}`, 422, "counts", "no member"},
		{"PATCH", minis + mini, `{"Name":"x"}`, 422, "Name", "did you mean name?"},
		{"PATCH", minis + mini, `{"name":"a","name":"b"}`, 422, "name", "there twice"},
		{"PATCH", minis + mini, `{"name":7}`, 422, "name", "name must be a text"},
		{"PATCH", minis + mini, `{"name":"a\nb"}`, 422, "name", "one line"},
		{"PATCH", minis + mini, `{"principal":"` + strings.Repeat("x", 257) + `"}`, 422, "principal", "at most 256"},
		{"PATCH", minis + mini, `{"cloud":"no"}`, 422, "cloud", "true or false"},
		{"PATCH", minis + mini, `{"disabled":1}`, 422, "disabled", "true or false"},
		{"PATCH", plats + platform, `{"permission_sets":49}`, 422, "permission_sets", "a list"},
		{"PATCH", plats + platform, `{"permission_sets":["49"]}`, 422, "permission_sets", "number"},
		{"PATCH", plats + platform, `{"permission_sets":[49,49]}`, 422, "permission_sets", "each once"},
		{"PATCH", plats + platform, `{"secret":"a-secret-of-the-platform"}`, 422, "secret", "/secret replaces it"},
		{"PUT", plats + platform, `{"secret":"a-secret-of-the-platform"}`, 422, "secret", "/secret replaces it"},
		{"PUT", plats + fresh, `{"secret":"15-characters-x"}`, 422, "secret", "16 to 128"},
		{"POST", plats + platform + "/secret", `{"secret":"has white space in it"}`, 422, "secret", "without spaces"},
		{"POST", plats + platform + "/secret", `{"scret":"x"}`, 422, "scret", "did you mean secret?"},
		{"POST", plats + platform + "/secret?revoke=false", `{}`, 422, "revoke", "revoke_tokens"},
		{"POST", plats + fresh + "/secret", `{}`, 404, "", "no platform"},
		{"PATCH", minis + mini, `[]`, 400, "", "JSON object"},
		{"PATCH", minis + mini, ` `, 400, "", "JSON object"},
		{"PATCH", minis + mini, `null`, 400, "", "JSON object"},
		{"PATCH", minis + mini, `{"name":"x"`, 400, "", "JSON object"},
		{"PATCH", minis + mini, `{"name":"x"}{}`, 400, "", "something follows"},
		{"PATCH", minis + mini, `{"name":"` + strings.Repeat("x", 64<<10) + `"}`, 413, "", "over 65536 bytes"},
	} {
		resp, text := s.request(t, c.method, c.path, c.body, nil)
		member := ""
		if c.member != "" {
			member = `"member":"` + c.member + `"`
		}
		if resp.StatusCode != c.status || !strings.Contains(text, c.message) || !strings.Contains(text, member) {
			t.Errorf("%s %s %.60s: %d %s, want %d with %q and %s", c.method, c.path, c.body, resp.StatusCode, text,
				c.status, c.message, member)
		}
	}
	if again := s.applyWorld(t); len(again) != 0 {
		t.Errorf("something was changed: %q", again)
	}
}

// TestBeingDisabled: a runtime of a disabled account gets no token, and another
// once it is in use again.
// Proves: OP-6
func TestBeingDisabled(t *testing.T) {
	s := start(t)
	s.applyWorld(t)
	credential, err := s.Credential(t.Context(), env, 0, false)
	must(t, err)
	ask := func() int {
		resp, _ := s.request(t, "POST", "/v1/environments/"+env+"/token", "",
			http.Header{"Authorization": {"Bearer " + credential.Credential}})
		return resp.StatusCode
	}
	for _, step := range []struct {
		disabled bool
		status   int
	}{{false, 200}, {true, 409}, {false, 200}} {
		_, err := s.ChangeMiniProgram(t.Context(), mini, cloud.MiniProgramChange{Disabled: cloud.Given(step.disabled)})
		if must(t, err); ask() != step.status {
			t.Errorf("disabled %t: %d, want %d", step.disabled, ask(), step.status)
		}
	}
}

// parsed reads a JSON value.
func parsed[T any](t *testing.T, text string) (v T) {
	t.Helper()
	must(t, json.Unmarshal([]byte(text), &v))
	return v
}

// TestPlatformLimits sets quotas and addresses, sees them, and takes them away. What
// cannot be is refused by the member's name.
// Proves: QU-1, QU-4
func TestPlatformLimits(t *testing.T) {
	s := start(t)
	s.applyWorld(t)
	path := "/v1/platforms/" + platform
	const limits = `"quotas":{"interfaces":{"getcodesecret":{"day":1000,"minute":50}},"all":{"day":10000}},"ip_whitelist":["192.0.2.7","10.0.0.0/8"]`
	for _, c := range []struct {
		method, body string
		status       int
		has          string
	}{
		{"PATCH", "{" + limits + "}", 200, limits},
		{"PATCH", `{"name":"Shop"}`, 200, limits},
		{"PATCH", `{"quotas":{"all":{"minute":7}}}`, 200, `"quotas":{"all":{"minute":7}},"ip_whitelist":["192.0.2.7","10.0.0.0/8"]`},
		{"PATCH", `{"quotas":null,"ip_whitelist":[]}`, 200, `"disabled":false,"counts"`},
		{"PUT", "{" + limits + "}", 200, limits},
		{"PUT", "{}", 200, `"disabled":false,"counts"`},
		{"PATCH", `{"quotas":{"interfaces":{"nosuch":{"day":1}}}}`, 422, `"member":"quotas"`},
		{"PATCH", `{"quotas":{"interfaces":{"api_component_token":{"day":1}}}}`, 422, `"member":"quotas"`},
		{"PATCH", `{"quotas":{"all":{"day":0}}}`, 422, `"member":"quotas"`},
		{"PATCH", `{"quotas":{"all":{"hour":1}}}`, 422, `"member":"quotas"`},
		{"PATCH", `{"quotas":{"every":{}}}`, 422, `"member":"quotas"`},
		{"PATCH", `{"quotas":7}`, 422, `"member":"quotas"`},
		{"PATCH", `{"quotas":{"all":{"day":"5"}}}`, 422, `quotas: all.day must be a number`},
		{"PATCH", `{"ip_whitelist":["192.0.2.7/24"]}`, 422, `"member":"ip_whitelist"`},
		{"PATCH", `{"ip_whitelist":"192.0.2.7"}`, 422, `"member":"ip_whitelist"`},
		{"PATCH", `{"ip_whitelist":[null]}`, 422, `"member":"ip_whitelist"`},
		{"GET", "", 200, `"disabled":false,"counts"`},
	} {
		resp, text := s.request(t, c.method, path, c.body, nil)
		if resp.StatusCode != c.status || !strings.Contains(text, c.has) {
			t.Errorf("%s %s: %d %s, want %d and %s", c.method, c.body, resp.StatusCode, text, c.status, c.has)
		}
	}
}

// TestIfMatchOfAccounts: of two operators who decided on the same, the second is told what
// the first did.
//
// Proves: OP-1, OP-2
func TestIfMatchOfAccounts(t *testing.T) {
	s := start(t)
	s.applyWorld(t)
	for _, path := range []string{"/v1/platforms/" + platform, "/v1/miniprograms/" + mini} {
		change := func(method, match, body string) (*http.Response, string) {
			t.Helper()
			return s.request(t, method, path, body, http.Header{"If-Match": {match}, "Content-Type": {"application/json"}})
		}
		resp, _ := s.request(t, "GET", path, "", nil)
		seen := resp.Header.Get("ETag")
		resp, text := change("PATCH", seen, `{"name":"First"}`)
		if resp.StatusCode != http.StatusOK || resp.Header.Get("ETag") == seen || seen == "" {
			t.Fatalf("%s, first: %d %s, ETag %q after %q", path, resp.StatusCode, text, resp.Header.Get("ETag"), seen)
		}
		now := resp.Header.Get("ETag")
		for _, method := range []string{"PATCH", "PUT"} {
			resp, text = change(method, seen, `{"name":"Second"}`)
			if resp.StatusCode != http.StatusPreconditionFailed || !strings.Contains(text, "First") {
				t.Errorf("%s %s, second: %d %s", method, path, resp.StatusCode, text)
			}
		}
		resp, text = s.request(t, "DELETE", path+"?cascade=true", "", http.Header{"If-Match": {seen}})
		if resp.StatusCode != http.StatusPreconditionFailed || !strings.Contains(text, "First") {
			t.Errorf("DELETE %s, second: %d %s", path, resp.StatusCode, text)
		}
		if resp, text = change("PUT", now, `{"name":"Second"}`); resp.StatusCode != http.StatusOK {
			t.Errorf("%s, on what is there: %d %s", path, resp.StatusCode, text)
		}
		if resp, text = change("PATCH", "*", `{"name":"Third"}`); resp.StatusCode != http.StatusOK {
			t.Errorf("%s, on whatever is there: %d %s", path, resp.StatusCode, text)
		}
	}
	const empty = "/v1/miniprograms/wx00000000000000ee"
	resp, _ := s.request(t, "PUT", empty, "{}", nil)
	s.request(t, "PATCH", empty, `{"name":"First"}`, nil)
	resp, text := s.request(t, "DELETE", empty, "", http.Header{"If-Match": {resp.Header.Get("ETag")}})
	if resp.StatusCode != http.StatusPreconditionFailed || !strings.Contains(text, "First") {
		t.Errorf("DELETE of what has nothing below it, second: %d %s", resp.StatusCode, text)
	}
	for _, path := range []string{"/v1/platforms/wx00000000000000ff", "/v1/miniprograms/wx00000000000000ff", "/v1/environments/gone-1a2b3c"} {
		body := http.Header{"If-Match": {`"1"`}, "Content-Type": {"application/json"}}
		if resp, text := s.request(t, "PUT", path, "{}", body); resp.StatusCode != http.StatusPreconditionFailed {
			t.Errorf("PUT of what is gone, %s: %d %s", path, resp.StatusCode, text)
		}
	}
}
