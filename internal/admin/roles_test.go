package admin_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/cloud"
)

// tokenOf makes a token with a role, and returns it.
func (s *started) tokenOf(t *testing.T, name string, role cloud.Role) string {
	t.Helper()
	made, err := s.CreateAdminToken(t.Context(), admin.NewAdminToken{Name: name, Role: role})
	must(t, err)
	return made.Token
}

// bearer is the header of a request with a token.
func bearer(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }

// TestRoles sends a request for every operation of the OpenAPI document with a
// token of every role: those that x-roles names are let in, the others are told
// which roles are. An operation without x-roles is open to everybody, or a fault.
//
// Proves: AD-1
func TestRoles(t *testing.T) {
	s := start(t)
	s.applyWorld(t)
	tokens := map[cloud.Role]string{}
	for _, role := range cloud.Roles {
		tokens[role] = s.tokenOf(t, "of-"+string(role), role)
	}
	for path, item := range document(t).Paths.Map() {
		for method, op := range item.Operations() {
			name := method + " " + path
			if op.Security != nil && len(*op.Security) == 0 {
				continue
			}
			roles := rolesOf(t, op.Extensions["x-roles"])
			if len(roles) == 0 {
				t.Errorf("%s has no x-roles", name)
			}
			if op.Extensions["x-test-mode"] == true && !slices.Contains(roles, cloud.RoleDeveloper) {
				t.Errorf("%s is of test mode, and not for developers", name)
			}
			for _, role := range cloud.Roles {
				resp, text := s.request(t, method, fill(path), "{}", bearer(tokens[role]))
				refused := resp.StatusCode == http.StatusForbidden
				if refused == slices.Contains(roles, role) || resp.StatusCode == http.StatusUnauthorized {
					t.Errorf("%s as %s: %d %s", name, role, resp.StatusCode, text)
				}
				want := fmt.Sprintf("the token has the role %s, and this needs %s", role, strings.Join(texts(roles), " or "))
				if refused && !strings.Contains(text, want) {
					t.Errorf("%s as %s: %s, want %q", name, role, text, want)
				}
			}
		}
	}
}

// rolesOf reads an x-roles of the document.
func rolesOf(t *testing.T, v any) (roles []cloud.Role) {
	t.Helper()
	text, err := json.Marshal(v)
	must(t, err)
	must(t, json.Unmarshal(text, &roles))
	for _, role := range roles {
		if !slices.Contains(cloud.Roles, role) {
			t.Errorf("there is no role %s", role)
		}
	}
	return roles
}

func texts(roles []cloud.Role) []string {
	all := make([]string, len(roles))
	for i, role := range roles {
		all[i] = string(role)
	}
	return all
}

// TestRoleRefusedIsRecorded: who may not is recorded by name, the first time in a
// minute and then as a count, and is counted.
//
// Proves: AD-1
func TestRoleRefusedIsRecorded(t *testing.T) {
	s := start(t)
	s.applyWorld(t)
	token := s.tokenOf(t, "curious", cloud.RoleMonitor)
	for range 50 {
		s.request(t, "GET", "/v1/backup", "", bearer(token))
	}
	n := 0
	for _, rec := range s.records(t, nil) {
		if rec.By == "token:curious" {
			n++
			if rec.Code != 48001 || rec.Target != "GET /v1/backup" || !rec.Operator {
				t.Errorf("recorded: %+v", rec)
			}
		}
	}
	if n < 1 || n > 4 { // a minute may end meanwhile
		t.Errorf("recorded %d times", n)
	}
	if _, text := s.request(t, "GET", "/metrics", "", nil); !strings.Contains(text, "\nopentcb_admin_forbidden_total 50\n") {
		t.Error("the refusals are not counted")
	}
}

