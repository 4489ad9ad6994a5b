package cloud_test

import (
	"strings"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
)

// step is how a token fares at some time after the test began.
type step struct {
	after time.Duration
	want  cloud.Kind
	good  bool
}

func (r *rig) fares(token string, steps ...step) {
	r.Helper()
	begin := r.clock.Load()
	for _, s := range steps {
		r.clock.Store(begin + s.after.Milliseconds())
		err := r.authenticate(token)
		if s.good && err != nil {
			r.Errorf("after %v: %v, want it good", s.after, err)
		}
		if !s.good {
			r.refused(s.after.String(), err, s.want)
		}
	}
	r.clock.Store(begin)
}

// CR-8: 42001 from its own expiry on; before that 40014, 5 minutes after the
// issue of its successor.
func TestTokenLife(t *testing.T) {
	t.Parallel()
	t.Run("without a successor", func(t *testing.T) {
		r := newRig(t)
		token := r.grant(platform1, mini1, 49).AccessToken
		if token.Life != cloud.TokenLife {
			t.Errorf("life %v, want %v", token.Life, cloud.TokenLife)
		}
		r.fares(token.Value,
			step{after: 0, good: true},
			step{after: 2*time.Hour - time.Millisecond, good: true},
			step{after: 2 * time.Hour, want: cloud.TokenExpired},
			step{after: 1000 * time.Hour, want: cloud.TokenExpired})
	})
	t.Run("with a successor", func(t *testing.T) {
		r := newRig(t)
		g := r.grant(platform1, mini1, 49)
		r.sleep(30 * time.Minute)
		next := r.refresh(g)
		r.fares(g.AccessToken.Value,
			step{after: 0, good: true},
			step{after: 5*time.Minute - time.Millisecond, good: true},
			step{after: 5 * time.Minute, want: cloud.InvalidToken},
			step{after: 90*time.Minute - time.Millisecond, want: cloud.InvalidToken},
			step{after: 90 * time.Minute, want: cloud.TokenExpired})
		r.fares(next, step{after: 90 * time.Minute, good: true}, step{after: 2 * time.Hour, want: cloud.TokenExpired})
	})
	t.Run("with a successor just before its expiry", func(t *testing.T) {
		r := newRig(t)
		g := r.grant(platform1, mini1, 49)
		r.sleep(2*time.Hour - time.Minute)
		r.refresh(g)
		r.fares(g.AccessToken.Value,
			step{after: time.Minute - time.Millisecond, good: true},
			step{after: time.Minute, want: cloud.TokenExpired})
	})
}

// CR-8 for a platform's own token, and for the token that query-auth gives in
// place of the one before.
func TestOverlapOfEveryKind(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	auth := func(token string) error {
		_, err := r.cloud.Authenticate(r.Context(), token, credentials, "rid")
		return err
	}
	first := r.componentToken(platform1)
	r.componentToken(platform1)
	other := r.componentToken(platform2)
	g := r.grant(platform2, mini1, 49)
	again := r.grant(platform2, mini1, 49)
	r.sleep(5*time.Minute - time.Millisecond)
	r.ok("component token in the overlap", auth(first))
	r.ok("authorizer token in the overlap", r.authenticate(g.AccessToken.Value))
	r.sleep(time.Second)
	r.refused("component token after the overlap", auth(first), cloud.InvalidToken)
	r.refused("authorizer token after the overlap", r.authenticate(g.AccessToken.Value), cloud.InvalidToken)
	r.ok("the newest authorizer token", r.authenticate(again.AccessToken.Value))
	r.refused("another platform's, superseded by its own", auth(other), cloud.InvalidToken)
}

// However many tokens are asked for, the last stays good, and those before end
// within a second of their time.
func TestManyTokens(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	g := r.grant(platform1, mini1, 49)
	c := r.component(platform1)
	var tokens []string
	for range 60 {
		r.sleep(7 * time.Millisecond)
		next, err := r.cloud.RefreshAuthorizerToken(r.Context(), c, platform1, mini1, g.RefreshToken)
		r.ok("RefreshAuthorizerToken", err)
		tokens = append(tokens, next.AccessToken.Value)
	}
	r.sleep(5*time.Minute - 420*time.Millisecond)
	for i, token := range tokens {
		if err := r.authenticate(token); err != nil {
			t.Errorf("token %d ended before its successor was 5 minutes old: %v", i, err)
		}
	}
	r.sleep(1420 * time.Millisecond)
	for i, token := range tokens[:59] {
		r.refused("token "+string(rune('a'+i)), r.authenticate(token), cloud.InvalidToken)
	}
	r.ok("the newest token", r.authenticate(tokens[59]))
	a, err := r.store.Authorization(t.Context(), platform1, mini1)
	r.ok("Authorization", err)
	if len(a.Issued) > 20 {
		t.Errorf("%d issue times are stored of tokens of one second", len(a.Issued))
	}
}

