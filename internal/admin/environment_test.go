package admin_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/cloud"
)

func (s *started) environmentNow(t *testing.T, id string) cloud.EnvironmentView {
	t.Helper()
	e, err := s.Environment(t.Context(), id)
	must(t, err)
	return e
}

// TestEnvironment makes environments of a Mini Program and of a platform, changes
// them, and replaces one whole.
// Proves: OP-3
func TestEnvironment(t *testing.T) {
	s := start(t)
	s.applyWorld(t)
	made, err := s.PutEnvironment(t.Context(), "prod-1a2b3c", cloud.EnvironmentChange{
		AppID: cloud.Given(mini), Alias: cloud.Given("prod"), APIWhitelist: cloud.Given([]string{"/wxa/one"}),
	})
	must(t, err)
	if made.AppID != mini || made.Alias != "prod" || !slices.Equal(made.APIWhitelist, []string{"/wxa/one"}) ||
		made.Version != cloud.FirstVersion {
		t.Errorf("made: %+v", made)
	}
	batch, err := s.PutEnvironment(t.Context(), "batch-1a2b3c", cloud.EnvironmentChange{Platform: cloud.Given(platform)})
	must(t, err)
	if batch.Platform != platform || batch.AppID != "" || len(batch.APIWhitelist) != 0 {
		t.Errorf("made for batches: %+v", batch)
	}
	changed, err := s.ChangeEnvironment(t.Context(), "prod-1a2b3c", cloud.EnvironmentChange{
		Alias: cloud.Given("live"), Open: cloud.Given(!made.Open), APIWhitelist: cloud.Given([]string{"/wxa/two"}),
	})
	must(t, err)
	if changed.Alias != "live" || changed.Open == made.Open || changed.Version != made.Version+2 ||
		!slices.Equal(changed.APIWhitelist, []string{"/wxa/two"}) {
		t.Errorf("changed: %+v", changed)
	}
	away := cloud.Maybe[string]{Given: true, Null: true}
	named, err := s.ChangeEnvironment(t.Context(), "prod-1a2b3c", cloud.EnvironmentChange{Alias: away})
	must(t, err)
	if named.Alias != "" || named.Version != changed.Version {
		t.Errorf("without alias: %+v", named)
	}
	replaced, err := s.PutEnvironment(t.Context(), "prod-1a2b3c", cloud.EnvironmentChange{})
	must(t, err)
	if len(replaced.APIWhitelist) != 0 || replaced.Open != changed.Open || replaced.Version != changed.Version+2 {
		t.Errorf("replaced: %+v", replaced)
	}
	history, err := s.WhitelistHistory(t.Context(), "prod-1a2b3c")
	must(t, err)
	if n := len(history); n != 3 || !history[1].Operator || !slices.Equal(history[1].Whitelist, []string{"/wxa/two"}) {
		t.Errorf("history: %+v", history)
	}
	want := []string{
		"environment: added", fmt.Sprintf("environment: open=%t entries=1 version=2", changed.Open),
		"environment: alias", fmt.Sprintf("environment: open=%t entries=0 version=4", changed.Open),
	}
	if got := s.details(t, "env prod-1a2b3c"); !slices.Equal(got, want) {
		t.Errorf("recorded: %q", got)
	}
}

