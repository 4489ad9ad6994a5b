package cloud_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/words"
)

// fullWorld is a world with everything in it, its code added to the server.
func (r *rig) fullWorld(text string) cloud.World {
	r.Helper()
	sum, err := r.cloud.AddCode(r.Context(), r.operator(), r.draft(zipOf(r, text)))
	r.ok("AddCode", err)
	w := rigWorld
	w.Authorizations = []cloud.WorldAuthorization{
		{Line: 20, Platform: platform1, AppID: mini1, Sets: []int{49, 64}},
		{Line: 21, Platform: platform1, AppID: mini2, Sets: []int{49}, RefreshToken: refresh2},
	}
	w.Functions = []cloud.WorldFunction{
		{Line: 30, Env: env1, Name: "empty"}, {Line: 31, Env: env1, Name: "coded", Zip: "code.zip", Sum: sum},
	}
	r.keep(refresh2)
	return w
}

// changes wants a world to bring about exactly these changes, each with its
// record, and none when it is applied again.
func (r *rig) changes(w cloud.World, want ...string) {
	r.Helper()
	before := len(r.records("apply"))
	r.sleep(time.Second) // so that these records are the last
	var got []string
	for _, a := range r.mustApply(w) {
		got = append(got, a.Item+": "+a.Change)
	}
	if !slices.Equal(got, want) {
		r.Errorf("changes %q, want %q", got, want)
	}
	var recorded []string
	for _, rec := range r.records("apply")[before:] {
		recorded = append(recorded, rec.Target+": "+rec.Detail)
		if !rec.Operator || rec.RID != operatorRID || rec.Code != 0 || rec.At != r.clock.Load() {
			r.Errorf("record %+v", rec)
		}
	}
	if slices.Sort(got); !slices.Equal(sorted(recorded), got) {
		r.Errorf("recorded %q, want %q", recorded, got)
	}
	if again := r.mustApply(w); len(again) != 0 {
		r.Errorf("applied again: %q, want nothing", again)
	}
	if n := len(r.records("apply")); n != before+len(want) {
		r.Errorf("%d records, want %d", n-before, len(want))
	}
}

func sorted(s []string) []string { slices.Sort(s); return s }

func TestApplyIsIdempotent(t *testing.T) {
	t.Parallel()
	r := emptyRig(t, nil)
	w := r.fullWorld("text")
	r.changes(w,
		"platform "+platform1+": added", "platform "+platform2+": added",
		"Mini Program "+mini1+": added", "Mini Program "+mini2+": added", "Mini Program "+miniBare+": added",
		"environment "+env1+": added", "environment "+env2+": added", "environment "+envOther+": added", "environment "+envBatch+": added",
		"authorization "+platform1+" "+mini1+": added", "authorization "+platform1+" "+mini2+": added",
		"function "+env1+" empty: added", "function "+env1+" coded: added with code")
	r.changes(cloud.World{})
}

// A world file says what it names, and leaves the rest.
func TestApplyChangesWhatItNames(t *testing.T) {
	t.Parallel()
	r := emptyRig(t, nil)
	r.mustApply(r.fullWorld("text"))
	sum, err := r.cloud.AddCode(t.Context(), r.operator(), r.draft(zipOf(t, "other text")))
	r.ok("AddCode", err)
	yes := true
	platform := func(secret, ticket string, want ...string) {
		t.Helper()
		for i := range want {
			want[i] = "platform " + platform2 + ": " + want[i]
		}
		r.changes(cloud.World{Platforms: []cloud.WorldPlatform{{AppID: platform2, Secret: secret, Ticket: ticket}}}, want...)
	}
	platform(secret2, ticket2)
	platform("new-secret", ticket2, "secret replaced")
	platform("new-secret", "ticket@@@new", "verify ticket replaced")
	platform("newer-secret", "ticket@@@newer", "secret and verify ticket replaced")
	platform("newer-secret", "") // what is absent stays

	mini := func(appid string, open *bool, want ...string) {
		t.Helper()
		r.changes(cloud.World{MiniPrograms: []cloud.WorldMiniProgram{{AppID: appid, Cloud: open}}}, want...)
	}
	mini(miniBare, nil) // closed it stays
	mini(miniBare, &yes, "Mini Program "+miniBare+": cloud development opened")
	mini(mini1, &no, "Mini Program "+mini1+": cloud development closed")

	function := func(zip, sum string, want ...string) {
		t.Helper()
		r.changes(cloud.World{Functions: []cloud.WorldFunction{{Env: env1, Name: "coded", Zip: zip, Sum: sum}}}, want...)
	}
	function("", "") // its code stays
	function("other.zip", sum, "function "+env1+" coded: code replaced")

	// Switch and whitelist count when an environment is made.
	r.changes(cloud.World{Environments: []cloud.WorldEnvironment{
		{ID: env1, Account: mini1, Open: &no, Whitelist: []string{"/new"}},
	}})
}

