package cloud_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
)

func (r *rig) create(c cloud.Caller, names ...string) {
	r.Helper()
	for _, name := range names {
		r.ok("CreateFunction", r.cloud.CreateFunction(r.Context(), c, env1, name))
	}
}

func (r *rig) deploy(name, text string) {
	r.Helper()
	u := cloud.CodeUpdate{Env: env1, Function: name, Code: r.draft(zipOf(r, text))}
	_, err := r.cloud.Deploy(r.Context(), r.operator(), u)
	r.ok("Deploy", err)
}

// UP-1.
func TestCreateFunction(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.caller(platform1, mini1)
	create := func(env, name string) error { return r.cloud.CreateFunction(r.Context(), c, env, name) }
	for _, name := range []string{"ab", "a1", "Zz", "a-b", "a_b", "a" + strings.Repeat("x", 59)} {
		r.ok(name, create(env1, name))
		r.refused(name+" again", create(env1, name), cloud.InvalidArgs)
	}
	for _, name := range []string{
		"", "a", "1a", "-a", "_a", "a-", "a_", "a b", "a.b", "a/b", "ab\n", "é1", "a" + strings.Repeat("x", 60),
	} {
		r.refused(name, create(env1, name), cloud.InvalidArgs)
	}
	r.ok("the same name in another environment", create(env2, "ab"))
	r.refused("no such environment", create("env-nowhere", "ab"), cloud.EnvironmentNotFound)
	r.refused("another account's", create(envOther, "ab"), cloud.EnvironmentNotFound)
}

// UP-2.
func TestListFunctions(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.caller(platform1, mini1)
	added := r.clock.Load()
	r.create(c, "ca", "aa", "ba")
	r.sleep(time.Minute)
	r.ok("upload", r.upload(c, "ba", "text"))
	fs, total, err := r.cloud.ListFunctions(t.Context(), c, env1, 1, 1)
	r.ok("ListFunctions", err)
	if total != 3 || len(fs) != 1 || fs[0].Name != "ba" || fs[0].AddedAt != added || fs[0].ModifiedAt != added+60_000 {
		t.Errorf("second of three: %+v of %d", fs, total)
	}
	for _, bad := range [][2]int64{{0, 0}, {0, -1}, {0, cloud.MaxListLimit + 1}, {-1, 10}} {
		_, _, err = r.cloud.ListFunctions(t.Context(), c, env1, bad[0], bad[1])
		r.refused(fmt.Sprint("offset and limit ", bad), err, cloud.InvalidArgs)
	}
	_, _, err = r.cloud.ListFunctions(t.Context(), c, envOther, 0, 10)
	r.refused("another account's", err, cloud.EnvironmentNotFound)
}

// UP-5, UP-6: what is refused leaves the function as it was.
func TestUploadRefusals(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c, other := r.caller(platform1, mini1), r.caller(platform2, mini1)
	r.create(c, "first")
	r.ok("upload", r.upload(c, "first", "the first text"))
	before, err := r.store.Function(t.Context(), mini1, env1, "first")
	r.ok("Function", err)
	key, otherKey := r.codeSecret(c), r.codeSecret(other)
	good := zipOf(t, "other text")
	for name, u := range map[string]struct {
		env, function, key, handler string
		code                        []byte
		want                        cloud.Kind
	}{
		"no key":               {env1, "first", "", "h", good, cloud.CodeSecretMismatch},
		"false key":            {env1, "first", key + "x", "h", good, cloud.CodeSecretMismatch},
		"another's key":        {env1, "first", otherKey, "h", good, cloud.CodeSecretMismatch},
		"no such environment":  {"env-nowhere", "first", key, "h", good, cloud.EnvironmentNotFound},
		"another account's":    {envOther, "first", key, "h", good, cloud.EnvironmentNotFound},
		"no such function":     {env1, "second", key, "h", good, cloud.FunctionNotFound},
		"handler too long":     {env1, "first", key, strings.Repeat("h", 129), good, cloud.InvalidArgs},
		"no zip":               {env1, "first", key, "h", []byte("no zip"), cloud.InvalidCode},
		"half a zip":           {env1, "first", key, "h", good[:len(good)/2], cloud.InvalidCode},
		"nothing":              {env1, "first", key, "h", nil, cloud.InvalidCode},
		"false key and no zip": {env1, "first", "x", "h", nil, cloud.CodeSecretMismatch},
	} {
		err := r.cloud.UpdateFunctionCode(t.Context(), r.opened(c), cloud.CodeUpdate{
			Env: u.env, Function: u.function, CodeSecret: u.key, Handler: u.handler, Code: r.draft(u.code),
		})
		r.refused(name, err, u.want)
	}
	after, err := r.store.Function(t.Context(), mini1, env1, "first")
	if r.ok("Function", err); after != before {
		t.Errorf("after refused uploads: %+v, before %+v", after, before)
	}
	if n := len(r.records("UpdateFunctionCode")); n != 1 {
		t.Errorf("%d uploads are recorded, want 1", n)
	}
}

// A key that was never made is nobody's: not even the empty one fits.
func TestUploadBeforeAnyKey(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.caller(platform1, mini1)
	r.create(c, "first")
	err := r.cloud.UpdateFunctionCode(t.Context(), r.opened(c), cloud.CodeUpdate{
		Env: env1, Function: "first", Code: r.draft(zipOf(t, "x")),
	})
	r.refused("upload without a key", err, cloud.CodeSecretMismatch)
}