// EN-11, checks 3 to 7: the first that fails answers.
func TestOrderOfChecks(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	none := cloud.Interface{Name: "none", Tokens: cloud.ComponentToken, Sets: []int{7}}
	with := func(token string, iface cloud.Interface) error {
		_, err := r.cloud.Authenticate(r.Context(), token, iface, "rid")
		return err
	}
	g := r.grant(platform1, mini1, 18)
	component := r.componentToken(platform1)
	r.refused("no permission set", with(g.AccessToken.Value, developer), cloud.MissingPermission)
	r.refused("authorizer token for a platform's interface", with(g.AccessToken.Value, none), cloud.WrongTokenKind)
	r.refused("component token for an authorizer's interface", with(component, developer), cloud.WrongTokenKind)
	r.ok("component token, whatever the sets", with(component, none))
	r.ok("authorizer token where no set is needed", with(g.AccessToken.Value, cloud.Interface{Tokens: cloud.AuthorizerToken}))
	r.ok("either kind", with(component, cloud.Interface{Tokens: cloud.AuthorizerToken | cloud.ComponentToken, Sets: []int{49}}))

	r.ok("Revoke", r.cloud.Revoke(t.Context(), r.operator(), platform1, mini1))
	r.refused("cancelled, wrong kind", with(g.AccessToken.Value, none), cloud.WrongTokenKind)
	r.refused("cancelled, no set", with(g.AccessToken.Value, developer), cloud.NotAuthorized)
	r.sleep(2*time.Hour + time.Second)
	r.refused("cancelled and expired", with(g.AccessToken.Value, developer), cloud.TokenExpired)
	r.refused("expired, wrong kind", with(component, developer), cloud.TokenExpired)
	for _, false1 := range []string{"", "x", g.AccessToken.Value[1:], component + "A", strings.Repeat("A", 5000), ticket2} {
		r.refused("invalid token", with(false1, none), cloud.InvalidToken)
	}
}

// The kinds of what the server signs are apart: none passes as a token.
func TestNothingElseIsAToken(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.caller(platform1, mini1)
	ticket, err := r.cloud.Ticket(t.Context(), r.operator(), platform1)
	r.ok("Ticket", err)
	grant, err := r.cloud.UploadSignature(t.Context(), c, strings.Repeat("0", 64), someHeaders)
	r.ok("UploadSignature", err)
	for name, token := range map[string]string{"ticket": strings.TrimPrefix(ticket, "ticket@@@"), "upload token": grant.Token} {
		r.refused(name, r.authenticate(token), cloud.InvalidToken)
		_, err := r.cloud.OpenLink(t.Context(), token, developer.Sets, "rid")
		r.refused(name+" as a link", err, cloud.LinkInvalid)
	}
}

// Whoever is refused is known as soon as the token is, for the record.
func TestRefusedCallerIsKnown(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	g := r.grant(platform1, mini1, 18)
	c, err := r.cloud.Authenticate(t.Context(), g.AccessToken.Value, developer, "rid-1")
	r.refused("no set", err, cloud.MissingPermission)
	if c.Platform != platform1 || c.AppID != mini1 || c.RID != "rid-1" || c.Operator {
		t.Errorf("caller %+v", c)
	}
	c, err = r.cloud.Authenticate(t.Context(), g.AccessToken.Value+"A", developer, "rid-2")
	r.refused("invalid token", err, cloud.InvalidToken)
	if c.Platform != "" {
		t.Errorf("the caller of a false token is %+v", c)
	}
}

// CR-10: tokens stay good across a restart, and another server's are false.
func TestTokensAcrossARestart(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	g := r.grant(platform1, mini1, 49)
	restarted := cloud.New(cloud.Config{Store: r.store, Blobs: r.blobs, Ring: r.ring, Now: r.now})
	if _, err := restarted.Authenticate(t.Context(), g.AccessToken.Value, developer, "rid"); err != nil {
		t.Errorf("after a restart: %v", err)
	}
	r.ok("Close", restarted.Close())
	other := newRig(t)
	other.grant(platform1, mini1, 49)
	r.refused("another server's token", other.authenticate(g.AccessToken.Value), cloud.InvalidToken)
}
