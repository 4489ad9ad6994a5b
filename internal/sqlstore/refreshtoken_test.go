package sqlstore

import (
	"errors"
	"testing"

	"github.com/opentcb/opentcb/internal/cloud"
)

// A server of before knows no refresh_tokens: it replaces the one in force, and its
// codes name no consent.
func TestRefreshTokensBesideServersOfBefore(t *testing.T) {
	t.Parallel()
	everyStore(t, func(t *testing.T, s *Store, _ func() *Store) {
		fill(t, s)
		ctx := t.Context()
		read := func(mac string) (cloud.RefreshToken, error) {
			a, err := s.Authorization(ctx, platform, mini)
			must(t, err)
			return s.RefreshToken(ctx, platform, mini, a.Epoch, mac)
		}
		redeem := func(code, refresh string, at int64) {
			t.Helper()
			a, err := s.Authorization(ctx, platform, mini)
			must(t, err)
			next := cloud.RefreshToken{MAC: refresh, Sealed: "sealed"}
			ok, err := s.RedeemAuthCode(ctx, a, code, next, cloud.Issues{at}, cloud.Record{At: at})
			if must(t, err); !ok {
				t.Fatalf("%s was not redeemed", code)
			}
		}
		superseded := func(mac string, want int64) {
			t.Helper()
			if got, err := read(mac); err != nil || got.SupersededAt != want {
				t.Errorf("%s is superseded at %d, %v; want %d", mac, got.SupersededAt, err, want)
			}
		}
		const replace = "UPDATE authorizations SET refresh_mac = '"
		meddle(t, s, "DELETE FROM refresh_tokens")
		meddle(t, s, replace+"theirs'")
		if a, err := s.Authorization(ctx, platform, mini); err != nil || a.RefreshKept {
			t.Errorf("of a server of before: %+v, %v", a, err)
		}
		if _, err := read("theirs"); !errors.Is(err, cloud.ErrNotFound) {
			t.Errorf("of a server of before: %v", err)
		}
		must(t, s.Consent(ctx, consentOf("two", 1<<40, 18), cloud.Record{At: 1000}))
		must(t, s.Consent(ctx, consentOf("three", 1<<40, 18), cloud.Record{At: 2000}))
		must(t, s.KeepRefreshToken(ctx, platform, mini, cloud.RefreshToken{MAC: "theirs", Sealed: "told"}))
		superseded("theirs", 0)
		redeem("two", "refresh-two", 3000)
		superseded("theirs", 3000)

		meddle(t, s, replace+"theirs again'") // which voids refresh-two
		redeem("three", "refresh-three", 4000)
		superseded("theirs again", 4000)
		superseded("refresh-two", 1)

		meddle(t, s, `INSERT INTO auth_codes (platform, code_mac, appid, epoch, expires_at, used_at)
			SELECT platform, 'theirs', appid, epoch, expires_at, 0 FROM auth_codes WHERE code_mac = 'three'`)
		if code, err := s.AuthCode(ctx, platform, "theirs"); err != nil || code.RefreshMAC != "" {
			t.Errorf("a code of a server of before: %+v, %v", code, err)
		}
		redeem("theirs", "new", 5000)
		superseded("refresh-three", 5000)
		superseded("new", 0)
	})
}

// What nobody can use any more is deleted, and nothing else.
func TestOldRefreshTokensGo(t *testing.T) {
	t.Parallel()
	everyStore(t, func(t *testing.T, s *Store, _ func() *Store) {
		fill(t, s)
		ctx, at := t.Context(), int64(1_790_000_000_000)
		consent := func(name string) {
			t.Helper()
			at += 3_600_000
			must(t, s.Consent(ctx, consentOf(name, at, 18), cloud.Record{At: at}))
		}
		exchange := func(name string) {
			t.Helper()
			a, err := s.Authorization(ctx, platform, mini)
			must(t, err)
			next := cloud.RefreshToken{MAC: "refresh-" + name, Sealed: "sealed"}
			_, err = s.RedeemAuthCode(ctx, a, name, next, cloud.Issues{at}, cloud.Record{At: at})
			must(t, err)
		}
		are := func(want ...string) {
			t.Helper()
			for _, name := range []string{"code", "never", "second", "third"} {
				_, err := s.RefreshToken(ctx, platform, mini, 3, "refresh-"+name)
				there := false
				for _, w := range want {
					there = there || w == name
				}
				if there != (err == nil) {
					t.Errorf("%s: %v; want %v", name, err, want)
				}
			}
		}
		consent("never")
		consent("second")
		exchange("second")
		at += refreshKept.Milliseconds() - 2*3_600_000
		consent("third")
		are("code", "second", "third", "never")
		at += 2 * 3_600_000
		consent("fourth")
		are("second", "third")
		at += 10 * refreshKept.Milliseconds()
		consent("fifth")
		are("second")
	})
}
