package opentcbtest_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/opentcb/opentcb/opentcbtest"
	"github.com/opentcb/opentcb/tcb"
)

// TestWholePath is what a provider does: key, function, upload, download,
// permission.
func TestWholePath(t *testing.T) {
	t.Parallel()
	srv := opentcbtest.New(t, opentcbtest.World{})
	c := srv.Client(opentcbtest.DefaultPlatform, opentcbtest.DefaultAppID)
	ctx, env := t.Context(), opentcbtest.DefaultEnv
	key, err := c.GetCodeSecret(ctx)
	if err != nil || len(key) != 64 {
		t.Fatalf("GetCodeSecret: %q, %v", key, err)
	}
	if err := c.CreateFunction(ctx, env, "hello"); err != nil {
		t.Fatal(err)
	}
	var zipped bytes.Buffer
	if err := tcb.ZipFolder(&zipped, "testdata/hello", tcb.ZipOptions{}); err != nil {
		t.Fatal(err)
	}
	var sent int64
	sum, err := c.UploadFunction(
		ctx,
		tcb.CodeUpload{Env: env, Function: "hello", Handler: "index.main", Progress: func(n, _ int64) { sent = n }},
		bytes.NewReader(zipped.Bytes()),
	)
	if want := fmt.Sprintf("%x", sha256.Sum256(zipped.Bytes())); err != nil || sum != want || sent == 0 {
		t.Fatalf("UploadFunction: %s, %v, want %s; %d bytes told", sum, err, want, sent)
	}
	file := filepath.Join(t.TempDir(), "hello.zip")
	got, err := c.DownloadFunction(ctx, env, "hello", file, tcb.CodeDownload{})
	if err != nil || got != sum {
		t.Fatalf("DownloadFunction: %s, %v", got, err)
	}
	if text, _ := os.ReadFile(file); !bytes.Equal(text, zipped.Bytes()) {
		t.Error("other bytes than were uploaded")
	}
	p, err := c.GetCloudAccessToken(ctx, env)
	if err != nil || !p.Open || p.Version != 2 {
		t.Fatalf("GetCloudAccessToken: %+v, %v", p, err)
	}
	p.Open, p.APIWhitelist = false, []string{"/wxa/*"}
	if err := c.SetCloudAccessToken(ctx, env, p); err != nil {
		t.Fatal(err)
	}
	p.APIWhitelist = nil
	if err := c.SetCloudAccessToken(ctx, env, p); !errors.Is(err, tcb.ErrInvalidArgs) {
		t.Errorf("a set with an old version: %v", err)
	}
	n := 0
	for f, err := range c.AllFunctions(ctx, env) {
		if err != nil || f.Name != "hello" {
			t.Errorf("AllFunctions: %+v, %v", f, err)
		}
		n++
	}
	if n != 1 {
		t.Errorf("%d functions", n)
	}
}

// TestTokensRenew: a client lives longer than its tokens, also when they are
// taken from it.
func TestTokensRenew(t *testing.T) {
	t.Parallel()
	srv := opentcbtest.New(t, opentcbtest.World{})
	c := srv.Client(opentcbtest.DefaultPlatform, opentcbtest.DefaultAppID)
	for range 4 {
		if _, err := c.GetCodeSecret(t.Context()); err != nil {
			t.Fatal(err)
		}
		srv.Advance(3 * time.Hour)
	}
	srv.Revoke(opentcbtest.DefaultPlatform, opentcbtest.DefaultAppID)
	if _, err := c.GetCodeSecret(t.Context()); !errors.Is(err, tcb.ErrNotAuthorized) &&
		!errors.Is(err, tcb.ErrRefreshTokenInvalid) {
		t.Errorf("after the authorization was cancelled: %v", err)
	}
}

// TestReadySoon starts servers, and tells how long each took.
func TestReadySoon(t *testing.T) {
	began := time.Now()
	opentcbtest.New(t, opentcbtest.World{})
	t.Logf("ready after %v", time.Since(began))
}

// TestWorld has two platforms, two Mini Programs, code, and a cloud call.
func TestWorld(t *testing.T) {
	t.Parallel()
	off := false
	srv := opentcbtest.New(t, opentcbtest.World{
		Platforms:    []opentcbtest.Platform{{AppID: "wx00000000000000c1"}, {AppID: "wx00000000000000c2", Secret: "another-secret"}},
		MiniPrograms: []opentcbtest.MiniProgram{{AppID: "wx00000000000000a1"}, {AppID: "wx00000000000000a2", Cloud: &off}},
		Environments: []opentcbtest.Environment{{ID: "env-one", AppID: "wx00000000000000a1", APIWhitelist: []string{"/wxa/*"}}},
		Authorizations: []opentcbtest.Authorization{
			{Platform: "wx00000000000000c1", AppID: "wx00000000000000a1"},
			{Platform: "wx00000000000000c2", AppID: "wx00000000000000a1", PermissionSets: []int{18}},
			{Platform: "wx00000000000000c1", AppID: "wx00000000000000a2"},
		},
		Functions: []opentcbtest.Function{{Env: "env-one", Name: "merchants-own", Files: map[string]string{"index.js": "exports.main = 1"}}},
	})
	_, err := srv.Client("wx00000000000000c1", "wx00000000000000a1").GetFunctionLink(t.Context(), "env-one", "merchants-own")
	if !errors.Is(err, tcb.ErrNotCodeOwner) {
		t.Errorf("the merchant's own code: %v", err)
	}
	_, err = srv.Client("wx00000000000000c2", "wx00000000000000a1").GetCodeSecret(t.Context())
	if e, ok := errors.AsType[*tcb.Error](err); !ok || e.Code != tcb.MissingPermission || e.RID == "" || e.Interface != "getcodesecret" {
		t.Errorf("without the permission set: %v", err)
	}
	_, err = srv.Client("wx00000000000000c1", "wx00000000000000a2").GetCloudAccessToken(t.Context(), "env-one")
	if !errors.Is(err, tcb.ErrNoCloudPrivilege) {
		t.Errorf("without cloud development: %v", err)
	}
	if token := srv.CloudbaseToken("env-one"); token == "" {
		t.Error("no cloudbase token")
	}
}
