package cloud_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
)

// adminToken makes a token and returns it.
func (r *rig) adminToken(name string, role cloud.Role, life time.Duration) string {
	r.Helper()
	_, token, err := r.cloud.CreateAdminToken(r.Context(), r.operator(), name, role, life)
	r.ok("CreateAdminToken", err)
	r.keep(token)
	return token
}

// role returns the role that a token proves, or the kind of the refusal.
func (r *rig) role(token string) string {
	r.Helper()
	c, role, err := r.cloud.AdminCaller(r.Context(), token, "rid-of-a-request")
	if err != nil {
		return fmt.Sprint(cloud.KindOf(err))
	}
	if name := strings.Split(token, ".")[1]; !c.Operator || c.By != "token:"+name {
		r.Errorf("the caller is %+v", c)
	}
	return string(role)
}

var falseToken = fmt.Sprint(cloud.InvalidToken)

// TestAdminTokens makes tokens, and ends them: by their expiry, and by revoking.
// What is nearly a token is none.
//
// Proves: AD-1
func TestAdminTokens(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ever, hour := r.adminToken("ever", cloud.RoleMonitor, 0), r.adminToken("hour", cloud.RoleOperator, time.Hour)
	for token, want := range map[string]string{
		ever: "monitor", hour: "operator", "": falseToken, "opentcb.": falseToken, "opentcb.ever": falseToken,
		"opentcb.ever.": falseToken, ever + "A": falseToken, ever[:len(ever)-1]: falseToken, strings.ToLower(ever): falseToken,
		strings.Replace(ever, "ever", "hour", 1): falseToken, strings.Replace(hour, "hour", "none", 1): falseToken,
		strings.TrimPrefix(ever, "opentcb."): falseToken,
	} {
		if got := r.role(token); got != want {
			t.Errorf("%q proves %s, want %s", token, got, want)
		}
	}
	r.sleep(time.Hour - time.Millisecond)
	if got := r.role(hour); got != "operator" {
		t.Errorf("within its hour it proves %s", got)
	}
	r.sleep(time.Millisecond)
	if got := r.role(hour); got != falseToken {
		t.Errorf("after its hour it proves %s", got)
	}
	if got := r.role(ever); got != "monitor" {
		t.Errorf("without an expiry it proves %s", got)
	}
	r.ok("RevokeAdminToken", r.cloud.RevokeAdminToken(t.Context(), r.operator(), "ever"))
	if got := r.role(ever); got != falseToken {
		t.Errorf("revoked it proves %s", got)
	}
	again := r.adminToken("ever", cloud.RoleAdmin, 0)
	if got := r.role(ever) + " " + r.role(again); got != falseToken+" admin" {
		t.Errorf("made again, the old and the new one prove %s", got)
	}
}

// TestAdminTokenUse notes a use once a minute, and not for every request.
//
// Proves: AD-1
func TestAdminTokenUse(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	token := r.adminToken("used", cloud.RoleMonitor, 0)
	used := func() int64 {
		t.Helper()
		all, err := r.cloud.AdminTokens(t.Context(), cloud.Page{Limit: 10})
		r.ok("AdminTokens", err)
		return all[0].UsedAt
	}
	first := r.clock.Load()
	for _, c := range []struct {
		after time.Duration
		want  int64
	}{
		{0, first}, {time.Second, first}, {58 * time.Second, first},
		{time.Second, first + 60_000}, {time.Second, first + 60_000},
	} {
		r.sleep(c.after)
		for range 3 {
			r.role(token)
		}
		if got := used(); got != c.want {
			t.Errorf("used at %d, want %d", got-first, c.want-first)
		}
	}
}

