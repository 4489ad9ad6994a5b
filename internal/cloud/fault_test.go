package cloud_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/sqlstore"
)

// unsure is a real store that makes a change and then, while lost is set, reports
// that it failed: as when the answer of a database is lost.
type unsure struct {
	cloud.Store
	lost atomic.Bool
}

func (s *unsure) answer(err error) error {
	if s.lost.Load() {
		return errors.Join(err, errDisk)
	}
	return err
}

func (s *unsure) Consent(ctx context.Context, c cloud.Consent, rec cloud.Record) error {
	return s.answer(s.Store.Consent(ctx, c, rec))
}

func (s *unsure) Revoke(ctx context.Context, platform, appid string, rec cloud.Record) (bool, error) {
	ok, err := s.Store.Revoke(ctx, platform, appid, rec)
	return ok, s.answer(err)
}

func (s *unsure) SetPermission(
	ctx context.Context, set cloud.PermissionSet, rec cloud.Record,
) (cloud.PermissionResult, error) {
	res, err := s.Store.SetPermission(ctx, set, rec)
	if err = s.answer(err); err != nil {
		return cloud.PermissionResult{}, err
	}
	return res, nil
}

func (s *unsure) PutCode(ctx context.Context, f cloud.Function, rec cloud.Record) (bool, error) {
	ok, err := s.Store.PutCode(ctx, f, rec)
	return ok, s.answer(err)
}

func (s *unsure) Apply(ctx context.Context, changes []cloud.Change, recs []cloud.Record) error {
	return s.answer(s.Store.Apply(ctx, changes, recs))
}

// A change whose outcome is not known is answered with -1 (EN-13), and what is
// kept in memory does not pretend that it never happened.
func TestChangesOfUnknownOutcome(t *testing.T) {
	t.Parallel()
	store := &unsure{}
	r := emptyRig(t, func(s cloud.Store) cloud.Store { store.Store = s; return store })
	r.mustApply(rigWorld)
	g := r.grant(platform1, mini1, 49)
	c := r.authenticated(g.AccessToken.Value)
	r.create(c, "first")
	r.ok("upload", r.upload(c, "first", "protected"))
	link := r.link(c)
	for _, env := range []string{env1, env2} {
		r.shows(c, env, true, 2)
	}
	store.lost.Store(true)
	r.refused("set", r.cloud.SetPermission(t.Context(), c, env1, false, []string{"/a"}, 2), cloud.Unavailable)
	r.shows(c, env1, false, 4, "/a")
	r.shows(c, env2, false, 4)
	closed := cloud.World{MiniPrograms: []cloud.WorldMiniProgram{{AppID: mini1, Cloud: &no}}}
	_, err := r.cloud.Apply(t.Context(), r.operator(), closed)
	r.refused("apply", err, cloud.Unavailable)
	r.refused("get where cloud development was closed", r.get(c), cloud.NoCloudPrivilege)
	_, err = r.cloud.Deploy(t.Context(), r.operator(),
		cloud.CodeUpdate{Env: env1, Function: "first", Code: r.draft(zipOf(t, "the merchant's own"))})
	r.refused("deploy", err, cloud.Unavailable)
	r.dead("link to code that was replaced", link)
	_, err = r.cloud.Authorize(t.Context(), r.operator(), platform1, mini1, []int{18})
	r.refused("authorize", err, cloud.Unavailable)
	r.refused("without the set", r.authenticate(g.AccessToken.Value), cloud.MissingPermission)
	r.refused("revoke", r.cloud.Revoke(t.Context(), r.operator(), platform1, mini1), cloud.Unavailable)
	r.refused("token after revoke", r.authenticate(g.AccessToken.Value), cloud.NotAuthorized)
}

// slow is a shared store each question of which takes a second, or until its
// caller waits no longer.
type slow struct {
	cloud.Store
	on     atomic.Bool
	waited atomic.Int64 // as long as it was given, however long that was
}

func (s *slow) wait(ctx context.Context) error {
	if !s.on.Load() {
		return nil
	}
	const takes = time.Second
	end, ok := ctx.Deadline()
	left := time.Until(end)
	if !ok || left > takes {
		s.waited.Add(int64(takes))
		time.Sleep(takes)
		return nil
	}
	s.waited.Add(int64(max(0, left)))
	<-ctx.Done()
	return cloud.ErrUnavailable
}

