package cloud_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
)

// shows wants a get to answer so.
func (r *rig) shows(c cloud.Caller, env string, open bool, version int64, list ...string) {
	r.Helper()
	e, err := r.cloud.Permission(r.Context(), c, env)
	if err != nil || e.Open != open || e.Version != version || !slices.Equal(e.Whitelist, list) {
		r.Errorf("get %s: open %t, version %d, %q, %v; want %t, %d, %q", env, e.Open, e.Version, e.Whitelist, err, open, version, list)
	}
}

// UT-4 to UT-8, as a platform sees them.
func TestPermissionFlow(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.caller(platform1, mini1)
	set := func(env string, open bool, version int64, list ...string) error {
		return r.cloud.SetPermission(r.Context(), c, env, open, list, version)
	}
	r.shows(c, env1, true, 2)
	r.shows(c, env2, true, 2)
	r.ok("set", set(env1, true, 2, "/wxa/b", "/wxa/a", "/wxa/b")) // UT-10: kept once, in order
	r.shows(c, env1, true, 4, "/wxa/b", "/wxa/a")
	r.shows(c, env2, true, 2)

	r.ok("the same again (UT-7)", set(env1, true, 2, "/wxa/b", "/wxa/a", "/wxa/b"))
	r.shows(c, env1, true, 4, "/wxa/b", "/wxa/a")
	r.refused("the same version, another order", set(env1, true, 2, "/wxa/a", "/wxa/b"), cloud.InvalidArgs)
	r.refused("the same version, another switch", set(env1, false, 2, "/wxa/b", "/wxa/a"), cloud.InvalidArgs)
	r.shows(c, env1, true, 4, "/wxa/b", "/wxa/a")

	r.ok("flip (UT-5, UT-8)", set(env2, false, 6))
	r.shows(c, env2, false, 8)
	r.shows(c, env1, false, 6, "/wxa/b", "/wxa/a")
	err := set(env1, true, 4)
	r.refused("who read the old switch", err, cloud.InvalidArgs)
	if e, ok := errors.AsType[*cloud.Error](err); !ok || e.Detail != "version 4 is older than 6" { // UT-6
		t.Errorf("the refusal says %v", err)
	}
}

// UT-12 to UT-14: an account reaches its own environments, and all others look
// as if they were not there.
func TestPermissionReach(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	mini, component := r.caller(platform1, mini1), r.component(platform1)
	both := func(name string, c cloud.Caller, env string, want cloud.Kind) {
		t.Helper()
		_, get := r.cloud.Permission(t.Context(), c, env)
		set := r.cloud.SetPermission(t.Context(), c, env, true, nil, 2)
		absent := r.cloud.SetPermission(t.Context(), c, "env-nowhere", true, nil, 2)
		r.refused(name+", get", get, want)
		r.refused(name+", set", set, want)
		if set != nil && absent != nil && set.Error() != absent.Error() {
			t.Errorf("%s: %q tells more than %q", name, set, absent)
		}
	}
	both("another Mini Program's", mini, envOther, cloud.InvalidArgs)
	both("a platform's through a Mini Program", mini, envBatch, cloud.InvalidArgs)
	both("a Mini Program's through a platform", component, env1, cloud.InvalidArgs)
	both("another platform's", r.component(platform2), envBatch, cloud.InvalidArgs)
	both("without cloud development", r.caller(platform1, miniBare), env1, cloud.NoCloudPrivilege)
	r.ok("its own", r.cloud.SetPermission(t.Context(), component, envBatch, false, []string{"/*"}, 2))
	r.shows(component, envBatch, false, 4, "/*")
	r.shows(mini, env1, true, 2)

	r.mustApply(cloud.World{MiniPrograms: []cloud.WorldMiniProgram{{AppID: mini1, Cloud: &no}}})
	both("its own, cloud development closed (UT-13)", mini, env1, cloud.NoCloudPrivilege)
}

// UT-10, UT-11: what cannot be is refused before anything is said of the
// environment.
func TestPermissionValues(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.caller(platform1, mini1)
	many := make([]string, 1001)
	for i := range many {
		many[i] = fmt.Sprintf("/wxa/%d", i)
	}
	for _, env := range []string{env1, "env-nowhere"} {
		for name, s := range map[string]struct {
			version int64
			list    []string
			says    string
		}{
			"version below 0":  {-1, nil, "version"},
			"version too high": {1<<53 - 2, nil, "version"},
			"an entry":         {2, []string{"/wxa/ok", "wxa/bad"}, "wxa/bad"},
			"too many entries": {2, many, "1000"},
		} {
			err := r.cloud.SetPermission(t.Context(), c, env, true, s.list, s.version)
			r.refused(name, err, cloud.InvalidArgs)
			if err != nil && !strings.Contains(strings.ReplaceAll(err.Error(), ",", ""), s.says) {
				t.Errorf("%s: %v does not name %q", name, err, s.says)
			}
		}
	}
	r.shows(c, env1, true, 2)
	r.ok("the most", r.cloud.SetPermission(t.Context(), c, env1, true, many[:1000], 2+1<<32))
	r.shows(c, env1, true, 4+1<<32, many[:1000]...)
}

