package admin_test

import (
	"bytes"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/tcb"
)

func (s *started) world(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	must(t, s.World(t.Context(), &b))
	return b.String()
}

// TestStatus: what is kept was counted before anybody asks.
// Proves: OP-9
func TestStatus(t *testing.T) {
	s := start(t)
	for st := (admin.Status{}); st.Stored == nil; time.Sleep(time.Millisecond) {
		var err error
		st, err = s.Status(t.Context())
		must(t, err)
		if st.Version == "" || st.Database != "sqlite" || st.Code != "folder" || st.Schema == 0 || len(st.KeyIDs) != 1 ||
			st.TestMode || time.Since(st.StartedAt) < 0 || st.AuditBacklogLimit == 0 || !st.LastBackup.IsZero() ||
			st.Stored != nil && (st.Stored.DatabaseBytes == 0 || st.Stored.MeasuredAt.IsZero()) {
			t.Fatalf("the status is %s", jsonOf(t, st))
		}
	}
	if st, err := startTests(t).Status(t.Context()); err != nil || !st.TestMode {
		t.Errorf("test mode is not told: %+v %v", st, err)
	}
}

// TestWorldRoundTrip: what is exported changes nothing where it is, and makes another
// server the same, once it has the secrets.
// Proves: OP-8
func TestWorldRoundTrip(t *testing.T) {
	s := start(t)
	s.applyWorld(t)
	odd := `no: "quoted", #{[ 夹 \\`
	_, err := s.ChangePlatform(t.Context(), platform, cloud.PlatformChange{
		Name: cloud.Given(odd), Disabled: cloud.Given(true), PermissionSets: cloud.Given([]int{64, 18}),
	})
	must(t, err)
	_, err = s.ChangeMiniProgram(t.Context(), other, cloud.MiniProgramChange{
		Name: cloud.Given("true"), Principal: cloud.Given(odd), Cloud: cloud.Given(false), Disabled: cloud.Given(true),
	})
	must(t, err)
	_, err = s.ChangeEnvironment(t.Context(), env, cloud.EnvironmentChange{
		Alias: cloud.Given("live"), Runtime: cloud.Given("http://127.0.0.1:9100"), Open: cloud.Given(false),
	})
	must(t, err)
	exported := s.world(t)
	for _, secret := range []string{"platform-one-secret", "ticket@@@one", "refreshtoken@@@"} {
		if strings.Contains(exported, secret) {
			t.Errorf("the export has %s", secret)
		}
	}
	applied, err := s.Apply(t.Context(), []byte(exported), nil)
	if must(t, err); len(applied.Changes)+len(applied.NotApplied) != 0 {
		t.Errorf("applied where it is: %+v\n%s", applied, exported)
	}
	empty := start(t)
	_, err = empty.Apply(t.Context(), []byte(exported), nil)
	if r := refused(t, err, http.StatusUnprocessableEntity); !strings.Contains(r.Error(), "needs secret") {
		t.Errorf("without secrets: %v", r)
	}
	secret := `{appid: "` + platform + `", `
	_, err = empty.Apply(t.Context(), []byte(strings.ReplaceAll(exported, secret, secret+`secret: platform-one-secret, `)), nil)
	must(t, err)
	if got := empty.world(t); got != exported {
		t.Errorf("the other server exports\n%s\nwant\n%s", got, exported)
	}
	for _, list := range []string{"platforms", "miniprograms", "environments", "authorizations"} {
		if got, want := empty.lasting(t, list), s.lasting(t, list); got != want {
			t.Errorf("the other server has\n%s\nwant\n%s", got, want)
		}
	}
}