func (s *slow) Authorization(ctx context.Context, platform, appid string) (cloud.Authorization, error) {
	if err := s.wait(ctx); err != nil {
		return cloud.Authorization{}, err
	}
	return s.Store.Authorization(ctx, platform, appid)
}

func (s *slow) CodeSecret(ctx context.Context, platform, appid string) (string, error) {
	if err := s.wait(ctx); err != nil {
		return "", err
	}
	return s.Store.CodeSecret(ctx, platform, appid)
}

func (s *slow) HoldCode(ctx context.Context, sum string, now int64) error {
	if err := s.wait(ctx); err != nil {
		return err
	}
	return s.Store.HoldCode(ctx, sum, now)
}

// EN-13: all that an upload asks of a shared store has the time of one call.
func TestUploadOnSlowStore(t *testing.T) {
	t.Parallel()
	store := &slow{}
	r := emptyRig(t, func(s cloud.Store) cloud.Store { store.Store = s; return store })
	r.shared(store)
	r.mustApply(rigWorld)
	c := r.authenticated(r.grant(platform1, mini1, 49).AccessToken.Value)
	r.create(c, "first")
	r.ok("upload", r.upload(c, "first", "protected"))
	secret, err := r.cloud.CodeSecret(t.Context(), c)
	r.ok("CodeSecret", err)
	up, draft := r.opened(c), r.draft(zipOf(t, "more"))
	store.on.Store(true)
	err = r.cloud.AuthenticateUpload(t.Context(), up)
	if err == nil {
		err = r.cloud.UpdateFunctionCode(t.Context(), up, cloud.CodeUpdate{
			Env: env1, Function: "first", CodeSecret: secret, Handler: "index.main", Code: draft,
		})
	}
	r.refused("upload on a slow store", err, cloud.Unavailable)
	if waited := time.Duration(store.waited.Load()); waited > 2*time.Second {
		t.Errorf("the upload has waited %v for the store", waited)
	}
}

// outOfReach returns a store whose database cannot be reached: a folder has taken
// the place of its file.
func outOfReach(t *testing.T) cloud.Store {
	file := filepath.Join(t.TempDir(), "opentcb.db")
	store := openStore(t, file)
	if err := errors.Join(os.Remove(file), os.Mkdir(file, 0o700)); err != nil {
		t.Fatal(err)
	}
	return store
}