// UT-11: nobody can take all versions that are left, and where they were taken
// once the operator's own set makes room.
func TestVersionsCannotBeUsedUp(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.caller(platform1, mini1)
	err := r.cloud.SetPermission(t.Context(), c, env1, false, nil, cloud.MaxVersion)
	r.refused("a leap to the last version", err, cloud.InvalidArgs)
	r.shows(c, env1, true, 2)
	taken := cloud.PermissionSet{Account: mini1, Env: env1, Version: 2, Next: cloud.MaxVersion + 2}
	res, err := r.store.SetPermission(t.Context(), taken, cloud.Record{At: 1})
	if err != nil || !res.Accepted {
		t.Fatalf("%+v, %v", res, err)
	}
	version, err := r.cloud.RestoreWhitelist(t.Context(), r.operator(), env1, 2)
	r.ok("RestoreWhitelist", err)
	r.refused("an old version", r.cloud.SetPermission(t.Context(), c, env1, true, nil, 100), cloud.InvalidArgs)
	r.refused("the last one again", r.cloud.SetPermission(t.Context(), c, env1, true, nil, cloud.MaxVersion), cloud.InvalidArgs)
	r.ok("the version that get shows", r.cloud.SetPermission(t.Context(), c, env1, true, []string{"/a"}, version))
	r.shows(c, env1, true, version+2, "/a")
}

// A version that never was is not restored, and the refusal names the latest.
func TestRestoreOfNoVersion(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.caller(platform1, mini1)
	for _, version := range []int64{2, 4, 6} {
		r.ok("set", r.cloud.SetPermission(t.Context(), c, env1, true, []string{"/a"}, version))
	}
	r.sleep(time.Second)
	r.ok("a flip through another", r.cloud.SetPermission(t.Context(), c, env2, false, nil, 2)) // env1 is 10 now
	before := len(r.records("whitelist restore"))
	for _, never := range []int64{99, 12, 5, 0, -1} {
		_, err := r.cloud.RestoreWhitelist(t.Context(), r.operator(), env1, never)
		r.refused("a version that never was", err, cloud.NotFound)
		if want := fmt.Sprintf("no version %d; the latest are 2, 4, 6, 8, 10", never); !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if n := len(r.records("whitelist restore")); n != before {
		t.Errorf("%d restores of nothing are recorded", n-before)
	}
	_, err := r.cloud.RestoreWhitelist(t.Context(), r.operator(), env1, 10)
	r.ok("the version of a flip", err)
}

// UT-9: of many at once with one version exactly one is accepted, and what all
// see afterwards is what it set.
func TestPermissionAtOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.caller(platform1, mini1)
	for round := range int64(5) {
		version := 2 + 2*round
		var won atomic.Int64
		var winner atomic.Int64
		var wg sync.WaitGroup
		for i := range int64(64) {
			wg.Go(func() {
				err := r.cloud.SetPermission(r.Context(), c, env1, true, []string{fmt.Sprintf("/set/%d", i)}, version)
				if err == nil {
					won.Add(1)
					winner.Store(i)
				} else {
					r.refused("the others", err, cloud.InvalidArgs)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			t.Errorf("round %d: %d sets were accepted", round, won.Load())
		}
		r.shows(c, env1, true, version+2, fmt.Sprintf("/set/%d", winner.Load()))
	}
}

// UT-15: once a set has returned, no get that begins then shows what was there
// before, in any environment of the account.
func TestPermissionCoherence(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.caller(platform1, mini1)
	var returned [2]atomic.Int64 // the version that each environment is known to have reached
	envs := [2]string{env1, env2}
	var done atomic.Bool
	var readers sync.WaitGroup
	for i := range 6 {
		readers.Go(func() {
			env := i % 2
			for !done.Load() {
				least := returned[env].Load()
				e, err := r.cloud.Permission(r.Context(), c, envs[env])
				if err != nil || e.Version < least {
					r.Errorf("get %s: version %d, %v; a set had returned that made it %d", envs[env], e.Version, err, least)
					return
				}
				if e.Open != (e.Version/2%2 == 1) { // each set flips, and moves both on
					r.Errorf("get %s: open %t at version %d: of two different moments", envs[env], e.Open, e.Version)
					return
				}
				time.Sleep(10 * time.Microsecond) // records of gets have to be written, too
			}
		})
	}
	open := true
	for version := int64(2); version < 300; version += 2 {
		open = !open
		r.ok("set", r.cloud.SetPermission(t.Context(), c, envs[version/2%2], open, nil, version))
		returned[0].Store(version + 2)
		returned[1].Store(version + 2)
	}
	done.Store(true)
	readers.Wait()
}

// CR-9, DF-10: once Revoke has returned, no call that begins then is let in;
// once consent has, none is refused for want of it.
func TestRevokeCoherence(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var token atomic.Pointer[string]
	var inForce atomic.Int64 // odd while it surely is, even and above 0 while it surely is not
	var done atomic.Bool
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for !done.Load() {
				before, held := inForce.Load(), token.Load()
				if held == nil {
					continue
				}
				err := r.authenticate(*held)
				if inForce.Load() != before || token.Load() != held {
					continue // something changed meanwhile: either answer will do
				}
				if good := before%2 == 1; good != (err == nil) && before > 0 {
					r.Errorf("in force %t, and yet %v", good, err)
					return
				}
				time.Sleep(10 * time.Microsecond)
			}
		})
	}
	for i := range int64(12) {
		value := r.grant(platform1, mini1, 49).AccessToken.Value
		token.Store(&value)
		inForce.Store(2*i + 1)
		r.ok("authenticate", r.authenticate(value))
		inForce.Store(0)
		r.ok("Revoke", r.cloud.Revoke(t.Context(), r.operator(), platform1, mini1))
		inForce.Store(2*i + 2)
		r.refused("authenticate", r.authenticate(value), cloud.NotAuthorized)
		inForce.Store(0)
	}
	done.Store(true)
	readers.Wait()
}
