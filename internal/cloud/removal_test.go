package cloud_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
)

// stepping is a store that is told of each step of a removal, before it happens.
type stepping struct {
	cloud.Store
	step func(what string)
}

func (s *stepping) ReleaseFunctions(
	ctx context.Context, platform string, marked bool, limit int, rec cloud.CountedRecord,
) (int64, error) {
	s.step("release")
	return s.Store.ReleaseFunctions(ctx, platform, marked, limit, rec)
}

func (s *stepping) RemoveAuthorizations(
	ctx context.Context, a cloud.Account, limit int, rec cloud.CountedRecord,
) (all, inForce int64, err error) {
	s.step("authorizations")
	return s.Store.RemoveAuthorizations(ctx, a, limit, rec)
}

func (s *stepping) RemoveEnvironment(
	ctx context.Context, key cloud.EnvironmentKey, marked bool, rec cloud.Record,
) error {
	s.step("environment")
	return s.Store.RemoveEnvironment(ctx, key, marked, rec)
}

func (s *stepping) RemoveAccount(ctx context.Context, a cloud.Account, rec cloud.Record) error {
	s.step("account")
	return s.Store.RemoveAccount(ctx, a, rec)
}

// A removal that is ended within any step tells what is left, shows nothing half,
// and goes on where it was (OP-7).
func TestRemovalGoesOnFromEveryStep(t *testing.T) {
	t.Parallel()
	between := &stepping{}
	r := emptyRig(t, func(s cloud.Store) cloud.Store {
		between.Store = s
		return between
	})
	between.step = func(string) {}
	r.mustApply(rigWorld)
	world := cloud.World{}
	for i := range cloud.RemovalStep + 1 {
		appid := fmt.Sprintf("wx%016x", 1<<40+i)
		world.MiniPrograms = append(world.MiniPrograms, cloud.WorldMiniProgram{AppID: appid})
		world.Authorizations = append(world.Authorizations,
			cloud.WorldAuthorization{Platform: platform1, AppID: appid, Sets: []int{49}})
	}
	r.mustApply(world)
	c := r.grant(platform1, mini1, 49)
	caller := r.authenticated(c.AccessToken.Value)
	r.create(caller, "first")
	r.ok("upload", r.upload(caller, "first", "protected"))

	var seen []string
	var total cloud.PlatformCounts
	for done := false; !done; {
		ctx, end := context.WithCancel(t.Context())
		between.step = func(what string) {
			seen = append(seen, what)
			end() // the request's time is over within its first step
		}
		got, err := r.cloud.RemovePlatform(ctx, r.operator(), platform1, cloud.RemovalOptions{Cascade: true})
		r.ok("RemovePlatform", err)
		total.Authorizations += got.Removed.Authorizations
		total.Environments += got.Removed.Environments
		total.OwnedFunctions += got.Removed.OwnedFunctions
		if done = got.Done; done {
			break
		}
		if r.authenticate(c.AccessToken.Value) == nil {
			t.Errorf("after %q a call of the platform is good", seen)
		}
		p, err := r.cloud.PlatformView(t.Context(), platform1)
		if r.ok("PlatformView", err); !p.Removing || p.Counts != got.Left {
			t.Errorf("after %q: %+v, told %+v", seen, p, got)
		}
		if len(seen) > 50 {
			t.Fatalf("it does not end: %q", seen)
		}
	}
	want := cloud.PlatformCounts{OwnedFunctions: 1}
	want.Authorizations, want.Environments = cloud.RemovalStep+2, 1
	if total != want {
		t.Errorf("removed %+v, want %+v, by %q", total, want, seen)
	}
	_, err := r.cloud.PlatformView(t.Context(), platform1)
	r.refused("what was removed", err, cloud.NotFound)
	r.refused("a call after", r.authenticate(c.AccessToken.Value), cloud.InvalidToken)
}

// What another server keeps in memory of a removed authorization gives its key to
// nobody after it was made anew (OP-7).
func TestKeysOfWhatIsMadeAnew(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	other := cloud.New(cloud.Config{Store: r.store, Blobs: r.blobs, Ring: r.ring, Now: r.now, RowLife: time.Hour})
	t.Cleanup(func() { r.ok("Close", other.Close()) })
	ask := func() string {
		t.Helper()
		token := r.grant(platform1, mini1, 49).AccessToken.Value
		c, err := other.Authenticate(t.Context(), token, developer, "rid")
		r.ok("Authenticate", err)
		key, err := other.CodeSecret(t.Context(), c)
		r.ok("CodeSecret", err)
		r.keep(key)
		return key
	}
	first := ask()
	removal, err := r.cloud.RemoveMiniProgram(t.Context(), r.operator(), mini1, cloud.RemovalOptions{Cascade: true})
	if r.ok("RemoveMiniProgram", err); !removal.Done {
		t.Fatalf("%+v", removal)
	}
	r.sleep(time.Second)
	r.mustApply(rigWorld)
	if ask() == first {
		t.Error("the key of what was removed is given out again")
	}
}
