package sqlstore

import (
	"context"
	"errors"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
)

// refreshKept is how long a refresh token is kept that never came into force, or
// whose successor did: longer than anybody makes codes of its consent.
const refreshKept = 48 * time.Hour

const ofAuthorization = " FROM refresh_tokens WHERE appid = $1 AND platform = $2 AND epoch = $3"

// refreshRow is a row of refresh_tokens.
type refreshRow struct {
	refreshMAC, sealed, mac string
	place, since            int64
}

// refreshRow reads the first row that a condition selects.
func (s *Store) refreshRow(
	ctx context.Context, platform, appid string, epoch int64, which string, arg any,
) (r refreshRow, err error) {
	err = s.read(ctx).row("SELECT refresh_mac, sealed, place, since, mac"+ofAuthorization+" AND "+which,
		[]any{appid, platform, epoch, arg}, &r.refreshMAC, &r.sealed, &r.place, &r.since, &r.mac)
	if err == nil {
		err = s.guard.check(grantedRefresh, r.mac, appid, platform, r.refreshMAC, epoch, r.place, r.since)
	}
	return r, err
}

// RefreshToken implements cloud.Store.
func (s *Store) RefreshToken(
	ctx context.Context, platform, appid string, epoch int64, mac string,
) (cloud.RefreshToken, error) {
	own, err := s.refreshRow(ctx, platform, appid, epoch, "refresh_mac = $4", mac)
	if err != nil {
		return cloud.RefreshToken{}, err
	}
	next, err := s.refreshRow(ctx, platform, appid, epoch, "place > $4 AND since > 0 ORDER BY since LIMIT 1", own.place)
	if err != nil && !errors.Is(err, cloud.ErrNotFound) {
		return cloud.RefreshToken{}, err
	}
	return cloud.RefreshToken{MAC: mac, Sealed: own.sealed, SupersededAt: next.since}, nil
}

// putRefresh stores a refresh token at a place, in force since then if that is not 0.
func (t *tx) putRefresh(platform, appid string, epoch int64, r cloud.RefreshToken, place, since int64) error {
	_, err := t.exec(`INSERT INTO refresh_tokens (appid, platform, refresh_mac, sealed, epoch, place, since, mac)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (appid, platform, refresh_mac) DO NOTHING`,
		appid, platform, r.MAC, r.Sealed, epoch, place, since,
		t.guard.vouch(grantedRefresh, appid, platform, r.MAC, epoch, place, since))
	return err
}

// refreshInForce returns the MAC of the refresh token in force, and the epoch.
func (t *tx) refreshInForce(platform, appid string) (mac string, epoch int64, err error) {
	err = t.row("SELECT refresh_mac, epoch FROM authorizations WHERE appid = $1 AND platform = $2 AND in_force",
		[]any{appid, platform}, &mac, &epoch)
	return mac, epoch, err
}

// addRefresh stores the refresh token of a consent that was just given, and deletes
// those that nobody can use any more. It returns the authorization's epoch.
func (t *tx) addRefresh(platform, appid string, r cloud.RefreshToken, at int64) (epoch int64, err error) {
	var inForce string
	var place, old int64
	end := at - refreshKept.Milliseconds()
	err = t.row(`SELECT a.refresh_mac, a.epoch, COALESCE(max(CASE WHEN r.epoch = a.epoch THEN r.place END), 0),
			count(CASE WHEN (r.epoch <> a.epoch OR r.place < $3) AND r.refresh_mac <> a.refresh_mac THEN 1 END)
		FROM authorizations a LEFT JOIN refresh_tokens r ON r.appid = a.appid AND r.platform = a.platform
		WHERE a.appid = $1 AND a.platform = $2 GROUP BY a.refresh_mac, a.epoch`,
		[]any{appid, platform, end}, &inForce, &epoch, &place, &old)
	if err == nil && old > 0 {
		_, err = t.exec(`DELETE FROM refresh_tokens WHERE appid = $1 AND platform = $2 AND refresh_mac <> $3
			AND (epoch <> $4 OR since = 0 AND place < $5 OR place < (SELECT COALESCE(max(n.place), 0) FROM refresh_tokens n
				WHERE n.appid = $1 AND n.platform = $2 AND n.epoch = $4 AND n.since > 0 AND n.since < $5))`,
			appid, platform, inForce, epoch, end)
	}
	if err != nil {
		return 0, err
	}
	since := int64(0)
	if inForce == r.MAC {
		since = max(at, 1)
	}
	return epoch, t.putRefresh(platform, appid, epoch, r, max(place+1, at), since)
}

