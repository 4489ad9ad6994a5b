package admin_test

import (
	"bytes"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/cloud"
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

// passing are members that are another server's own.
var passing = regexp.MustCompile(`"(created_at|since|last_token_at|version|counts)":("[^"]*"|[0-9]+|\{[^}]*\}),?`)

// lasting is a list without what is another server's own.
func (s *started) lasting(t *testing.T, list string) string {
	t.Helper()
	_, text := s.request(t, "GET", "/v1/"+list, "", nil)
	return passing.ReplaceAllString(strings.ReplaceAll(text, "},{", "},\n{"), "")
}
