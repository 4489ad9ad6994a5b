package cloud_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/opentcb/opentcb/internal/cloud"
)

// rid returns a request id of now that was not there before.
func (r *rig) rid() string {
	return fmt.Sprintf("%08x-%08x-%08x", r.clock.Load()/1000, 0x0a0b0c0d, r.rids.Add(1))
}

// calls makes a number of calls of a path.
func (r *rig) calls(n int, token, path string) {
	for range n {
		_, _ = r.cloud.JudgeCall(r.Context(), r.rid(), token, path)
	}
}

// paths are the paths of calls, with their counts.
func paths(calls []cloud.Called) []string {
	var all []string
	for _, c := range calls {
		all = append(all, fmt.Sprintf("%s %d/%d", c.Path, c.Allowed, c.Refused))
	}
	return all
}

// TestSuggestWhitelist is the smallest list for what was observed, whatever
// has been written of it and whatever is still in memory.
func TestSuggestWhitelist(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.authenticated(r.grant(platform1, mini1, 49).AccessToken.Value)
	r.sets(c, env1, true, 2, "/wxa/*")
	token := r.cloudbase(env1)
	r.calls(3, token, "/wxa/b")
	r.calls(2, token, "/cgi-bin/menu/get")
	suggest := func(allowedOnly bool, want ...string) cloud.Suggestion {
		t.Helper()
		s, err := r.cloud.SuggestWhitelist(t.Context(), r.operator(), env1, allowedOnly)
		r.ok("SuggestWhitelist", err)
		if !slices.Equal(s.Whitelist, want) {
			t.Errorf("suggested %q, want %q", s.Whitelist, want)
		}
		return s
	}
	suggest(false, "/cgi-bin/menu/get", "/wxa/b")
	r.calls(5, token, "/wxa/a")
	r.calls(4, token, "/wxa/%61")
	r.clock.Add((20 * time.Minute).Milliseconds())
	r.calls(1, token, "/wxa/b")
	s := suggest(false, "/cgi-bin/menu/get", "/wxa/a", "/wxa/b")
	if diff := cmp.Diff([]string{"/wxa/a 5/0", "/wxa/b 4/0", "/cgi-bin/menu/get 0/2"}, paths(s.Paths)); diff != "" {
		t.Errorf("observed: %s", diff)
	}
	if s.Together.Refused != 4 {
		t.Errorf("not kept apart: %+v, want the 4 calls of an odd path", s.Together)
	}
	suggest(true, "/wxa/a", "/wxa/b")
	r.clock.Add((8 * 24 * time.Hour).Milliseconds())
	suggest(false)
	if s, err := r.cloud.SuggestWhitelist(t.Context(), r.operator(), env2, false); err != nil || len(s.Paths) != 0 {
		t.Errorf("an environment that called nothing: %+v, %v", s, err)
	}
	_, err := r.cloud.SuggestWhitelist(t.Context(), r.operator(), "env-none", false)
	r.refused("no such environment", err, cloud.EnvironmentNotFound)
}

// TestObservationIsBounded counts together what would be too many paths.
func TestObservationIsBounded(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	token := r.cloudbase(env1)
	for i := range 2000 {
		r.calls(1, token, fmt.Sprintf("/wxa/%04d", i))
	}
	s, err := r.cloud.SuggestWhitelist(t.Context(), r.operator(), env1, false)
	r.ok("SuggestWhitelist", err)
	if n := len(s.Paths); n < 500 || n > 520 || int(s.Together.Refused)+n != 2000 {
		t.Errorf("%d paths are kept apart, %d calls together", n, s.Together.Refused)
	}
}

// TestTryWhitelist holds the last day against another list.
func TestTryWhitelist(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.authenticated(r.grant(platform1, mini1, 49).AccessToken.Value)
	r.sets(c, env1, true, 2, "/*")
	r.calls(1, r.cloudbase(env1), "/wxa/old")
	r.clock.Add((26 * time.Hour).Milliseconds())
	token := r.cloudbase(env1)
	r.calls(7, token, "/wxa/a")
	r.calls(3, token, "/wxa/b")
	trial, err := r.cloud.TryWhitelist(t.Context(), r.operator(), env1, []string{"/wxa/b", "/none"})
	r.ok("TryWhitelist", err)
	if diff := cmp.Diff([]string{"/wxa/a 7/0"}, paths(trial.Refused)); diff != "" || len(trial.Paths) != 2 {
		t.Errorf("would be refused: %s; of %v", diff, paths(trial.Paths))
	}
	r.allows(token, "/wxa/a", mini1, env1) // nothing is changed
	_, err = r.cloud.TryWhitelist(t.Context(), r.operator(), env1, []string{"/*/x"})
	r.refused("an entry that cannot be", err, cloud.InvalidArgs)
}

// TestHistory shows who changed what, and brings an earlier list back.
func TestHistory(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.authenticated(r.grant(platform1, mini1, 49).AccessToken.Value)
	r.sets(c, env1, true, 2, "/wxa/a", "/wxa/b")
	c.Now += 1000
	r.sets(c, env2, false, 2, "/other") // flips: env1 moves from 4 to 6
	c.Now += 1000
	r.sets(c, env1, false, 6)
	r.clock.Store(c.Now)
	version, err := r.cloud.RestoreWhitelist(t.Context(), r.operator(), env1, 6)
	r.ok("restore", err)
	if version != 10 {
		t.Errorf("restored as version %d, want 10", version)
	}
	r.shows(c, env1, false, 10, "/wxa/a", "/wxa/b")
	changes, err := r.cloud.PermissionHistory(t.Context(), env1)
	r.ok("history", err)
	var got []string
	for _, ch := range changes {
		got = append(got, fmt.Sprint(ch.Env, ch.Version, ch.Operator, ch.Platform, ch.Open, ch.Flipped, ch.Whitelist))
	}
	want := []string{
		fmt.Sprint(env1, 2, true, "", true, false, []string{}),
		fmt.Sprint(env1, 4, false, platform1, true, false, []string{"/wxa/a", "/wxa/b"}),
		fmt.Sprint(env2, 4, false, platform1, false, true, []string{"/other"}),
		fmt.Sprint(env1, 8, false, platform1, false, false, []string{}),
		fmt.Sprint(env1, 10, true, "", false, false, []string{"/wxa/a", "/wxa/b"}),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("history: %s", diff)
	}
	_, err = r.cloud.RestoreWhitelist(t.Context(), r.operator(), env1, 1)
	r.refused("a version that never was", err, cloud.NotFound)
	r.ok("the first version", func() error { _, err := r.cloud.RestoreWhitelist(t.Context(), r.operator(), env1, 2); return err }())
	r.shows(c, env1, false, 12)
}
