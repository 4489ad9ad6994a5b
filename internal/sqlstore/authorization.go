package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/tcb"
)

// Authorization implements cloud.Store.
func (s *Store) Authorization(ctx context.Context, platform, appid string) (cloud.Authorization, error) {
	a := cloud.Authorization{Platform: platform, AppID: appid}
	var sets, issued, mac string
	var third, mini switchState
	err := s.read(ctx).row(`SELECT in_force, epoch, sets, refresh_mac, issued, COALESCE(z.mac, ''),
			EXISTS (SELECT 1 FROM refresh_tokens r WHERE r.appid = $1 AND r.platform = $2
				AND r.refresh_mac = authorizations.refresh_mac AND r.sealed <> ''),
			EXISTS (SELECT 1 FROM platform_limits l WHERE l.appid = $2),
			p.open, p.disabled, p.mac, m.open, m.disabled, m.mac
		FROM authorizations LEFT JOIN authorization_macs z USING (appid, platform)
		JOIN accounts p ON p.appid = platform JOIN accounts m ON m.appid = authorizations.appid
		WHERE authorizations.appid = $1 AND platform = $2`,
		[]any{appid, platform}, &a.InForce, &a.Epoch, &sets, &a.RefreshMAC, &issued, &mac, &a.RefreshKept,
		&a.PlatformBounded, &third.open, &third.disabled, &third.mac, &mini.open, &mini.disabled, &mini.mac)
	if err == nil {
		err = s.guard.check(granted, mac, appid, platform, a.InForce, a.Epoch, sets, a.RefreshMAC)
	}
	if err == nil {
		err = errors.Join(third.check(s.guard, platform), mini.check(s.guard, appid))
		a.PlatformDisabled, a.AppDisabled = third.disabled != 0, mini.disabled != 0
	}
	if err != nil {
		return cloud.Authorization{}, err
	}
	if err := json.Unmarshal([]byte(sets), &a.Sets); err != nil {
		return cloud.Authorization{}, err
	}
	a.Issued, err = cloud.ParseIssues(issued)
	return a, err
}

// AuthCode implements cloud.Store.
func (s *Store) AuthCode(ctx context.Context, platform, codeMAC string) (cloud.AuthCode, error) {
	c := cloud.AuthCode{Platform: platform, CodeMAC: codeMAC}
	var mac string
	err := s.read(ctx).row(`SELECT appid, epoch, expires_at, used_at, refresh_mac, mac FROM auth_codes
		WHERE platform = $1 AND code_mac = $2`,
		[]any{platform, codeMAC}, &c.AppID, &c.Epoch, &c.ExpiresAt, &c.UsedAt, &c.RefreshMAC, &mac)
	if err == nil {
		err = s.guard.check(grantedByCode, mac, platform, codeMAC, c.AppID, c.Epoch, c.ExpiresAt)
	}
	return c, err
}

// IssueAuthorizerToken implements cloud.Store.
func (s *Store) IssueAuthorizerToken(ctx context.Context,
	a cloud.Authorization, next cloud.Issues, rec cloud.Record) (bool, error) {
	return s.swap(ctx, a.AppID, rec, `UPDATE authorizations SET issued = $1
		WHERE appid = $2 AND platform = $3 AND epoch = $4 AND in_force AND issued = $5`,
		next.String(), a.AppID, a.Platform, a.Epoch, a.Issued.String())
}

// RedeemAuthCode implements cloud.Store.
func (s *Store) RedeemAuthCode(
	ctx context.Context, a cloud.Authorization,
	codeMAC string, inForce cloud.RefreshToken, next cloud.Issues, rec cloud.Record,
) (bool, error) {
	err := s.writer.writeFor(ctx, a.AppID, func(t *tx) error {
		if err := t.checkRow(granted, a.AppID, a.Platform); err != nil {
			return err
		}
		err := t.one("UPDATE auth_codes SET used_at = $1 WHERE platform = $2 AND code_mac = $3 AND used_at = 0",
			rec.At, a.Platform, codeMAC)
		if err != nil {
			return err
		}
		t.record(rec)
		if err := t.voidRefresh(a.Platform, a.AppID, inForce.MAC); err != nil {
			return err
		}
		// If this fails, nothing of the change is left: the code stays unused.
		err = t.one(`UPDATE authorizations SET issued = $1, refresh_mac = $2
			WHERE appid = $3 AND platform = $4 AND epoch = $5 AND in_force AND issued = $6 AND refresh_mac = $7`,
			next.String(), inForce.MAC, a.AppID, a.Platform, a.Epoch, a.Issued.String(), a.RefreshMAC)
		if err != nil || inForce.MAC == a.RefreshMAC {
			return err
		}
		if err := t.supersede(a, inForce, rec.At); err != nil {
			return err
		}
		return t.vouchRow(granted, a.AppID, a.Platform)
	})
	if errors.Is(err, cloud.ErrStale) {
		return false, nil
	}
	return err == nil, err
}

// codeKept is how long the row of an expired authorization code is kept, so
// that it is answered otherwise than a code that never was.
const codeKept = 24 * time.Hour

// Consent implements cloud.Store.
func (s *Store) Consent(ctx context.Context, c cloud.Consent, rec cloud.Record) error {
	return s.writer.writeFor(ctx, c.AppID, func(t *tx) error {
		if err := errors.Join(t.keepAccount(c.AppID), t.keepAccount(c.Platform)); err != nil {
			return err
		}
		e, err := t.eventOfConsent(c)
		if err == nil {
			err = t.usePreAuth(c.Platform, c.PreAuthMAC, rec.At)
		}
		if err == nil {
			err = t.putAuthorization(c.Platform, c.AppID, c.Sets, c.Refresh.MAC, rec.At)
		}
		if err == nil {
			err = t.recordEvent(e, rec.At)
		}
		if err != nil {
			return err
		}
		epoch, err := t.addRefresh(c.Platform, c.AppID, c.Refresh, rec.At)
		if err == nil {
			err = t.addCode(c.Code, epoch)
		}
		if err != nil {
			return err
		}
		t.record(rec)
		_, err = t.exec("DELETE FROM auth_codes WHERE platform = $1 AND expires_at < $2",
			c.Platform, rec.At-codeKept.Milliseconds())
		return err
	})
}

