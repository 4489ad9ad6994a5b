package cloud_test

import (
	"crypto/rand"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
)

// exchange exchanges a code of platform1 for the tokens of mini1, now.
func (r *rig) exchange(code string) (cloud.Grant, error) {
	return r.cloud.QueryAuth(r.Context(), r.component(platform1), platform1, code)
}

// exchanged is exchange that must succeed.
func (r *rig) exchanged(code string) cloud.Grant {
	r.Helper()
	g, err := r.exchange(code)
	r.ok("QueryAuth", err)
	return g
}

// refreshed returns how a refresh token of mini1 fares now.
func (r *rig) refreshed(token string) error {
	_, err := r.cloud.RefreshAuthorizerToken(r.Context(), r.component(platform1), platform1, mini1, token)
	return err
}

// consent is the refresh token's MAC by which the consent of mini1 in force is known.
func (r *rig) consent() string {
	r.Helper()
	a, err := r.store.Authorization(r.Context(), platform1, mini1)
	r.ok("Authorization", err)
	return a.RefreshMAC
}

func (r *rig) anotherCode(consent string) string {
	r.Helper()
	code, err := r.cloud.AnotherCode(r.Context(), r.operator(), rand.Reader, platform1, mini1, consent)
	r.ok("AnotherCode", err)
	r.keep(code.Value)
	return code.Value
}

// Every code of a consent answers the same refresh token, in any order and at once,
// and each is good once.
func TestOneRefreshTokenAConsent(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	codes := []string{r.authorize(platform1, mini1, 49)}
	for range 15 {
		codes = append(codes, r.anotherCode(r.consent()))
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	var tokens []string
	for _, code := range codes {
		wg.Go(func() {
			g := r.exchanged(code)
			mu.Lock()
			defer mu.Unlock()
			tokens = append(tokens, g.RefreshToken)
			r.ok("token", r.authenticate(g.AccessToken.Value))
		})
	}
	wg.Wait()
	if slices.Sort(tokens); len(slices.Compact(tokens)) != 1 {
		t.Errorf("the codes of one consent answer several refresh tokens")
	}
	r.ok("the refresh token", r.refreshed(tokens[0]))
	_, err := r.exchange(codes[3])
	r.refused("a code that was used", err, cloud.AuthCodeInvalid)
}

// Proves: AI-6
//
// A later consent has another refresh token. The earlier one works until five minutes
// after the later one's first exchange, and no exchange of either changes that.
func TestLaterConsent(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	first := r.exchanged(r.authorize(platform1, mini1, 49)).RefreshToken
	firstConsent := r.consent()
	r.sleep(time.Hour)
	second := r.authorize(platform1, mini1, 64)
	r.sleep(30 * time.Minute)
	r.ok("before the later exchange", r.refreshed(first))
	late := []string{r.anotherCode(firstConsent), r.anotherCode(firstConsent), r.anotherCode(firstConsent)}
	if g := r.exchanged(late[0]); g.RefreshToken != first {
		t.Error("a code of the earlier consent answers another refresh token")
	}

	next := r.exchanged(second).RefreshToken
	if next == first {
		t.Error("the later consent has the same refresh token")
	}
	r.ok("the later one", r.refreshed(next))
	r.sleep(5*time.Minute - time.Millisecond)
	r.ok("the earlier one, within five minutes", r.refreshed(first))
	if g := r.exchanged(late[1]); g.RefreshToken != first {
		t.Error("a late code of the earlier consent answers another refresh token")
	}
	if g := r.exchanged(r.anotherCode(r.consent())); g.RefreshToken != next {
		t.Error("the exchange of an earlier code replaced the refresh token")
	}
	r.sleep(time.Millisecond)
	r.refused("the earlier one, after five minutes", r.refreshed(first), cloud.RefreshTokenInvalid)
	_, err := r.exchange(late[2])
	r.refused("a code of the earlier consent, after five minutes", err, cloud.AuthCodeInvalid)
	r.ok("the later one still", r.refreshed(next))

	third := r.exchanged(r.authorize(platform1, mini1, 49)).RefreshToken
	r.refused("the first once there is a third", r.refreshed(first), cloud.RefreshTokenInvalid)
	r.ok("the second", r.refreshed(next))
	r.ok("Revoke", r.cloud.Revoke(t.Context(), r.operator(), platform1, mini1))
	r.authorize(platform1, mini1, 49)
	for _, old := range []string{first, next, third} {
		r.refused("a refresh token of before the cancellation", r.refreshed(old), cloud.RefreshTokenInvalid)
	}
	_, err = r.cloud.AnotherCode(t.Context(), r.operator(), rand.Reader, platform1, mini1, firstConsent)
	r.refused("a code of a consent that was cancelled", err, cloud.NotFound)
}

// A consent that nobody exchanged is superseded like any other.
func TestConsentThatWasNotExchanged(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	first := r.exchanged(r.authorize(platform1, mini1, 49)).RefreshToken
	early, middle := r.authorize(platform1, mini1, 49), r.authorize(platform1, mini1, 49)
	last := r.exchanged(r.authorize(platform1, mini1, 49)).RefreshToken
	g := r.exchanged(early)
	for what, token := range map[string]string{"first": first, "exchanged late": g.RefreshToken, "last": last} {
		r.ok(what, r.refreshed(token))
	}
	r.sleep(5 * time.Minute)
	_, err := r.exchange(middle)
	r.refused("the code of an earlier consent", err, cloud.AuthCodeInvalid)
	for what, token := range map[string]string{"first": first, "exchanged late": g.RefreshToken} {
		r.refused(what, r.refreshed(token), cloud.RefreshTokenInvalid)
	}
	r.ok("last", r.refreshed(last))
}

// Proves: AI-4
//
// A refresh token that a server of before made can be looked up, but not told, until
// its holder brings it.
func TestRefreshTokenOfAServerOfBefore(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	token := "refreshtoken@@@of-a-server-of-before"
	mac := r.ring.MAC("refreshtoken", []string{platform1, mini1}, token)
	r.ok("Apply", r.store.Apply(t.Context(), []cloud.Change{cloud.PutAuthorization{
		Platform: platform1, AppID: mini1, Sets: []int{49}, Refresh: cloud.RefreshToken{MAC: mac},
	}}, nil))
	listed := func() string {
		t.Helper()
		list, n, err := r.cloud.Authorizers(t.Context(), r.component(platform1), platform1, 0, 10)
		r.ok("Authorizers", err)
		if n != 1 || len(list) != 1 {
			t.Fatalf("%d of %d are listed", len(list), n)
		}
		return list[0].RefreshToken
	}
	info := func() (string, error) {
		a, err := r.cloud.Authorizer(t.Context(), r.component(platform1), platform1, mini1)
		return a.RefreshToken, err
	}
	if got := listed(); got != "" {
		t.Errorf("the list tells %q", got)
	}
	_, err := info()
	r.refused("info", err, cloud.RefreshTokenInvalid)
	r.refused("a false one", r.refreshed(token+"x"), cloud.RefreshTokenInvalid)
	_, err = info()
	r.refused("info after a false one", err, cloud.RefreshTokenInvalid)
	r.ok("its use", r.refreshed(token))
	if got := listed(); got != token {
		t.Errorf("the list tells %q", got)
	}
	if got, err := info(); err != nil || got != token {
		t.Errorf("info tells %q, %v", got, err)
	}
}