// What the wire did since stays: sets on environments, a platform's code.
func TestApplyLeavesWhatTheWireDid(t *testing.T) {
	t.Parallel()
	r := emptyRig(t, nil)
	w := r.fullWorld("text")
	r.mustApply(w)
	c := r.caller(platform1, mini1)
	r.ok("set", r.cloud.SetPermission(t.Context(), c, env1, false, []string{"/wire"}, 2))
	r.ok("upload", r.upload(c, "coded", "protected"))
	w.Authorizations[0].Sets = []int{49}
	r.changes(w)
	r.shows(c, env1, false, 4, "/wire")
	link, err := r.cloud.DownloadFunction(t.Context(), c, env1, "coded")
	if err != nil || r.follow(link) != sumOf(zipOf(t, "protected")) {
		t.Errorf("the platform's code after Apply: %v", err)
	}
}

// All faults are reported at once, by line, and nothing is changed.
func TestApplyFaults(t *testing.T) {
	t.Parallel()
	r := emptyRig(t, nil)
	full := r.fullWorld("text")
	r.mustApply(full)
	w := cloud.World{
		Platforms:    []cloud.WorldPlatform{{Line: 50, AppID: mini1, Secret: "s"}, {Line: 51, AppID: "wx00000000000000cf", Secret: "s"}},
		MiniPrograms: []cloud.WorldMiniProgram{{Line: 40, AppID: platform1}, {Line: 41, AppID: mini1, Cloud: &no}},
		Environments: []cloud.WorldEnvironment{
			{Line: 30, ID: "env-a", Account: "wx00000000000000ff"}, {Line: 31, ID: "env-b", Account: platform1},
			{Line: 32, ID: "env-c", Account: mini1, Batch: true}, {Line: 33, ID: env1, Account: mini2},
			{Line: 34, ID: "env-d", Account: mini1, Whitelist: []string{"bad"}}, {Line: 35, ID: "env-good", Account: mini1},
		},
		Authorizations: []cloud.WorldAuthorization{
			{Line: 20, Platform: mini1, AppID: mini2, Sets: []int{1}},
			{Line: 21, Platform: platform1, AppID: platform2, Sets: []int{1}},
			{Line: 22, Platform: platform1, AppID: mini1, Sets: []int{0}},
		},
		Functions: []cloud.WorldFunction{
			{Line: 10, Env: "env-nowhere", Name: "aa"}, {Line: 11, Env: env1, Name: "bb", Zip: "b.zip", Sum: strings.Repeat("0", 64)},
			{Line: 12, Env: env1, Name: "cc", Zip: "c.zip", Sum: "no sum"}, {Line: 13, Env: "env-good", Name: "dd"},
		},
	}
	before := len(r.records("apply"))
	_, err := r.cloud.Apply(t.Context(), r.operator(), w)
	found, ok := errors.AsType[words.Faults](err)
	if !ok {
		t.Fatalf("Apply: %v, want a words.Faults", err)
	}
	var lines []int
	for _, f := range found {
		lines = append(lines, f.Line)
		if !strings.Contains(err.Error(), fmt.Sprintf("line %d: %s", f.Line, f.Message)) || f.Message == "" {
			t.Errorf("fault %+v is not in the text", f)
		}
	}
	if want := []int{10, 11, 12, 20, 21, 22, 30, 31, 32, 33, 34, 40, 50}; !slices.Equal(lines, want) {
		t.Errorf("faults in lines %v, want %v", lines, want)
	}
	r.changes(full) // as it was
	if n := len(r.records("apply")); n != before {
		t.Errorf("%d changes are recorded of a world that was refused", n-before)
	}
}

