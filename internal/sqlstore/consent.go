package sqlstore

import (
	"context"

	"github.com/opentcb/opentcb/internal/cloud"
)

// ConsentHosts implements cloud.Store.
func (s *Store) ConsentHosts(ctx context.Context, platform string) ([]string, error) {
	return platformList[string](s.read(ctx), s.guard, grantedHosts, platform)
}

// AddConsentCode implements cloud.Store.
func (s *Store) AddConsentCode(ctx context.Context, c cloud.ConsentCode, rec cloud.Record) error {
	return s.writer.writeFor(ctx, c.AppID, func(t *tx) error {
		if err := t.keepAccount(c.AppID); err != nil {
			return err
		}
		t.record(rec)
		_, err := t.exec(`INSERT INTO consent_codes (appid, code_mac, id, created_at, expires_at, mac)
			VALUES ($1, $2, $3, $4, $5, $6)`, c.AppID, c.MAC, c.ID, c.CreatedAt, c.ExpiresAt,
			t.guard.vouch(grantedConsent, c.AppID, c.MAC, c.ExpiresAt))
		return err
	})
}

// ConsentCode implements cloud.Store.
func (s *Store) ConsentCode(ctx context.Context, appid, codeMAC string) (cloud.ConsentCode, error) {
	c := cloud.ConsentCode{AppID: appid, MAC: codeMAC}
	var mac string
	err := s.read(ctx).row(`SELECT id, created_at, expires_at, mac FROM consent_codes WHERE appid = $1 AND code_mac = $2`,
		[]any{appid, codeMAC}, &c.ID, &c.CreatedAt, &c.ExpiresAt, &mac)
	if err == nil {
		err = s.guard.check(grantedConsent, mac, appid, codeMAC, c.ExpiresAt)
	}
	return c, err
}

// ConsentCodes implements cloud.Store.
func (s *Store) ConsentCodes(ctx context.Context, appid string) ([]cloud.ConsentCode, error) {
	fields := func(c *cloud.ConsentCode) []any {
		return []any{&c.AppID, &c.MAC, &c.ID, &c.CreatedAt, &c.ExpiresAt}
	}
	return collect(s.read(ctx), fields, `SELECT appid, code_mac, id, created_at, expires_at FROM consent_codes
		WHERE appid = $1 ORDER BY created_at, id`, appid)
}

// RemoveConsentCodes implements cloud.Store.
func (s *Store) RemoveConsentCodes(ctx context.Context, appid, id string, rec cloud.Record) (bool, error) {
	return s.swap(ctx, appid, rec, "DELETE FROM consent_codes WHERE appid = $1 AND (id = $2 OR $2 = '')", appid, id)
}

// PreAuthUsed implements cloud.Store.
func (s *Store) PreAuthUsed(ctx context.Context, platform, codeMAC string) (bool, error) {
	var n int64
	err := s.read(ctx).row("SELECT count(*) FROM used_preauth WHERE platform = $1 AND code_mac = $2",
		[]any{platform, codeMAC}, &n)
	return n > 0, err
}

// usePreAuth uses up a pre-auth code: cloud.ErrRepeated if it is. Those that are too
// old by now are forgotten.
func (t *tx) usePreAuth(platform, codeMAC string, at int64) error {
	if codeMAC == "" {
		return nil
	}
	n, err := t.exec(`INSERT INTO used_preauth (platform, code_mac, used_at) VALUES ($1, $2, $3)
		ON CONFLICT (platform, code_mac) DO NOTHING`, platform, codeMAC, at)
	if err == nil && n == 0 {
		err = cloud.ErrRepeated
	}
	if err == nil {
		_, err = t.exec("DELETE FROM used_preauth WHERE platform = $1 AND used_at < $2", platform,
			at-codeKept.Milliseconds())
	}
	return err
}