// An upload takes its time: if the authorization ends meanwhile, or its set is
// taken away, it is refused.
func TestUploadAfterCancellation(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.caller(platform1, mini1)
	r.create(c, "first")
	key := r.codeSecret(c)
	upload := func() error {
		return r.cloud.UpdateFunctionCode(r.Context(), r.opened(c), cloud.CodeUpdate{
			Env: env1, Function: "first", CodeSecret: key, Code: r.draft(zipOf(r, "x")),
		})
	}
	r.authorize(platform1, mini1, 18)
	r.refused("set taken away", upload(), cloud.MissingPermission)
	r.authorize(platform1, mini1, 49)
	r.ok("Revoke", r.cloud.Revoke(t.Context(), r.operator(), platform1, mini1))
	r.refused("cancelled", upload(), cloud.NotAuthorized)
	r.authorize(platform1, mini1, 49)
	r.refused("cancelled and given again", upload(), cloud.NotAuthorized)
}

// UP-8, DF-3: code of the merchant's own developer is nobody's.
func TestDeploy(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.caller(platform1, mini1)
	r.create(c, "first")
	r.ok("upload", r.upload(c, "first", "protected"))
	r.deploy("first", "the merchant's own")
	_, err := r.cloud.DownloadFunction(t.Context(), c, env1, "first")
	r.refused("download of the merchant's own code", err, cloud.NotCodeOwner)
	r.ok("upload over it", r.upload(c, "first", "protected again"))
	_, err = r.cloud.DownloadFunction(t.Context(), c, env1, "first")
	r.ok("download", err)

	u := cloud.CodeUpdate{Handler: "index.other", InstallDependency: true}
	deploy := func(env, name string, code []byte) error {
		u.Env, u.Function, u.Code = env, name, r.draft(code)
		_, err := r.cloud.Deploy(r.Context(), r.operator(), u)
		return err
	}
	good := zipOf(t, "x")
	r.refused("no such environment", deploy("env-nowhere", "new", good), cloud.NotFound)
	r.refused("a name that cannot be", deploy(env1, "1", good), cloud.InvalidArgs)
	r.refused("no zip", deploy(env1, "new", []byte("no zip")), cloud.InvalidCode)
	if _, err := r.store.Function(t.Context(), mini1, env1, "new"); !errors.Is(err, cloud.ErrNotFound) {
		t.Errorf("a refused deploy left a function: %v", err)
	}
	r.ok("a new function", deploy(envBatch, "new", good))
	if f, err := r.store.Function(t.Context(), platform1, envBatch, "new"); err != nil || f.Owner != "" || f.Sum == "" ||
		f.Handler != u.Handler || !f.InstallDependency {
		t.Errorf("deployed: %+v, %v", f, err)
	}
	u.Handler = strings.Repeat("h", 129)
	r.refused("a handler that is too long", deploy(env1, "new", good), cloud.InvalidArgs)
}

// UP-6: while many upload, whoever follows a link gets one code whole, the one
// that its checksum names.
func TestUploadsAtOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.caller(platform1, mini1)
	r.create(c, "first")
	key := r.codeSecret(c)
	var wg sync.WaitGroup
	for i := range 8 {
		draft := r.draft(zipOf(r, fmt.Sprint("text ", i)))
		wg.Go(func() {
			err := r.cloud.UpdateFunctionCode(r.Context(), r.opened(c), cloud.CodeUpdate{
				Env: env1, Function: "first", CodeSecret: key, Code: draft,
			})
			if err != nil {
				r.Errorf("upload: %v", err)
			}
		})
		wg.Go(func() {
			link, err := r.cloud.DownloadFunction(r.Context(), c, env1, "first")
			if cloud.KindOf(err) == cloud.NotCodeOwner && err != nil {
				return // no code yet
			}
			if err != nil || r.follow(link) != link.Checksum {
				r.Errorf("download: %v, or other bytes than the checksum names", err)
			}
		})
	}
	wg.Wait()
}

// A client that hangs up does not leave half an upload.
func TestUploadCancelled(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.caller(platform1, mini1)
	r.create(c, "first")
	key := r.codeSecret(c)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := r.cloud.UpdateFunctionCode(ctx, r.opened(c), cloud.CodeUpdate{
		Env: env1, Function: "first", CodeSecret: key, Code: r.draft(zipOf(t, "x")),
	})
	r.refused("cancelled", err, cloud.Unavailable)
	if f, err := r.store.Function(t.Context(), mini1, env1, "first"); err != nil || f.Sum != "" {
		t.Errorf("after a cancelled upload: %+v, %v", f, err)
	}
}

// follow opens a link and returns the checksum of the bytes that it gives, or
// "" if it gives none.
func (r *rig) follow(link cloud.Link) string {
	code, err := r.cloud.OpenLink(r.Context(), link.Token, developer.Sets, "rid-of-a-download")
	if err != nil {
		return ""
	}
	defer code.Close()
	data, err := io.ReadAll(code)
	if err != nil {
		return ""
	}
	return sumOf(data)
}