// interfering does something just before the store carries out a plan.
type interfering struct {
	cloud.Store
	before func()
}

func (s *interfering) Apply(ctx context.Context, changes []cloud.Change, recs []cloud.Record) error {
	if s.before != nil {
		s.before()
	}
	return s.Store.Apply(ctx, changes, recs)
}

// Something that comes between the plan and its execution is seen: it is
// planned again, and what came between is not undone.
func TestApplyPlansAnew(t *testing.T) {
	t.Parallel()
	store := &interfering{}
	r := emptyRig(t, func(s cloud.Store) cloud.Store { store.Store = s; return store })
	r.mustApply(rigWorld)
	c := r.caller(platform1, mini1)
	var times atomic.Int64
	store.before = func() {
		if times.Add(1) == 1 {
			r.deploy("new", "the merchant's own")
		}
	}
	r.changes(cloud.World{Functions: []cloud.WorldFunction{{Line: 1, Env: env1, Name: "new"}}})
	f, err := r.store.Function(t.Context(), mini1, env1, "new")
	if err != nil || f.Sum != sumOf(zipOf(t, "the merchant's own")) {
		t.Errorf("the code that came between is gone: %+v, %v", f, err)
	}
	times.Store(0)
	store.before = func() {
		if times.Add(1) == 1 {
			r.ok("CreateFunction", r.cloud.CreateFunction(t.Context(), c, env1, "set"))
			r.ok("SetFuncConfig", r.cloud.SetFuncConfig(t.Context(), c, env1, "set", 3, `{"timeout":5}`))
		}
	}
	sum, err := r.cloud.AddCode(t.Context(), r.operator(), r.draft(zipOf(t, "of the file")))
	r.ok("AddCode", err)
	w := configured("set")
	w.Functions[0].Zip, w.Functions[0].Sum = "n.zip", sum
	r.changes(w, "function "+env1+" set: code replaced")
	if got := r.config(c, "set", 3); got != `{"timeout":5}` {
		t.Errorf("the configuration that came between is gone: %s", got)
	}
	times.Store(0)
	store.before = func() {
		if times.Add(1) == 1 {
			r.ok("upload", r.upload(c, "new", "protected"))
		}
	}
	r.changes(cloud.World{Functions: []cloud.WorldFunction{{Line: 1, Env: env1, Name: "new", Zip: "n.zip", Sum: sum}}})
	if f, err := r.store.Function(t.Context(), mini1, env1, "new"); err != nil || f.Owner != platform1 || f.Sum == sum {
		t.Errorf("the platform's code that came between is gone: %+v, %v", f, err)
	}
}

// A set that a world file's Apply overlaps with is not lost, and what the
// rules keep in memory follows.
func TestApplyIsSeenAtOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.caller(platform1, mini1)
	r.shows(c, env1, true, 2)
	r.changes(cloud.World{Environments: []cloud.WorldEnvironment{
		{Line: 1, ID: "env-new", Account: mini1, Open: &no, Whitelist: []string{"/a", "/a"}},
	}},
		"environment env-new: added")
	r.shows(c, env1, false, 4)
	r.shows(c, "env-new", false, 2, "/a")
	token := r.grant(platform1, mini1, 49).AccessToken.Value
	r.mustApply(cloud.World{Options: cloud.ApplyOptions{Regrant: true}, Authorizations: []cloud.WorldAuthorization{
		{Platform: platform1, AppID: mini1, Sets: []int{18}},
	}})
	r.refused("without the set", r.authenticate(token), cloud.MissingPermission)
}

func TestAddCodeRefusals(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	_, err := r.cloud.AddCode(t.Context(), r.operator(), r.draft([]byte("no zip")))
	r.refused("no zip", err, cloud.InvalidCode)
}