// lastPlace returns the place of a refresh token that is given at this time.
func (t *tx) lastPlace(platform, appid string, epoch, at int64) (place int64, err error) {
	err = t.row("SELECT COALESCE(max(place), 0) + 1"+ofAuthorization, []any{appid, platform, epoch}, &place)
	return max(place, at), err
}

// placeInForce returns a place for the refresh token in force, of which nothing is
// known: before those of consents that are not in force yet.
func (t *tx) placeInForce(platform, appid string, epoch int64) (place int64, err error) {
	err = t.row("SELECT COALESCE(min(CASE WHEN since = 0 THEN place END), max(place) + 2, 2) - 1"+ofAuthorization,
		[]any{appid, platform, epoch}, &place)
	return place, err
}

// supersede puts the refresh token of a later consent in force. That of the earlier
// one counts for a while yet.
func (t *tx) supersede(a cloud.Authorization, next cloud.RefreshToken, at int64) error {
	at = max(at, 1)
	place, err := t.placeInForce(a.Platform, a.AppID, a.Epoch)
	if err == nil && a.RefreshMAC != "" {
		err = t.putRefresh(a.Platform, a.AppID, a.Epoch, cloud.RefreshToken{MAC: a.RefreshMAC}, place, 1)
	}
	if err == nil {
		place, err = t.lastPlace(a.Platform, a.AppID, a.Epoch, at)
	}
	if err == nil {
		err = t.putRefresh(a.Platform, a.AppID, a.Epoch, next, place, at)
	}
	if err == nil {
		err = t.checkRow(grantedRefresh, a.AppID, a.Platform, next.MAC)
	}
	if err != nil {
		return err
	}
	_, err = t.exec(`UPDATE refresh_tokens SET since = $1
		WHERE appid = $2 AND platform = $3 AND refresh_mac = $4 AND since = 0`, at, a.AppID, a.Platform, next.MAC)
	if err != nil {
		return err
	}
	return t.vouchRow(grantedRefresh, a.AppID, a.Platform, next.MAC)
}

// KeepRefreshToken implements cloud.Store.
func (s *Store) KeepRefreshToken(ctx context.Context, platform, appid string, r cloud.RefreshToken) error {
	return s.writer.writeFor(ctx, appid, func(t *tx) error {
		err := t.lock("SELECT appid FROM authorizations WHERE appid = $1 AND platform = $2", appid, platform)
		if err != nil {
			return err
		}
		return t.keepRefresh(platform, appid, r)
	})
}

// keepRefresh stores the refresh token in force, with its sealed form: before those
// of consents that are not in force yet. If it is not in force, nothing is stored.
func (t *tx) keepRefresh(platform, appid string, r cloud.RefreshToken) error {
	inForce, epoch, err := t.refreshInForce(platform, appid)
	if errors.Is(err, cloud.ErrNotFound) || err == nil && inForce != r.MAC {
		return nil
	}
	var place int64
	if err == nil {
		place, err = t.placeInForce(platform, appid, epoch)
	}
	if err == nil {
		err = t.putRefresh(platform, appid, epoch, r, place, 1)
	}
	if err != nil {
		return err
	}
	_, err = t.exec("UPDATE refresh_tokens SET sealed = $1 WHERE appid = $2 AND platform = $3 AND refresh_mac = $4",
		r.Sealed, appid, platform, r.MAC)
	return err
}

// voidRefresh remembers that the refresh token of an authorization in force is
// voided, unless it is next that replaces it.
func (t *tx) voidRefresh(platform, appid, next string) error {
	err := t.lock("SELECT appid FROM authorizations WHERE appid = $1 AND platform = $2", appid, platform)
	if err != nil {
		return err
	}
	_, err = t.exec(`INSERT INTO voided_refresh_tokens (appid, platform, refresh_mac)
		SELECT appid, platform, refresh_mac FROM authorizations
		WHERE appid = $1 AND platform = $2 AND in_force AND (refresh_mac <> $3 OR $3 = '')
		ON CONFLICT (appid, platform, refresh_mac) DO NOTHING`, appid, platform, next)
	return err
}

// RefreshVoided implements cloud.Store.
func (s *Store) RefreshVoided(ctx context.Context, platform, appid, refreshMAC string) (bool, error) {
	a, err := s.Authorization(ctx, platform, appid)
	if errors.Is(err, cloud.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	var these, all int64
	err = s.read(ctx).row(`SELECT count(CASE WHEN refresh_mac = $3 THEN 1 END), count(*)
		FROM voided_refresh_tokens WHERE appid = $1 AND platform = $2`,
		[]any{appid, platform, refreshMAC}, &these, &all)
	return these > 0 || all == 0 && !a.InForce, err
}
