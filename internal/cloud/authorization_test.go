package cloud_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
)

func (r *rig) authorize(platform, appid string, sets ...int) string {
	r.Helper()
	code, err := r.cloud.Authorize(r.Context(), r.operator(), platform, appid, sets)
	r.ok("Authorize", err)
	if !strings.HasPrefix(code.Value, "queryauthcode@@@") || code.Life != time.Hour {
		r.Errorf("code %+v", code)
	}
	r.keep(code.Value)
	return code.Value
}

// CR-4, CR-5: a code is good once, for an hour, for its own platform.
func TestQueryAuth(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.component(platform1)
	query := func(code string) error {
		c.Now = r.clock.Load()
		_, err := r.cloud.QueryAuth(r.Context(), c, platform1, code)
		return err
	}
	code := r.authorize(platform1, mini1, 64, 3, 49)
	g, err := r.cloud.QueryAuth(t.Context(), c, platform1, code)
	r.ok("QueryAuth", err)
	if g.AppID != mini1 || !slices.Equal(g.Sets, []int{64, 3, 49}) || !strings.HasPrefix(g.RefreshToken, "refreshtoken@@@") {
		t.Errorf("grant %+v", g)
	}
	r.refused("used", query(code), cloud.AuthCodeInvalid)
	r.refused("never given", query("queryauthcode@@@x"), cloud.AuthCodeInvalid)
	r.refused("another platform's", query(r.authorize(platform2, mini1, 49)), cloud.AuthCodeInvalid)

	late := r.authorize(platform1, mini1, 49)
	r.sleep(time.Hour - time.Millisecond)
	almost := r.authorize(platform1, mini1, 49)
	r.sleep(time.Millisecond)
	r.refused("an hour old", query(late), cloud.AuthCodeExpired)
	r.ok("younger", query(almost))
	r.refused("used, and an hour old", query(code), cloud.AuthCodeInvalid)
}

// CR-5: of many at once with one code exactly one is given the tokens, and
// its refresh token is the one that is good.
func TestQueryAuthAtOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.component(platform1)
	code := r.authorize(platform1, mini1, 49)
	var mu sync.Mutex
	var grants []cloud.Grant
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			g, err := r.cloud.QueryAuth(r.Context(), c, platform1, code)
			if err != nil {
				r.refused("the others", err, cloud.AuthCodeInvalid)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			grants = append(grants, g)
		})
	}
	wg.Wait()
	if len(grants) != 1 {
		t.Fatalf("%d were given tokens, want 1", len(grants))
	}
	r.ok("token", r.authenticate(r.refresh(grants[0])))
}

// CR-6: every refresh of many at once gets a token of its own, and all are
// good for the overlap.
func TestRefreshAtOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	g := r.grant(platform1, mini1, 49)
	c := r.component(platform1)
	tokens := make([]string, 32)
	var wg sync.WaitGroup
	for i := range tokens {
		wg.Go(func() {
			next, err := r.cloud.RefreshAuthorizerToken(r.Context(), c, platform1, mini1, g.RefreshToken)
			if err != nil {
				r.Errorf("refresh: %v", err)
			}
			tokens[i] = next.AccessToken.Value
		})
	}
	wg.Wait()
	for _, token := range tokens {
		r.ok("token", r.authenticate(token))
	}
	slices.Sort(tokens)
	if n := len(slices.Compact(tokens)); n != 32 {
		t.Errorf("%d different tokens, want 32", n)
	}
	if n := len(r.records("api_authorizer_token")); n != 32 {
		t.Errorf("%d tokens are recorded, want 32", n)
	}
}

func TestRefreshRefusals(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	g, other := r.grant(platform1, mini1, 49), r.grant(platform2, mini1, 49)
	c := r.component(platform1)
	refresh := func(platform, appid, token string) error {
		_, err := r.cloud.RefreshAuthorizerToken(r.Context(), c, platform, appid, token)
		return err
	}
	r.refused("false", refresh(platform1, mini1, g.RefreshToken+"x"), cloud.RefreshTokenInvalid)
	r.refused("empty", refresh(platform1, mini1, ""), cloud.RefreshTokenInvalid)
	r.refused("another platform's", refresh(platform1, mini1, other.RefreshToken), cloud.RefreshTokenInvalid)
	r.refused("not authorized", refresh(platform1, mini2, g.RefreshToken), cloud.NotAuthorized)
	r.refused("no such Mini Program", refresh(platform1, "wx00000000000000ff", g.RefreshToken), cloud.NotAuthorized)
	r.refused("another platform's call (CR-7)", refresh(platform2, mini1, other.RefreshToken), cloud.InvalidAppID)
	_, err := r.cloud.QueryAuth(t.Context(), c, platform2, r.authorize(platform2, mini1, 49))
	r.refused("another platform's code (CR-7)", err, cloud.InvalidAppID)
	_, err = r.cloud.CreatePreAuthCode(t.Context(), c, platform2)
	r.refused("another platform's pre-auth code (CR-7)", err, cloud.InvalidAppID)
}

