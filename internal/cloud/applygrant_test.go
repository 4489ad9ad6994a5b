package cloud_test

import (
	"slices"
	"testing"

	"github.com/opentcb/opentcb/internal/cloud"
)

// left wants a world to bring about exactly these changes, and to leave these.
func (r *rig) left(w cloud.World, changes, left []string) {
	r.Helper()
	outcome, err := r.cloud.Apply(r.Context(), r.operator(), w)
	r.ok("Apply", err)
	lines := func(items []cloud.Applied) (lines []string) {
		for _, item := range items {
			lines = append(lines, item.Item+": "+item.Change)
		}
		return lines
	}
	if got := lines(outcome.Changes); !slices.Equal(got, changes) {
		r.Errorf("changes %q, want %q", got, changes)
	}
	if got := lines(outcome.Left); !slices.Equal(got, left) {
		r.Errorf("left %q, want %q", got, left)
	}
}

// grantOf is a world with one authorization of mini2 by platform1.
func grantOf(refresh string, regrant bool, sets ...int) cloud.World {
	return cloud.World{
		Options:        cloud.ApplyOptions{Regrant: regrant},
		Authorizations: []cloud.WorldAuthorization{{Platform: platform1, AppID: mini2, Sets: sets, RefreshToken: refresh}},
	}
}

const (
	item2    = "authorization " + platform1 + " " + mini2
	another2 = item2 + ": refresh_token: another is in force"
	voided2  = item2 + ": refresh_token: it was voided, and never counts again; a new one is from api_query_auth"
)

// What a world file says of an authorization counts when it is made: a file that
// is applied again at each start must not give back what was cancelled (CR-9), nor
// the refresh token that leaked.
func TestApplyDoesNotGiveAgain(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	refresh := func(token string) error {
		_, err := r.cloud.RefreshAuthorizerToken(t.Context(), r.component(platform1), platform1, mini2, token)
		return err
	}
	w := grantOf(refresh2, false, 49)
	r.left(w, []string{item2 + ": added"}, nil)
	r.left(w, nil, nil)
	g, err := r.cloud.RefreshAuthorizerToken(t.Context(), r.component(platform1), platform1, mini2, refresh2)
	r.ok("fixed refresh token", err)
	r.ok("Revoke", r.cloud.Revoke(t.Context(), r.operator(), platform1, mini2))
	r.left(w, nil, []string{
		item2 + ": it was cancelled, and is not given again: that takes opentcb authorize, or apply --regrant",
	})
	r.refused("the token that leaked", refresh(refresh2), cloud.NotAuthorized)

	r.left(grantOf(refresh2, true, 49), []string{item2 + ": given again"}, []string{voided2})
	r.refused("token of before", r.authenticate(g.AccessToken.Value), cloud.InvalidToken)
	r.refused("the token that leaked", refresh(refresh2), cloud.RefreshTokenInvalid)
	r.left(grantOf("refreshtoken@@@new", true, 49), []string{item2 + ": refresh token replaced"}, nil)
	r.ok("a new fixed refresh token", refresh("refreshtoken@@@new"))
	r.left(grantOf(refresh2, true, 49), nil, []string{voided2})
}

// Sets that were narrowed and refresh tokens that were replaced since stay so.
func TestApplyLeavesAuthorizations(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.mustApply(grantOf(refresh2, false, 49, 64))
	r.grant(platform1, mini2, 18)
	r.left(grantOf(refresh2, false, 49, 64), nil, []string{
		item2 + ": permission_sets [49 64]: those of [18] are granted; to replace them takes opentcb authorize, or apply --regrant",
		another2,
	})
	r.left(grantOf(refresh2, true, 49, 64), []string{item2 + ": permission sets replaced"}, []string{voided2})
	r.left(grantOf("", true, 64), []string{item2 + ": permission sets replaced"}, nil)
	r.left(grantOf("", true, 64), nil, nil)
}

// The switch and the whitelist of a file count when the environment is made, and
// it is told where they have become otherwise.
func TestApplyTellsOfEnvironments(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.left(cloud.World{Environments: []cloud.WorldEnvironment{
		{ID: env1, Account: mini1, Open: &no, Whitelist: []string{"/new"}}, {ID: env2, Account: mini1},
	}}, nil, []string{
		"environment " + env1 + ": open: false: it counts when the environment is made, and the switch is true now",
		"environment " + env1 + ": api_whitelist: it counts when the environment is made, and is another now",
	})
}