// TestAlteredAdminToken: who can write the database can widen no token.
//
// Proves: AD-1
func TestAlteredAdminToken(t *testing.T) {
	t.Parallel()
	for name, statement := range map[string]string{
		"role":   "UPDATE admin_tokens SET role = 'admin' WHERE name = 'low'",
		"expiry": "UPDATE admin_tokens SET expires_at = 0 WHERE name = 'low'",
		"name":   "UPDATE admin_tokens SET name = 'lowly' WHERE name = 'low'",
		"copied": "UPDATE admin_tokens SET mac = (SELECT mac FROM admin_tokens WHERE name = 'high') WHERE name = 'low'",
	} {
		r := newRig(t)
		low, high := r.adminToken("low", cloud.RoleMonitor, time.Hour), r.adminToken("high", cloud.RoleAdmin, 0)
		db, err := sql.Open("sqlite", filepath.Join(r.folder, "opentcb.db"))
		r.ok("Open", err)
		_, err = db.ExecContext(t.Context(), statement)
		r.ok("Exec", err)
		r.ok("Close", db.Close())
		r.shared(r.store)
		for _, token := range []string{low, strings.Replace(low, "low", "lowly", 1), strings.Replace(high, "high", "low", 1)} {
			if got := r.role(token); got != falseToken {
				t.Errorf("%s altered: %q proves %s", name, token, got)
			}
		}
	}
}

// TestAdminTokenBounds: names and roles that cannot be, a name that is taken, and
// too many.
//
// Proves: AD-1
func TestAdminTokenBounds(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	create := func(name string, role cloud.Role) error {
		_, _, err := r.cloud.CreateAdminToken(t.Context(), r.operator(), name, role, 0)
		return err
	}
	for _, name := range []string{"", "1", "a.b", "a b", "ä", strings.Repeat("a", 64), cloud.FirstAdmin, "a\n"} {
		r.refused("the name "+name, create(name, cloud.RoleMonitor), cloud.InvalidArgs)
	}
	r.refused("no role", create("a", ""), cloud.InvalidArgs)
	r.refused("a role that is none", create("a", "root"), cloud.InvalidArgs)
	for i := range 1000 {
		r.ok("CreateAdminToken", create(fmt.Sprintf("t%03d", i), cloud.RoleMonitor))
	}
	r.refused("one too many", create("a", cloud.RoleMonitor), cloud.Conflict)
	r.ok("RevokeAdminToken", r.cloud.RevokeAdminToken(t.Context(), r.operator(), "t500"))
	r.refused("a name that is taken", create("t501", cloud.RoleMonitor), cloud.Conflict)
	r.ok("a name that is free", create("t500", cloud.RoleMonitor))
	r.refused("revoke none", r.cloud.RevokeAdminToken(t.Context(), r.operator(), "none"), cloud.NotFound)
	r.refused("revoke the first", r.cloud.RevokeAdminToken(t.Context(), r.operator(), cloud.FirstAdmin), cloud.Conflict)
}

// TestAdminTokenElsewhere ends a token through one server: it is good no more on
// another one of the same database a second later, and a new one is good there.
//
// Proves: AD-1
func TestAdminTokenElsewhere(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.shared(r.store)
	other := cloud.New(cloud.Config{
		Store: r.store, Blobs: r.blobs, Ring: r.ring, Now: r.now, RowLife: 900 * time.Millisecond,
	})
	t.Cleanup(func() { r.ok("Close", other.Close()) })
	first := r.adminToken("first", cloud.RoleMonitor, 0)
	_, _, err := other.AdminCaller(t.Context(), first, "rid")
	r.ok("the token elsewhere", err)
	r.ok("RevokeAdminToken", r.cloud.RevokeAdminToken(t.Context(), r.operator(), "first"))
	second := r.adminToken("second", cloud.RoleMonitor, 0)
	if got := r.role(first); got != falseToken {
		t.Errorf("revoked, it proves %s on the server that answered", got)
	}
	time.Sleep(time.Second)
	_, _, err = other.AdminCaller(t.Context(), first, "rid")
	r.refused("the revoked token elsewhere", err, cloud.InvalidToken)
	_, _, err = other.AdminCaller(t.Context(), second, "rid")
	r.ok("the new token elsewhere", err)
}