// CR-9: cancelled, everything stops at once; given again, nothing of before
// comes back.
func TestRevokeAndGiveAgain(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	old := r.grant(platform1, mini1, 49)
	pending := r.authorize(platform1, mini1, 49)
	c := r.component(platform1)
	refresh := func(g cloud.Grant) error {
		_, err := r.cloud.RefreshAuthorizerToken(r.Context(), c, platform1, mini1, g.RefreshToken)
		return err
	}
	query := func(code string) error {
		c.Now = r.clock.Load()
		_, err := r.cloud.QueryAuth(r.Context(), c, platform1, code)
		return err
	}
	r.ok("Revoke", r.cloud.Revoke(t.Context(), r.operator(), platform1, mini1))
	r.refused("token", r.authenticate(old.AccessToken.Value), cloud.NotAuthorized)
	r.refused("refresh token", refresh(old), cloud.NotAuthorized)
	r.refused("code", query(pending), cloud.NotAuthorized)
	r.refused("Revoke again", r.cloud.Revoke(t.Context(), r.operator(), platform1, mini1), cloud.NotFound)
	r.refused("Revoke of none", r.cloud.Revoke(t.Context(), r.operator(), platform2, mini2), cloud.NotFound)

	fresh := r.authorize(platform1, mini1, 49)
	r.refused("refresh token before query-auth", refresh(old), cloud.RefreshTokenInvalid)
	r.refused("empty refresh token before query-auth", refresh(cloud.Grant{}), cloud.RefreshTokenInvalid)
	r.refused("old token", r.authenticate(old.AccessToken.Value), cloud.InvalidToken)
	r.refused("old code", query(pending), cloud.AuthCodeInvalid)
	r.ok("new code", query(fresh))
	r.refused("old refresh token", refresh(old), cloud.RefreshTokenInvalid)
	r.refused("old token still", r.authenticate(old.AccessToken.Value), cloud.InvalidToken)
}

// Consent while the authorization is in force replaces its sets at once; what
// was issued stays.
func TestConsentWhileInForce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	g := r.grant(platform1, mini1, 49)
	r.authorize(platform1, mini1, 18)
	r.refused("without the set", r.authenticate(g.AccessToken.Value), cloud.MissingPermission)
	r.authorize(platform1, mini1, 64)
	r.ok("with the other set", r.authenticate(g.AccessToken.Value))
	r.ok("refreshed", r.authenticate(r.refresh(g)))
}

func TestAuthorizeRefusals(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	many := make([]int, 1001)
	for i := range many {
		many[i] = i + 1
	}
	for name, c := range map[string]struct {
		platform, appid string
		sets            []int
		want            cloud.Kind
	}{
		"no such platform":     {"wx00000000000000ff", mini1, []int{49}, cloud.NotFound},
		"platform is none":     {mini1, mini1, []int{49}, cloud.NotFound},
		"no such Mini Program": {platform1, "wx00000000000000ff", []int{49}, cloud.NotFound},
		"a platform":           {platform1, platform2, []int{49}, cloud.NotFound},
		"no sets":              {platform1, mini1, nil, cloud.InvalidArgs},
		"a set twice":          {platform1, mini1, []int{49, 64, 49}, cloud.InvalidArgs},
		"set 0":                {platform1, mini1, []int{0}, cloud.InvalidArgs},
		"set below 0":          {platform1, mini1, []int{-49}, cloud.InvalidArgs},
		"a set beyond all":     {platform1, mini1, []int{10001}, cloud.InvalidArgs},
		"too many sets":        {platform1, mini1, many, cloud.InvalidArgs},
	} {
		_, err := r.cloud.Authorize(t.Context(), r.operator(), c.platform, c.appid, c.sets)
		r.refused(name, err, c.want)
	}
	r.authorize(platform1, mini1, many[:1000]...)
}

// CR-3.
func TestPreAuthCode(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	code, err := r.cloud.CreatePreAuthCode(t.Context(), r.component(platform1), platform1)
	r.ok("CreatePreAuthCode", err)
	if !strings.HasPrefix(code.Value, "preauthcode@@@") || code.Life != 30*time.Minute {
		t.Errorf("pre-auth code %+v", code)
	}
}
