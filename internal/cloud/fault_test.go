package cloud_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/opentcb/opentcb/internal/cloud"
)

// unsure is a store that makes a change and then, while told to, says that it
// failed: as when the answer of a database is lost.
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

func (s *unsure) Consent(ctx context.Context, platform, appid string, sets []int, code cloud.AuthCode, rec cloud.Record) error {
	return s.answer(s.Store.Consent(ctx, platform, appid, sets, code, rec))
}

func (s *unsure) Revoke(ctx context.Context, platform, appid string, rec cloud.Record) (bool, error) {
	ok, err := s.Store.Revoke(ctx, platform, appid, rec)
	return ok, s.answer(err)
}

func (s *unsure) SetPermission(ctx context.Context, set cloud.PermissionSet, rec cloud.Record) (cloud.PermissionResult, error) {
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
	_, err := r.cloud.Apply(t.Context(), r.operator(), cloud.World{MiniPrograms: []cloud.WorldMiniProgram{{AppID: mini1, Cloud: &no}}})
	r.refused("apply", err, cloud.Unavailable)
	r.refused("get where cloud development was closed", r.get(c), cloud.NoCloudPrivilege)
	_, err = r.cloud.Deploy(t.Context(), r.operator(), env1, "first", r.draft(zipOf(t, "the merchant's own")))
	r.refused("deploy", err, cloud.Unavailable)
	r.dead("link to code that was replaced", link)
	_, err = r.cloud.Authorize(t.Context(), r.operator(), platform1, mini1, []int{18})
	r.refused("authorize", err, cloud.Unavailable)
	r.refused("without the set", r.authenticate(g.AccessToken.Value), cloud.MissingPermission)
	r.refused("revoke", r.cloud.Revoke(t.Context(), r.operator(), platform1, mini1), cloud.Unavailable)
	r.refused("token after revoke", r.authenticate(g.AccessToken.Value), cloud.NotAuthorized)
}

// down is a store in which every verb fails with the error that is set.
type down struct{ err error }