func (t *tx) addCode(c cloud.AuthCode, epoch int64) error {
	_, err := t.exec(`INSERT INTO auth_codes (platform, code_mac, appid, epoch, expires_at, used_at, refresh_mac, mac)
		VALUES ($1, $2, $3, $4, $5, 0, $6, $7)`, c.Platform, c.CodeMAC, c.AppID, epoch, c.ExpiresAt, c.RefreshMAC,
		t.guard.vouch(grantedByCode, c.Platform, c.CodeMAC, c.AppID, epoch, c.ExpiresAt))
	return err
}

// AddAuthCode implements cloud.Store.
func (s *Store) AddAuthCode(ctx context.Context, c cloud.AuthCode) error {
	return s.writer.writeFor(ctx, c.AppID, func(t *tx) error {
		var epoch int64
		err := t.lock("SELECT appid FROM authorizations WHERE appid = $1 AND platform = $2", c.AppID, c.Platform)
		if err == nil {
			err = t.row(`SELECT epoch FROM authorizations a JOIN refresh_tokens r USING (appid, platform, epoch)
				WHERE appid = $1 AND platform = $2 AND a.in_force AND r.refresh_mac = $3`,
				[]any{c.AppID, c.Platform, c.RefreshMAC}, &epoch)
		}
		if err != nil {
			return err
		}
		return t.addCode(c, epoch)
	})
}

// putAuthorization puts an authorization in force, with that refresh token where
// there is none. One that was cancelled is given anew: what was issued under it
// before stays void (CR-9). at is the time, in Unix milliseconds.
func (t *tx) putAuthorization(platform, appid string, sets []int, refreshMAC string, at int64) error {
	list, err := json.Marshal(sets)
	if err == nil {
		err = t.checkRow(granted, appid, platform)
	}
	if err != nil {
		return err
	}
	_, err = t.exec(`INSERT INTO authorizations (appid, platform, in_force, epoch, sets, refresh_mac, issued)
		VALUES ($1, $2, TRUE, $4, $3, $5, '')
		ON CONFLICT (appid, platform) DO UPDATE SET sets = excluded.sets, in_force = TRUE,
			refresh_mac = CASE WHEN authorizations.refresh_mac = '' THEN excluded.refresh_mac
				ELSE authorizations.refresh_mac END,
			epoch = CASE WHEN authorizations.in_force THEN authorizations.epoch
				WHEN authorizations.epoch < excluded.epoch THEN excluded.epoch ELSE authorizations.epoch + 1 END`,
		appid, platform, string(list), max(at, 1), refreshMAC)
	if err != nil {
		return err
	}
	return t.vouchRow(granted, appid, platform)
}

// Revoke implements cloud.Store.
func (s *Store) Revoke(ctx context.Context, platform, appid string, rec cloud.Record) (bool, error) {
	var hit bool
	err := s.writer.writeFor(ctx, appid, func(t *tx) error {
		if err := t.voidRefresh(platform, appid, ""); err != nil {
			return err
		}
		n, err := t.exec(`UPDATE authorizations SET in_force = FALSE, refresh_mac = '', issued = ''
			WHERE appid = $1 AND platform = $2 AND in_force`, appid, platform)
		if hit = n > 0; hit && err == nil {
			t.record(rec)
			_, err = t.exec("DELETE FROM refresh_tokens WHERE appid = $1 AND platform = $2", appid, platform)
		}
		if err == nil && hit {
			err = t.vouchRow(granted, appid, platform)
		}
		if err == nil && hit {
			err = t.recordEvent(cloud.Push{Platform: platform, AppID: appid, Kind: tcb.EventUnauthorized}, rec.At)
		}
		return err
	})
	return hit && err == nil, err
}

// Authorizations implements cloud.Store.
func (s *Store) Authorizations(
	ctx context.Context, f cloud.AuthorizationFilter, p cloud.Page,
) ([]cloud.Authorization, error) {
	var sel selection
	sel.isText("z.platform", f.Platform)
	sel.isText("z.appid", f.AppID)
	sel.isTrue("z.in_force", f.InForce)
	query, args := sel.page(`SELECT z.appid, z.platform, z.in_force, z.epoch, z.sets, z.refresh_mac, z.issued,
			COALESCE(m.mac, '')
		FROM authorizations z LEFT JOIN authorization_macs m ON m.appid = z.appid AND m.platform = z.platform
		WHERE TRUE`, p, "z.appid", "z.platform")
	return scanAll(s.read(ctx), s.scanAuthorization, query, args...)
}

func (s *Store) scanAuthorization(r *sql.Rows) (a cloud.Authorization, err error) {
	var sets, issued, mac string
	err = r.Scan(&a.AppID, &a.Platform, &a.InForce, &a.Epoch, &sets, &a.RefreshMAC, &issued, &mac)
	if err == nil {
		err = s.guard.check(granted, mac, a.AppID, a.Platform, a.InForce, a.Epoch, sets, a.RefreshMAC)
	}
	if err == nil {
		err = json.Unmarshal([]byte(sets), &a.Sets)
	}
	if err == nil {
		a.Issued, err = cloud.ParseIssues(issued)
	}
	return a, err
}
