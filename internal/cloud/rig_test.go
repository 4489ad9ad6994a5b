package cloud_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/blob"
	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/seal"
	"github.com/opentcb/opentcb/internal/sqlstore"
)

// What the rig begins with.
const (
	platform1 = "wx00000000000000c1" // its tickets are made
	platform2 = "wx00000000000000c2" // its ticket is fixed
	mini1     = "wx00000000000000a1"
	mini2     = "wx00000000000000a2"
	miniBare  = "wx00000000000000a3" // without cloud development
	env1      = "env-one-4f2a1b"     // of mini1
	env2      = "env-two-4f2a1b"     // of mini1
	envOther  = "env-other-77bb"     // of mini2
	envBatch  = "env-batch-77bb"     // of platform1
	secret1   = "the-secret-of-platform-one"
	secret2   = "the-secret-of-platform-two"
	ticket2   = "ticket@@@the-fixed-ticket-of-platform-two"
	refresh2  = "refreshtoken@@@the-fixed-one-of-a2"
)

var no = false

var rigWorld = cloud.World{
	Platforms: []cloud.WorldPlatform{
		{Line: 1, AppID: platform1, Secret: secret1}, {Line: 2, AppID: platform2, Secret: secret2, Ticket: ticket2},
	},
	MiniPrograms: []cloud.WorldMiniProgram{
		{Line: 3, AppID: mini1}, {Line: 4, AppID: mini2}, {Line: 5, AppID: miniBare, Cloud: &no},
	},
	Environments: []cloud.WorldEnvironment{
		{Line: 6, ID: env1, Account: mini1}, {Line: 7, ID: env2, Account: mini1},
		{Line: 8, ID: envOther, Account: mini2}, {Line: 9, ID: envBatch, Account: platform1, Batch: true},
	},
}

// developer is an interface that takes an authorizer token with set 49 or 64.
var developer = cloud.Interface{Name: "getcodesecret", Tokens: cloud.AuthorizerToken, Sets: []int{49, 64}}

// credentials is an interface that takes a component token.
var credentials = cloud.Interface{Name: "api_query_auth", Tokens: cloud.ComponentToken}

const operatorRID = "rid-of-the-operator"

// rig is the rules over real storage, with a clock that tests set.
type rig struct {
	*testing.T
	cloud   *cloud.Service
	store   *sqlstore.Store
	blobs   *blob.Dir
	ring    *seal.Ring
	folder  string
	clock   atomic.Int64 // Unix milliseconds
	secrets []string     // every secret that was handed out
	rids    atomic.Int64
}

func newRig(t *testing.T) *rig {
	r := emptyRig(t, nil)
	r.mustApply(rigWorld)
	r.keep(secret1, secret2, ticket2)
	return r
}

// emptyRig makes a rig in which nothing is. If between is not nil, the rules
// see the store through what it returns.
func emptyRig(t *testing.T, between func(cloud.Store) cloud.Store) *rig {
	t.Helper()
	r := &rig{T: t, folder: t.TempDir()}
	r.clock.Store(1_790_000_000_000)
	var err error
	if r.ring, err = seal.NewRing(seal.NewMasterKey()); err != nil {
		t.Fatal(err)
	}
	if r.store, err = sqlstore.OpenSQLite(t.Context(), filepath.Join(r.folder, "opentcb.db")); err != nil {
		t.Fatal(err)
	}
	if r.blobs, err = blob.OpenDir(filepath.Join(r.folder, "code"), blob.Config{Now: r.now}); err != nil {
		t.Fatal(err)
	}
	var store cloud.Store = r.store
	if between != nil {
		store = between(store)
	}
	r.cloud = cloud.New(cloud.Config{Store: store, Blobs: r.blobs, Ring: r.ring, Now: r.now})
	service := r.cloud
	t.Cleanup(func() {
		if r.cloud == service {
			r.ok("Close", errors.Join(r.cloud.Close(), r.blobs.Close(), r.store.Close()))
		}
	})
	return r
}

// shared makes the rules anew over the same storage, as where other servers
// write to it too.
func (r *rig) shared(store cloud.Store) {
	r.Helper()
	r.ok("Close", r.cloud.Close())
	r.cloud = cloud.New(cloud.Config{
		Store: store, Blobs: r.blobs, Ring: r.ring, Now: r.now, RowLife: time.Millisecond,
	})
	r.Cleanup(func() { r.ok("Close", errors.Join(r.cloud.Close(), r.blobs.Close(), r.store.Close())) })
}

func (r *rig) now() time.Time { return time.UnixMilli(r.clock.Load()) }

// sleep moves the clock on.
func (r *rig) sleep(d time.Duration) { r.clock.Add(d.Milliseconds()) }

// keep remembers secrets, which nothing stored may show.
func (r *rig) keep(secrets ...string) { r.secrets = append(r.secrets, secrets...) }

func (r *rig) ok(what string, err error) {
	r.Helper()
	if err != nil {
		r.Fatalf("%s: %v", what, err)
	}
}