// TestEnvironmentList lists environments by id and by what they belong to.
// Proves: OP-3
func TestEnvironmentList(t *testing.T) {
	s := start(t)
	s.applyWorld(t)
	for i := range 5 {
		_, err := s.PutEnvironment(t.Context(), fmt.Sprintf("page-%d-1a2b", i), cloud.EnvironmentChange{
			AppID: cloud.Given(mini), Alias: cloud.Given([]string{"even", "odd"}[i%2]),
		})
		must(t, err)
	}
	_, err := s.PutEnvironment(t.Context(), "page-9-1a2b", cloud.EnvironmentChange{Platform: cloud.Given(platform)})
	must(t, err)
	ids := func(query string) (got []string) {
		t.Helper()
		values, _ := url.ParseQuery(query)
		must(t, s.Environments(t.Context(), values, func(e cloud.EnvironmentView) error {
			if strings.HasPrefix(e.ID, "page-") {
				got = append(got, e.ID[5:6])
			}
			return nil
		}))
		return got
	}
	for query, want := range map[string]string{
		"": "012349", "limit=1": "012349", "alias=even&limit=2": "024", "appid=" + mini: "01234",
		"platform=" + platform: "9", "appid=" + platform: "", "platform=" + mini: "",
	} {
		if got := strings.Join(ids(query), ""); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
}

// TestIfMatch: of two operators who change one environment, the second is told what
// the first did, and changes nothing.
// Proves: OP-3
func TestIfMatch(t *testing.T) {
	s := start(t)
	s.applyWorld(t)
	patch := func(match, body string) (*http.Response, string) {
		t.Helper()
		return s.request(t, "PATCH", "/v1/environments/"+env, body,
			http.Header{"If-Match": {match}, "Content-Type": {"application/json"}})
	}
	resp, _ := s.request(t, "GET", "/v1/environments/"+env, "", nil)
	tag := resp.Header.Get("ETag")
	if resp, text := patch(tag, `{"api_whitelist":["/wxa/first"]}`); resp.StatusCode != http.StatusOK || resp.Header.Get("ETag") == tag {
		t.Fatalf("first: %d %s", resp.StatusCode, text)
	}
	before := s.environmentNow(t, env)
	resp, text := patch(tag, `{"api_whitelist":["/wxa/second"],"alias":"x"}`)
	if resp.StatusCode != http.StatusPreconditionFailed || !strings.Contains(text, "the operator set open=") ||
		!strings.Contains(text, "1 entries through "+env) {
		t.Errorf("second: %d %s", resp.StatusCode, text)
	}
	resp, text = s.request(t, "DELETE", "/v1/environments/"+env+"?cascade=true", "", http.Header{"If-Match": {tag}})
	if resp.StatusCode != http.StatusPreconditionFailed || !strings.Contains(text, "the operator set open=") {
		t.Errorf("a removal of what was there before: %d %s", resp.StatusCode, text)
	}
	if after := s.environmentNow(t, env); jsonOf(t, after) != jsonOf(t, before) {
		t.Errorf("it is %+v now", after)
	}
	if resp, text := patch("*", `{"api_whitelist":["/wxa/third"]}`); resp.StatusCode != http.StatusOK {
		t.Errorf("*: %d %s", resp.StatusCode, text)
	}
	if resp, text := patch("soon", `{}`); resp.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(text, "If-Match") {
		t.Errorf("soon: %d %s", resp.StatusCode, text)
	}
}

// TestEnvironmentRefused: what cannot be is refused with the member's name, and
// nothing is there afterwards.
// Proves: OP-3
func TestEnvironmentRefused(t *testing.T) {
	s := start(t)
	s.applyWorld(t)
	for _, c := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"PUT", "new-1a2b3c", `{}`, 422, `"member":"appid"`},
		{"PUT", "new-1a2b3c", `{"appid":"` + mini + `","platform":"` + platform + `"}`, 422, `"member":"appid"`},
		{"PUT", "new-1a2b3c", `{"appid":"` + platform + `"}`, 404, "no Mini Program"},
		{"PUT", "new-1a2b3c", `{"platform":"` + mini + `"}`, 404, "no platform"},
		{"PUT", "New", `{"appid":"` + mini + `"}`, 422, `"member":"id"`},
		{"PUT", "new-1a2b3c", `{"appid":"` + mini + `","api_whitelist":["no"]}`, 422, `"member":"api_whitelist"`},
		{"PUT", env, `{"platform":"` + platform + `"}`, 409, "belongs to " + mini},
		{"PATCH", env, `{"appid":"` + mini + `"}`, 422, "never moves"},
		{"PATCH", env, `{"api_whitelist":["no"]}`, 422, `"member":"api_whitelist"`},
		{"PATCH", env, `{"alias":"a\nb"}`, 422, `"member":"alias"`},
		{"PATCH", env, `{"open":"yes"}`, 422, `"member":"open"`},
		{"PATCH", env, `{"opn":true}`, 422, "did you mean open?"},
		{"PATCH", "none-1a2b", `{"open":true}`, 404, "no environment none-1a2b"},
		{"GET", "none-1a2b", ``, 404, "no environment none-1a2b"},
	} {
		resp, text := s.request(t, c.method, "/v1/environments/"+c.path, c.body, http.Header{"Content-Type": {"application/json"}})
		if resp.StatusCode != c.status || !strings.Contains(text, c.want) {
			t.Errorf("%s %s %s: %d %s, want %d with %s", c.method, c.path, c.body, resp.StatusCode, text, c.status, c.want)
		}
	}
	if _, err := s.Environment(t.Context(), "new-1a2b3c"); err == nil {
		t.Error("an environment was made")
	}
}