// withoutTables returns a store whose database has lost its tables, which no
// retry mends.
func withoutTables(t *testing.T) cloud.Store {
	file := filepath.Join(t.TempDir(), "opentcb.db")
	store := openStore(t, file)
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var tables string
	err = db.QueryRow("SELECT group_concat(name) FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'").Scan(&tables)
	for table := range strings.SplitSeq(tables, ",") {
		if err == nil {
			_, err = db.Exec("DROP TABLE " + table)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func openStore(t *testing.T, file string) cloud.Store {
	t.Helper()
	store, err := sqlstore.OpenSQLite(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return store
}

// EN-13: a store out of reach is -1, any other fault of it -1000, whatever was
// asked; EN-5: and neither shows what the fault was.
func TestStoreOutOfReach(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	token := r.grant(platform1, mini1, 49).AccessToken.Value
	c, component, componentToken := r.authenticated(token), r.component(platform1), r.componentToken(platform1)
	r.create(c, "first")
	r.ok("upload", r.upload(c, "first", "protected"))
	link, ticket := r.link(c), r.ticket(platform1)
	cloudbase, credential := r.cloudbase(env1), r.credential(env1)
	up := r.opened(c)
	for want, store := range map[cloud.Kind]cloud.Store{
		cloud.Unavailable: outOfReach(t), cloud.Internal: withoutTables(t),
	} {
		// Nothing is in memory of a service that has just begun.
		s := cloud.New(cloud.Config{Store: store, Blobs: r.blobs, Ring: r.ring, Now: r.now})
		ctx := t.Context()
		for name, do := range map[string]func() error{
			"authenticate a platform":    func() error { _, err := s.Authenticate(ctx, componentToken, credentials, "rid"); return err },
			"authenticate an authorizer": func() error { _, err := s.Authenticate(ctx, token, developer, "rid"); return err },
			"authenticate an upload":     func() error { return s.AuthenticateUpload(ctx, up) },
			"component token": func() error {
				req := cloud.ComponentTokenRequest{AppID: platform1, Secret: secret1, Ticket: ticket}
				_, err := s.IssueComponentToken(ctx, req, "rid")
				return err
			},
			"ticket":     func() error { _, err := s.Ticket(ctx, r.operator(), platform1); return err },
			"authorize":  func() error { _, err := s.Authorize(ctx, r.operator(), platform1, mini1, []int{49}); return err },
			"query auth": func() error { _, err := s.QueryAuth(ctx, component, platform1, "code"); return err },
			"refresh": func() error {
				_, err := s.RefreshAuthorizerToken(ctx, component, platform1, mini1, "token")
				return err
			},
			"revoke":        func() error { return s.Revoke(ctx, r.operator(), platform1, mini1) },
			"getcodesecret": func() error { _, err := s.CodeSecret(ctx, c); return err },
			"get":           func() error { _, err := s.Permission(ctx, c, env1); return err },
			"set":           func() error { return s.SetPermission(ctx, c, env1, true, nil, 2) },
			"create":        func() error { return s.CreateFunction(ctx, c, env1, "second") },
			"list":          func() error { _, _, err := s.ListFunctions(ctx, c, env1, 0, 10); return err },
			"upload": func() error {
				return s.UpdateFunctionCode(ctx, up, cloud.CodeUpdate{Env: env1, Function: "first", Code: r.draft(zipOf(r, "x"))})
			},
			"deploy": func() error {
				_, err := s.Deploy(ctx, r.operator(), cloud.CodeUpdate{Env: env1, Function: "first", Code: r.draft(zipOf(r, "x"))})
				return err
			},
			"downloadfunction":   func() error { _, err := s.DownloadFunction(ctx, c, env1, "first"); return err },
			"link":               func() error { _, err := s.OpenLink(ctx, link.Token, developer.Sets, "rid"); return err },
			"apply":              func() error { _, err := s.Apply(ctx, r.operator(), rigWorld); return err },
			"cloud call":         func() error { _, err := s.JudgeCall(ctx, someRID, cloudbase, "/wxa/x"); return err }, // CC-8
			"cloudbase token":    func() error { _, err := s.CloudbaseToken(ctx, r.operator(), env1); return err },
			"credential":         func() error { _, err := s.EnvironmentCredential(ctx, r.operator(), env1, 0, false); return err },
			"runtime":            func() error { _, err := s.Runtime(ctx, credential, env1, "rid"); return err },
			"revoke credentials": func() error { return s.RevokeEnvironmentCredentials(ctx, r.operator(), env1) },
			"admin caller":       func() error { _, _, err := s.AdminCaller(ctx, "opentcb.ci.x", "rid"); return err },
			"admin tokens":       func() error { _, err := s.AdminTokens(ctx, cloud.Page{}); return err },
			"create admin token": func() error {
				_, _, err := s.CreateAdminToken(ctx, r.operator(), "ci", cloud.RoleAdmin, 0)
				return err
			},
			"revoke admin token": func() error { return s.RevokeAdminToken(ctx, r.operator(), "ci") },
			"explain":            func() error { _, err := s.Explain(ctx, someRID); return err },
			"suggest":            func() error { _, err := s.SuggestWhitelist(ctx, r.operator(), env1, false); return err },
			"try":                func() error { _, err := s.TryWhitelist(ctx, r.operator(), env1, nil); return err },
			"history":            func() error { _, err := s.PermissionHistory(ctx, env1); return err },
			"restore":            func() error { _, err := s.RestoreWhitelist(ctx, r.operator(), env1, 2); return err },
		} {
			err := do()
			r.refused(name, err, want)
			if e, ok := errors.AsType[*cloud.Error](err); ok && (e.Detail != "" || e.Err == nil) {
				t.Errorf("%s: detail %q, cause %v", name, e.Detail, e.Err)
			}
		}
		h := s.Health(ctx)
		if want == cloud.Unavailable && !slices.Equal(h.Unavailable, []string{"the database cannot be read or written: look for faults of its disk in the system's log"}) {
			t.Errorf("the health is %+v", h)
		}
		if err := s.Close(); err == nil {
			t.Error("Close hides that records are lost")
		}
	}
}