func (s *down) Platform(context.Context, string) (cloud.Platform, error) {
	return cloud.Platform{}, s.err
}
func (s *down) Account(context.Context, string) (cloud.Account, error) { return cloud.Account{}, s.err }
func (s *down) Authorization(context.Context, string, string) (cloud.Authorization, error) {
	return cloud.Authorization{}, s.err
}
func (s *down) AuthCode(context.Context, string, string) (cloud.AuthCode, error) {
	return cloud.AuthCode{}, s.err
}
func (s *down) CodeSecret(context.Context, string, string) (string, error) { return "", s.err }
func (s *down) Environment(context.Context, string, string) (cloud.Environment, error) {
	return cloud.Environment{}, s.err
}
func (s *down) EnvironmentAccount(context.Context, string) (string, error) { return "", s.err }
func (s *down) Function(context.Context, string, string, string) (cloud.Function, error) {
	return cloud.Function{}, s.err
}
func (s *down) Functions(context.Context, string, string, int64, int64) ([]cloud.Function, int64, error) {
	return nil, 0, s.err
}
func (s *down) Records(context.Context, cloud.RecordFilter, func(cloud.Record) error) error {
	return s.err
}
func (s *down) IssueComponentToken(context.Context, string, cloud.Issues, cloud.Issues, cloud.Record) (bool, error) {
	return false, s.err
}
func (s *down) IssueAuthorizerToken(context.Context, cloud.Authorization, cloud.Issues, cloud.Record) (bool, error) {
	return false, s.err
}
func (s *down) RedeemAuthCode(context.Context, cloud.Authorization, string, string, cloud.Issues, cloud.Record) (bool, error) {
	return false, s.err
}
func (s *down) Consent(context.Context, string, string, []int, cloud.AuthCode, cloud.Record) error {
	return s.err
}
func (s *down) Revoke(context.Context, string, string, cloud.Record) (bool, error) {
	return false, s.err
}
func (s *down) AddCodeSecret(context.Context, string, string, string, cloud.Record) (string, error) {
	return "", s.err
}
func (s *down) SetPermission(context.Context, cloud.PermissionSet, cloud.Record) (cloud.PermissionResult, error) {
	return cloud.PermissionResult{}, s.err
}
func (s *down) CreateFunction(context.Context, cloud.Function, cloud.Record) (bool, error) {
	return false, s.err
}
func (s *down) PutCode(context.Context, cloud.Function, cloud.Record) (bool, error) {
	return false, s.err
}
func (s *down) HoldCode(context.Context, string, int64) error  { return s.err }
func (s *down) SeeCode(context.Context, []string, int64) error { return s.err }
func (s *down) CodeRows(context.Context, string, string, int) ([]cloud.CodeRow, error) {
	return nil, s.err
}
func (s *down) CodeUsers(context.Context, string, int) ([]cloud.Function, error) { return nil, s.err }
func (s *down) DoomCode(context.Context, cloud.CodeRow, int64, cloud.Record) (bool, error) {
	return false, s.err
}
func (s *down) ForgetCode(context.Context, string, int64) error             { return s.err }
func (s *down) Apply(context.Context, []cloud.Change, []cloud.Record) error { return s.err }
func (s *down) AppendRecords(context.Context, []cloud.Record) error         { return s.err }
func (s *down) History(context.Context, string, string) ([]cloud.PermissionChange, error) {
	return nil, s.err
}
func (s *down) CredentialEpoch(context.Context, string, string) (int64, error) { return 0, s.err }
func (s *down) RevokeCredentials(context.Context, string, string, cloud.Record) error {
	return s.err
}
func (s *down) Observed(context.Context, string, string, int64) ([]cloud.Observed, error) {
	return nil, s.err
}
func (s *down) Refusals(context.Context, int64, int64, func(cloud.Record) error) error {
	return s.err
}
func (s *down) AddObserved(context.Context, []cloud.Observed) error        { return s.err }
func (s *down) AppendRefusals(context.Context, []cloud.Record) error       { return s.err }
func (s *down) Prune(context.Context, int64, []cloud.EnvironmentKey) error { return s.err }
func (s *down) Ping(context.Context) error                                 { return s.err }
func (s *down) Close() error                                               { return nil }

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
	for want, fault := range map[cloud.Kind]error{cloud.Unavailable: errDisk, cloud.Internal: errors.New("a bug")} {
		// Nothing is in memory of a service that has just begun.
		s := cloud.New(cloud.Config{Store: &down{fault}, Blobs: r.blobs, Ring: r.ring, Now: r.now})
		ctx := t.Context()
		for name, do := range map[string]func() error{
			"authenticate a platform":    func() error { _, err := s.Authenticate(ctx, componentToken, credentials, "rid"); return err },
			"authenticate an authorizer": func() error { _, err := s.Authenticate(ctx, token, developer, "rid"); return err },
			"authenticate an upload":     func() error { return s.AuthenticateUpload(ctx, up) },
			"component token": func() error {
				_, err := s.IssueComponentToken(ctx, cloud.ComponentTokenRequest{AppID: platform1, Secret: secret1, Ticket: ticket}, "rid")
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
			"deploy":             func() error { _, err := s.Deploy(ctx, r.operator(), env1, "first", r.draft(zipOf(r, "x"))); return err },
			"downloadfunction":   func() error { _, err := s.DownloadFunction(ctx, c, env1, "first"); return err },
			"link":               func() error { _, err := s.OpenLink(ctx, link.Token, "rid"); return err },
			"apply":              func() error { _, err := s.Apply(ctx, r.operator(), rigWorld); return err },
			"cloud call":         func() error { _, err := s.JudgeCall(ctx, someRID, cloudbase, "/wxa/x"); return err }, // CC-8
			"cloudbase token":    func() error { _, err := s.CloudbaseToken(ctx, r.operator(), env1); return err },
			"credential":         func() error { _, err := s.EnvironmentCredential(ctx, r.operator(), env1); return err },
			"runtime":            func() error { _, err := s.Runtime(ctx, credential, env1, "rid"); return err },
			"revoke credentials": func() error { return s.RevokeEnvironmentCredentials(ctx, r.operator(), env1) },
			"explain":            func() error { _, err := s.Explain(ctx, someRID); return err },
			"suggest":            func() error { _, err := s.SuggestWhitelist(ctx, r.operator(), env1, false); return err },
			"try":                func() error { _, err := s.TryWhitelist(ctx, r.operator(), env1, nil); return err },
			"history":            func() error { _, err := s.PermissionHistory(ctx, env1); return err },
			"restore":            func() error { _, err := s.RestoreWhitelist(ctx, r.operator(), env1, 2); return err },
		} {
			err := do()
			r.refused(name, err, want)
			if e, ok := errors.AsType[*cloud.Error](err); ok && (e.Detail != "" || !errors.Is(err, fault)) {
				t.Errorf("%s: detail %q, cause %v", name, e.Detail, e.Err)
			}
		}
		reasons := s.Ready(ctx)
		if !slices.Contains(reasons, "the database cannot be reached") || strings.Contains(strings.Join(reasons, ""), "no space") {
			t.Errorf("not ready for %q", reasons)
		}
		if err := s.Close(); !errors.Is(err, fault) {
			t.Errorf("Close hides that records are lost: %v", err)
		}
	}
}