// TestWorldHasConfigurations: what functions are configured with is exported, but for
// variables, makes another server's the same, and changes nothing where it is; what became
// otherwise since is told.
// Proves: OP-8, FC-1, FC-2
func TestWorldHasConfigurations(t *testing.T) {
	s, empty := start(t), start(t)
	s.applyWorld(t)
	set := s.functionsOf(t)
	odd := "{\"triggers\":[{\"name\":\"no\",\"type\":\"timer\",\"config\":\" 0 0\u00a02 *\\t* MON-FRI *\"}]}"
	for _, c := range []struct {
		name string
		kind tcb.FuncConfigType
		text string
	}{
		{"login", 3, `{"timeout":20,"environment":[{"key":"KEY","value":"hush"}]}`},
		{"login", 1, `{"permissions":{"openapi":["wxacode.get","no.yes"]}}`}, {"login", 2, odd},
		{"empty", 1, `{"permissions":{"openapi":[]}}`}, {"empty", 2, `{"triggers":[]}`},
	} {
		must(t, set.UploadFuncConfig(t.Context(), env, c.name, c.kind, c.text))
	}
	exported := s.world(t)
	for _, want := range []string{
		`  - {env: "` + env + `", name: "empty", openapi: [], triggers: []}` + "\n",
		`  - {env: "` + env + `", name: "login", timeout: 20, openapi: ["wxacode.get","no.yes"], ` +
			`triggers: [{"name":"no","config":"0 0 2 * * MON-FRI *"}]}` + "\n",
	} {
		if !strings.Contains(exported, want) {
			t.Errorf("exported is\n%s\nwithout %s", exported, want)
		}
	}
	if strings.Contains(exported, "hush") {
		t.Error("the export has a variable's value")
	}
	applied, err := s.Apply(t.Context(), []byte(exported), nil)
	if must(t, err); len(applied.Changes)+len(applied.NotApplied) != 0 {
		t.Errorf("applied where it is: %+v", applied)
	}
	secret := `{appid: "` + platform + `"`
	file := strings.Replace(exported, secret, secret+`, secret: platform-one-secret, verify_ticket: ticket@@@one`, 1)
	file = strings.Replace(file, "permission_sets: [18,49]}", "permission_sets: [18,49], refresh_token: refreshtoken@@@one-a1}", 1)
	_, err = empty.Apply(t.Context(), []byte(file), nil)
	must(t, err)
	if got := empty.world(t); got != exported {
		t.Errorf("the other server exports\n%s\nwant\n%s", got, exported)
	}
	others := empty.functionsOf(t)
	for kind, want := range map[tcb.FuncConfigType]string{
		1: `{"permissions":{"openapi":["wxacode.get","no.yes"]}}`, 3: `{"environment":[],"timeout":20}`,
		2: `{"triggers":[{"name":"no","type":"timer","config":"0 0 2 * * MON-FRI *"}]}`,
	} {
		if got, err := others.GetFuncConfig(t.Context(), env, "login", kind); err != nil || got != want {
			t.Errorf("the other server has %s, %v; want %s", got, err, want)
		}
	}
	must(t, set.UploadFuncConfig(t.Context(), env, "login", 3, `{"timeout":9}`))
	applied, err = s.Apply(t.Context(), []byte(exported), nil)
	want := cloud.Applied{Item: "function " + env + " login", Change: "timeout: it counts when the function is made, and is another now"}
	if must(t, err); len(applied.Changes) != 0 || !slices.Equal(applied.NotApplied, []cloud.Applied{want}) {
		t.Errorf("applied where it is another: %+v", applied)
	}
	f, err := s.Function(t.Context(), env, "login")
	if must(t, err); f.Timeout != 9 {
		t.Errorf("the function is %+v", f)
	}
}

// functionsOf is a platform that configures functions.
func (s *started) functionsOf(t *testing.T) *tcb.Client {
	t.Helper()
	return &tcb.Client{BaseURL: s.node.APIURL(), Tokens: tcb.StaticToken(s.authorizerToken(t))}
}

// passing are members that are another server's own.
var passing = regexp.MustCompile(`"(created_at|since|last_token_at|version|counts)":("[^"]*"|[0-9]+|\{[^}]*\}),?`)

// lasting is a list without what is another server's own.
func (s *started) lasting(t *testing.T, list string) string {
	t.Helper()
	_, text := s.request(t, "GET", "/v1/"+list, "", nil)
	return passing.ReplaceAllString(strings.ReplaceAll(text, "},{", "},\n{"), "")
}
