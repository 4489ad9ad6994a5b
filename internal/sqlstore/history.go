package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"slices"

	"github.com/opentcb/opentcb/internal/cloud"
)

const historyColumns = "account, env, version, at, rid, operator, done_by, platform, open, flipped, api_whitelist"

// History implements cloud.Store.
func (s *Store) History(ctx context.Context, account, env string) ([]cloud.PermissionChange, error) {
	var own, others []cloud.PermissionChange
	err := s.read(ctx).rows("SELECT "+historyColumns+` FROM permission_history
		WHERE account = $1 AND (env = $2 OR flipped) ORDER BY at, version, env`, []any{account, env},
		func(r *sql.Rows) error {
			var ch cloud.PermissionChange
			var list string
			err := r.Scan(&ch.Account, &ch.Env, &ch.Version, &ch.At, &ch.RID, &ch.Operator, &ch.By, &ch.Platform,
				&ch.Open, &ch.Flipped, &list)
			if err != nil {
				return err
			}
			if err := json.Unmarshal([]byte(list), &ch.Whitelist); err != nil {
				return err
			}
			if ch.Env == env {
				own = append(own, ch)
			} else {
				others = append(others, ch)
			}
			return nil
		})
	slices.SortFunc(own, func(a, b cloud.PermissionChange) int { return cmp.Compare(a.Version, b.Version) })
	return merge(own, others), err
}

// merge merges an environment's own changes with flips through other
// environments, by their times. Its own stay in the order of their versions, in
// which they were accepted: several servers have several clocks.
func merge(own, others []cloud.PermissionChange) []cloud.PermissionChange {
	var all []cloud.PermissionChange
	for _, ch := range own {
		for len(others) > 0 && others[0].At < ch.At {
			all, others = append(all, others[0]), others[1:]
		}
		all = append(all, ch)
	}
	return append(all, others...)
}

// keepHistory adds an accepted set to the history. list is the whitelist as it
// is stored.
func (t *tx) keepHistory(account, env string, version int64, open, flipped bool, list string, rec cloud.Record) error {
	_, err := t.exec("INSERT INTO permission_history ("+historyColumns+") "+
		"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
		account, env, version, rec.At, rec.RID, rec.Operator, rec.By, rec.Platform, open, flipped, list)
	return err
}