// refused wants an error of a kind.
func (r *rig) refused(what string, err error, kind cloud.Kind) {
	r.Helper()
	e, ok := errors.AsType[*cloud.Error](err)
	if !ok || e.Kind != kind {
		r.Errorf("%s: %v, want kind %d (%s)", what, err, kind, kind.Code().Text())
	}
}

func (r *rig) mustApply(w cloud.World) []cloud.Applied {
	r.Helper()
	outcome, err := r.cloud.Apply(r.Context(), r.operator(), w)
	r.ok("Apply", err)
	return outcome.Changes
}

// componentToken gets a platform its own token.
func (r *rig) componentToken(platform string) string {
	r.Helper()
	ticket, err := r.cloud.Ticket(r.Context(), r.operator(), platform)
	r.ok("Ticket", err)
	secret := map[string]string{platform1: secret1, platform2: secret2}[platform]
	req := cloud.ComponentTokenRequest{AppID: platform, Secret: secret, Ticket: ticket}
	token, err := r.cloud.IssueComponentToken(r.Context(), req, "rid-component")
	r.ok("IssueComponentToken", err)
	r.keep(ticket, token.Value)
	return token.Value
}

// operator is the caller of what the operator does now.
func (r *rig) operator() cloud.Caller { return r.cloud.OperatorCaller(operatorRID) }

// component returns a platform as caller.
func (r *rig) component(platform string) cloud.Caller {
	r.Helper()
	c, err := r.cloud.Authenticate(r.Context(), r.componentToken(platform), credentials, "rid-of-"+platform)
	r.ok("Authenticate", err)
	return c
}

// grant gives an authorization and exchanges its code.
func (r *rig) grant(platform, appid string, sets ...int) cloud.Grant {
	r.Helper()
	code, err := r.cloud.Authorize(r.Context(), r.operator(), platform, appid, sets)
	r.ok("Authorize", err)
	g, err := r.cloud.QueryAuth(r.Context(), r.component(platform), platform, code.Value)
	r.ok("QueryAuth", err)
	r.keep(code.Value, g.AccessToken.Value, g.RefreshToken)
	return g
}

// caller returns a platform that acts for a Mini Program as caller.
func (r *rig) caller(platform, appid string) cloud.Caller {
	r.Helper()
	return r.authenticated(r.grant(platform, appid, 49).AccessToken.Value)
}

func (r *rig) authenticated(token string) cloud.Caller {
	r.Helper()
	c, err := r.cloud.Authenticate(r.Context(), token, developer, "rid-of-a-call")
	r.ok("Authenticate", err)
	return c
}

// authenticate returns how a token fares.
func (r *rig) authenticate(token string) error {
	_, err := r.cloud.Authenticate(r.Context(), token, developer, "rid-of-a-call")
	return err
}

// refresh gets a new authorizer token.
func (r *rig) refresh(g cloud.Grant) string {
	r.Helper()
	next, err := r.cloud.RefreshAuthorizerToken(r.Context(), r.component(platform1), platform1, g.AppID, g.RefreshToken)
	r.ok("RefreshAuthorizerToken", err)
	r.keep(next.AccessToken.Value)
	return next.AccessToken.Value
}

// zipOf makes a zip with one file of that text.
func zipOf(t testing.TB, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.Create("index.js")
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.Write([]byte(text))
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// draft writes bytes to a draft of code.
func (r *rig) draft(data []byte) blob.Draft {
	r.Helper()
	d, err := r.cloud.NewCode(r.Context())
	r.ok("NewCode", err)
	r.Cleanup(func() { d.Discard() })
	_, err = d.Write(data)
	r.ok("write code", err)
	return d
}

// opened is an upload that a caller has got leave for.
func (r *rig) opened(c cloud.Caller) cloud.Upload {
	r.Helper()
	g, err := r.cloud.UploadSignature(r.Context(), c, somePayload, someHeaders)
	r.ok("UploadSignature", err)
	up, err := r.cloud.OpenUpload(g.Token, developer.Sets, c.RID)
	r.ok("OpenUpload", err)
	return up
}

// upload puts code to a function of env1 as a platform does.
func (r *rig) upload(c cloud.Caller, name, text string) error {
	r.Helper()
	secret, err := r.cloud.CodeSecret(r.Context(), c)
	r.ok("CodeSecret", err)
	r.keep(secret)
	return r.cloud.UpdateFunctionCode(r.Context(), r.opened(c), cloud.CodeUpdate{
		Env: env1, Function: name, CodeSecret: secret, Handler: "index.main", InstallDependency: true, Code: r.draft(zipOf(r, text)),
	})
}

// records are the audit records of an action, of every action if it is "".
func (r *rig) records(action string) []cloud.Record {
	r.Helper()
	var recs []cloud.Record
	err := r.cloud.Records(context.WithoutCancel(r.Context()), cloud.RecordFilter{}, func(rec cloud.Record) error {
		if action == "" || rec.Action == action {
			recs = append(recs, rec)
		}
		return nil
	})
	r.ok("Records", err)
	return recs
}
