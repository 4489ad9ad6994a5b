package sqlstore

import (
	"context"
	"database/sql"

	"github.com/opentcb/opentcb/internal/cloud"
)

// Authorizers implements cloud.Store.
func (s *Store) Authorizers(
	ctx context.Context, platform string, offset, limit int64,
) (rows []cloud.AuthorizerRow, total int64, err error) {
	const inUse = " FROM authorizations z JOIN accounts a ON a.appid = z.appid AND a.disabled = 0"
	err = s.read(ctx).row("SELECT count(*)"+inUse+" WHERE z.platform = $1 AND z.in_force", []any{platform}, &total)
	if err != nil {
		return nil, 0, err
	}
	rows, err = scanAll(s.read(ctx), func(r *sql.Rows) (row cloud.AuthorizerRow, err error) {
		var sets, mac string
		err = r.Scan(&row.AppID, &row.Epoch, &sets, &row.Refresh.MAC, &mac, &row.Refresh.Sealed)
		if err == nil {
			err = s.guard.check(granted, mac, row.AppID, platform, true, row.Epoch, sets, row.Refresh.MAC)
		}
		return row, err
	}, `SELECT z.appid, z.epoch, z.sets, z.refresh_mac, COALESCE(m.mac, ''), COALESCE(r.sealed, '')`+inUse+`
		LEFT JOIN authorization_macs m ON m.appid = z.appid AND m.platform = z.platform
		LEFT JOIN refresh_tokens r ON r.appid = z.appid AND r.platform = z.platform AND r.refresh_mac = z.refresh_mac
		WHERE z.platform = $1 AND z.in_force ORDER BY z.epoch, z.appid LIMIT $2 OFFSET $3`, platform, limit, offset)
	return rows, total, err
}
