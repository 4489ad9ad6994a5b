package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"

	"github.com/opentcb/opentcb/internal/cloud"
)

// History implements cloud.Store.
func (s *Store) History(ctx context.Context, account, env string) ([]cloud.PermissionChange, error) {
	var changes []cloud.PermissionChange
	err := s.read(ctx).rows("SELECT env, version, at, rid, operator, platform, open, flipped, api_whitelist FROM permission_history "+
		"WHERE account = $1 AND (env = $2 OR flipped) ORDER BY at, version, env", []any{account, env},
		func(r *sql.Rows) error {
			ch := cloud.PermissionChange{Account: account}
			var list string
			if err := r.Scan(&ch.Env, &ch.Version, &ch.At, &ch.RID, &ch.Operator, &ch.Platform, &ch.Open, &ch.Flipped, &list); err != nil {
				return err
			}
			changes = append(changes, ch)
			return json.Unmarshal([]byte(list), &changes[len(changes)-1].Whitelist)
		})
	return changes, err
}

// keepHistory adds an accepted set to the history. list is the whitelist as
// it is stored.
func (t *tx) keepHistory(account, env string, version int64, open, flipped bool, list string, rec cloud.Record) error {
	_, err := t.exec("INSERT INTO permission_history (account, env, version, at, rid, operator, platform, open, flipped, api_whitelist) "+
		"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
		account, env, version, rec.At, rec.RID, rec.Operator, rec.Platform, open, flipped, list)
	return err
}