// TestAuthorizationResource gives, lists and cancels authorizations as resources.
// Proves: OP-4
func TestAuthorizationResource(t *testing.T) {
	s := start(t)
	s.applyWorld(t)
	minis := s.manyMiniPrograms(t, 5)
	for _, appid := range minis {
		resp, text := s.request(t, "POST", "/v1/authorizations",
			`{"platform":"`+platform+`","appid":"`+appid+`","permission_sets":[18,49]}`, http.Header{"Content-Type": {"application/json"}})
		if resp.StatusCode != http.StatusCreated || !strings.Contains(text, "queryauthcode@@@") {
			t.Fatalf("POST: %d %s", resp.StatusCode, text)
		}
	}
	for _, appid := range minis[3:] {
		if resp, text := s.request(t, "DELETE", "/v1/authorizations/"+platform+"/"+appid, "", nil); resp.StatusCode != http.StatusNoContent {
			t.Fatalf("DELETE: %d %s", resp.StatusCode, text)
		}
	}
	appids := func(query string) (got []string) {
		t.Helper()
		values, _ := url.ParseQuery(query)
		must(t, s.Authorizations(t.Context(), values, func(a cloud.AuthorizationView) error {
			if slices.Contains(minis, a.AppID) {
				got = append(got, a.AppID)
			}
			return nil
		}))
		return got
	}
	for query, want := range map[string][]string{
		"": minis, "limit=1": minis, "limit=2&platform=" + platform: minis, "in_force=true": minis[:3],
		"in_force=false&limit=1": minis[3:], "appid=" + minis[1]: minis[1:2], "platform=" + mini: nil,
	} {
		if got := appids(query); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
	a, err := s.Authorization(t.Context(), platform, minis[0])
	must(t, err)
	if !a.InForce || a.Since.IsZero() || !a.LastTokenAt.IsZero() || !slices.Equal(a.PermissionSets, []int{18, 49}) {
		t.Errorf("in force: %+v", a)
	}
	if a, err = s.Authorization(t.Context(), platform, minis[4]); err != nil || a.InForce {
		t.Errorf("cancelled: %+v, %v", a, err)
	}
	for _, path := range []string{"/v1/authorizations/" + platform + "/" + fresh, "/v1/authorizations/" + fresh + "/" + mini} {
		if resp, text := s.request(t, "GET", path, "", nil); resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d %s", path, resp.StatusCode, text)
		}
	}
}

// TestFunctionResource lists functions and gives their code to the operator, each
// time with a record.
// Proves: OP-5
func TestFunctionResource(t *testing.T) {
	s := start(t)
	s.applyWorld(t)
	code, err := s.Deploy(t.Context(), admin.Deployment{Env: env, Function: "login"}, strings.NewReader(string(aZip(t))))
	must(t, err)
	f, err := s.Function(t.Context(), env, "login")
	must(t, err)
	if f.Sum != code.SHA256 || f.Size != int64(len(aZip(t))) || f.Owner != "" || f.ModifiedAt.IsZero() {
		t.Errorf("function: %+v", f)
	}
	var names []string
	must(t, s.Functions(t.Context(), env, func(f cloud.FunctionView) error {
		names = append(names, f.Name)
		return nil
	}))
	if !slices.IsSorted(names) || !slices.Contains(names, "login") {
		t.Errorf("listed: %q", names)
	}
	var got strings.Builder
	must(t, s.ReadCode(t.Context(), env, "login", &got))
	if got.String() != string(aZip(t)) {
		t.Errorf("the code has %d bytes", got.Len())
	}
	read := func(detail string) bool { return strings.HasPrefix(detail, "code:") }
	if said := s.details(t, "env "+env+" function login"); !slices.ContainsFunc(said, read) {
		t.Errorf("recorded: %q", said)
	}
	for path, status := range map[string]int{
		"none-1a2b/functions": 404, env + "/functions/none": 404, env + "/functions/none/code": 404, env + "/functions?offset=1": 422,
	} {
		if resp, text := s.request(t, "GET", "/v1/environments/"+path, "", nil); resp.StatusCode != status {
			t.Errorf("%s: %d %s, want %d", path, resp.StatusCode, text, status)
		}
	}
}

// TestAliasInFile: what a world file says of an alias and a runtime counts each time,
// and the exported file says it.
// Proves: OP-8, IV-5
func TestAliasInFile(t *testing.T) {
	s := start(t)
	s.applyWorld(t)
	for _, c := range []struct{ says, want, exported string }{
		{"alias: live", "live", `alias: "live"`}, {"open: true", "live", `alias: "live"`}, {"alias: null", "", ""},
		{`runtime: "http://a:1/b"`, "http://a:1/b", `runtime: "http://a:1/b"`},
		{"open: true", "http://a:1/b", `runtime: "http://a:1/b"`}, {`runtime: ""`, "", ""},
	} {
		_, err := s.Apply(t.Context(), []byte("environments: [{id: "+env+", appid: "+mini+", "+c.says+"}]"), nil)
		must(t, err)
		now := s.environmentNow(t, env)
		if got := now.Alias + now.Runtime; got != c.want {
			t.Errorf("%s: it is %q, want %q", c.says, got, c.want)
		}
		_, file := s.request(t, "GET", "/v1/world", "", nil)
		said := strings.Contains(file, "alias") || strings.Contains(file, "runtime")
		if said != (c.exported != "") || !strings.Contains(file, c.exported) {
			t.Errorf("%s: exported is %s", c.says, file)
		}
	}
	_, err := s.Apply(t.Context(), []byte("environments: [{id: "+env+", appid: "+mini+", runtime: here}]"), nil)
	if err == nil || !strings.Contains(err.Error(), "runtime must be http://HOST") {
		t.Errorf("a runtime that is no address: %v", err)
	}
}
