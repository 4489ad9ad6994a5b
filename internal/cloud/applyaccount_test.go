package cloud_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/opentcb/opentcb/internal/cloud"
)

// What a file does not say of what exists stays as it is, null takes it away, and what
// cannot be applied is told.
//
// Proves: OP-8
func TestApplyMembers(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	null := cloud.Maybe[string]{Given: true, Null: true}
	platform := func(with cloud.PlatformChange, noTicket bool) cloud.World {
		return cloud.World{Platforms: []cloud.WorldPlatform{{AppID: platform2, NoTicket: noTicket, With: with}}}
	}
	mini := func(with cloud.MiniProgramChange) cloud.World {
		return cloud.World{MiniPrograms: []cloud.WorldMiniProgram{{AppID: mini1, With: with}}}
	}
	r.changes(platform(cloud.PlatformChange{}, false))
	full := cloud.PlatformChange{
		Name: cloud.Given("Builder"), Disabled: cloud.Given(true), PermissionSets: cloud.Given([]int{18, 49}),
	}
	r.changes(platform(full, false), "platform "+platform2+": name, disabled, permission_sets [18 49]")
	r.changes(platform(full, false))
	r.changes(platform(cloud.PlatformChange{}, false))
	r.changes(platform(cloud.PlatformChange{
		Name: null, Disabled: cloud.Maybe[bool]{Given: true, Null: true},
		PermissionSets: cloud.Maybe[[]int]{Given: true, Null: true},
	}, true), "platform "+platform2+": fixed verify ticket taken away",
		"platform "+platform2+": name, enabled, permission_sets []")
	r.changes(platform(cloud.PlatformChange{}, true))
	if p, err := r.store.Platform(t.Context(), platform2); err != nil || p.SecretMAC == "" || p.FixedTicket != "" {
		t.Errorf("the platform is %+v, %v", p, err)
	}
	r.changes(mini(cloud.MiniProgramChange{
		Name: cloud.Given("Shop"), Principal: cloud.Given("Zhang"), Disabled: cloud.Given(true),
	}), "Mini Program "+mini1+": name, principal, disabled")
	r.changes(mini(cloud.MiniProgramChange{Principal: null}), "Mini Program "+mini1+": principal")
	r.changes(mini(cloud.MiniProgramChange{Disabled: cloud.Given(false)}), "Mini Program "+mini1+": enabled")
	_, err := r.cloud.Apply(t.Context(), r.operator(), cloud.World{
		Platforms: []cloud.WorldPlatform{{Line: 3, AppID: "wx00000000000000cf"}, {Line: 4, AppID: platform2, With: cloud.PlatformChange{
			Name: cloud.Given("a\u200bb")}}},
		Authorizations: []cloud.WorldAuthorization{{Line: 5, Platform: platform2, AppID: miniBare}},
	})
	want := "line 3: platform wx00000000000000cf does not exist yet: it needs secret\n" +
		"line 4: platform " + platform2 + ": name must be one line of at most 256 bytes\n" +
		"line 5: authorization of " + miniBare + " for " + platform2 + " does not exist yet: it needs permission_sets"
	if err == nil || err.Error() != want {
		t.Errorf("refused: %v\nwant %s", err, want)
	}
}

// A dry run says what would be changed, and changes nothing.
//
// Proves: OP-8
func TestApplyDryRun(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	w := cloud.World{
		Platforms: []cloud.WorldPlatform{{AppID: platform2, Secret: "another-secret"}},
		Functions: []cloud.WorldFunction{{Env: env1, Name: "new", Zip: "n.zip", Sum: sumOf([]byte("not there"))}},
		Options:   cloud.ApplyOptions{DryRun: true},
	}
	for range 2 {
		outcome, err := r.cloud.Apply(t.Context(), r.operator(), w)
		if want := []cloud.Applied{
			{Item: "platform " + platform2, Change: "secret replaced"},
			{Item: "function " + env1 + " new", Change: "added with code"},
		}; err != nil || !slices.Equal(outcome.Changes, want) {
			t.Errorf("got %v, %v, want %v", outcome.Changes, err, want)
		}
	}
	for _, rec := range r.records("apply") {
		if strings.Contains(rec.Detail, "replaced") || strings.Contains(rec.Detail, "with code") {
			t.Errorf("recorded %+v", rec)
		}
	}
}