// TestRecordNamesToken: the record of a change names the token that made it, the
// first admin's too.
//
// Proves: AD-1
func TestRecordNamesToken(t *testing.T) {
	s := start(t)
	s.applyWorld(t)
	ci := &admin.Client{URL: s.URL, Token: s.tokenOf(t, "ci", cloud.RoleOperator), HTTP: s.HTTP}
	_, err := ci.Authorize(t.Context(), platform, other, []int{49})
	must(t, err)
	_, err = ci.Apply(t.Context(), []byte("miniprograms: [{appid: wx00000000000000a9}]"), nil)
	must(t, err)
	must(t, s.Backup(t.Context(), &strings.Builder{}))
	want := map[string]string{
		"authorize wx00000000000000a2": "token:ci", "apply wx00000000000000a9": "token:ci",
		"apply wx00000000000000a1": "token:admin-token", "backup ": "token:admin-token", "admin-token create ": "token:admin-token",
	}
	for _, rec := range s.records(t, nil) {
		if by, ok := want[rec.Action+" "+rec.AppID]; ok {
			delete(want, rec.Action+" "+rec.AppID)
			if rec.By != by || !rec.Operator {
				t.Errorf("recorded: %+v, want by %s", rec, by)
			}
		}
	}
	if len(want) > 0 {
		t.Errorf("not recorded: %v", want)
	}
}

// TestHistoryNamesToken: the history of a permission names the token that changed it,
// as the audit record does.
//
// Proves: AD-1
func TestHistoryNamesToken(t *testing.T) {
	s := start(t)
	_, err := s.Apply(t.Context(), []byte("miniprograms: [{appid: wx00000000000000a9}]\n"+
		"environments: [{id: env-one, appid: wx00000000000000a9}]"), nil)
	must(t, err)
	ci := &admin.Client{URL: s.URL, Token: s.tokenOf(t, "ci", cloud.RoleOperator), HTTP: s.HTTP}
	_, err = ci.ChangeEnvironment(t.Context(), "env-one", cloud.EnvironmentChange{
		APIWhitelist: cloud.Given([]string{"/wxa/one"}),
	})
	must(t, err)
	_, err = s.RestoreWhitelist(t.Context(), "env-one", cloud.FirstVersion)
	must(t, err)
	history, err := s.WhitelistHistory(t.Context(), "env-one")
	must(t, err)
	var by []string
	for _, ch := range history {
		by = append(by, ch.By)
	}
	if want := []string{"token:admin-token", "token:ci", "token:admin-token"}; !slices.Equal(by, want) {
		t.Errorf("the history names %q, want %q", by, want)
	}
}

// TestAdminTokenList reads the list page by page, and makes what cannot be.
//
// Proves: AD-1
func TestAdminTokenList(t *testing.T) {
	s := start(t)
	var want, got []string
	for i := range 120 {
		want = append(want, fmt.Sprintf("t%03d", i))
		s.tokenOf(t, want[i], cloud.RoleMonitor)
	}
	must(t, s.AdminTokens(t.Context(), func(at admin.AdminToken) error {
		got = append(got, at.Name)
		if at.Token != "" || at.CreatedAt.IsZero() {
			t.Errorf("listed: %+v", at)
		}
		return nil
	}))
	if !slices.Equal(got, want) {
		t.Errorf("listed: %q", got)
	}
	for body, member := range map[string]string{
		`{"name":"9","role":"admin"}`: "name", `{"name":"a","role":"root"}`: "role", `{"name":"a"}`: "role",
		`{"name":"a","role":"admin","expires_in":-1}`: "expires_in", `{"name":"a","role":"admin","expires_in":99999999999}`: "expires_in",
	} {
		resp, text := s.request(t, "POST", "/v1/admin-tokens", body, nil)
		if resp.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(text, `"member":"`+member+`"`) {
			t.Errorf("%s: %d %s", body, resp.StatusCode, text)
		}
	}
	_, err := s.CreateAdminToken(t.Context(), admin.NewAdminToken{Name: "t000", Role: cloud.RoleAdmin})
	refused(t, err, http.StatusConflict)
	refused(t, s.RevokeAdminToken(t.Context(), "nobody"), http.StatusNotFound)
	must(t, s.RevokeAdminToken(t.Context(), "t000"))
	refused(t, s.RevokeAdminToken(t.Context(), "t000"), http.StatusNotFound)
}
