package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/opentcb/opentcb/internal/cloud"
)

// pruneStep is how many rows one transaction deletes at most, since other
// changes wait for its end.
const pruneStep = 200

// Prune implements cloud.Store. It makes many transactions. If it ends early,
// more is left than need be, and nothing else is wrong.
func (s *Store) Prune(ctx context.Context, before int64, envs []cloud.EnvironmentKey) error {
	err := s.deleteInSteps(ctx, `DELETE FROM quota_counts WHERE (platform, server) IN
		(SELECT platform, server FROM quota_counts WHERE at < $1 ORDER BY platform, server LIMIT $2)`, before)
	if err != nil {
		return err
	}
	if err := s.pruneRefusals(ctx, before); err != nil {
		return err
	}
	for _, key := range envs {
		if err := s.pruneHistory(ctx, key); err != nil {
			return err
		}
		if err := s.pruneObserved(ctx, key, before); err != nil {
			return err
		}
	}
	return nil
}

// pruneRefusals deletes the batches before a time. Where there are more records
// than are kept, it deletes the oldest batches of the environments that have more
// than their share: what one does, or a stranger, pushes out nothing of another. The
// records of a batch may be up to batchSpan after its first, so a batch that begins
// less than that before the bound stays.
func (s *Store) pruneRefusals(ctx context.Context, before int64) error {
	err := s.deleteInSteps(ctx, `DELETE FROM refused_calls WHERE (first_at, batch) IN
		(SELECT first_at, batch FROM refused_calls WHERE first_at < $1 ORDER BY first_at, batch LIMIT $2)`,
		before-batchSpan.Milliseconds())
	if err != nil {
		return err
	}
	share, err := s.refusalShare(ctx)
	if err != nil || share == 0 {
		return err
	}
	type batch struct {
		at int64
		id string
	}
	var surplus []batch
	later, beyond := map[string]int64{}, map[string]int64{} // records of later batches; when the first surplus one began
	const latestFirst = "SELECT first_at, batch, env, count FROM refused_calls ORDER BY first_at DESC, batch DESC"
	err = s.read(ctx).rows(latestFirst, nil, func(r *sql.Rows) error {
		var b batch
		var env string
		var count int64
		err := r.Scan(&b.at, &b.id, &env, &count)
		if later[env] >= share {
			if beyond[env] == 0 {
				beyond[env] = b.at - batchSpan.Milliseconds()
			}
			if b.at < beyond[env] {
				surplus = append(surplus, b)
			}
		}
		later[env] += count
		return err
	})
	for step := range slices.Chunk(surplus, pruneStep) {
		if err == nil {
			err = s.writer.write(ctx, func(t *tx) error {
				for _, b := range step {
					if _, err := t.exec("DELETE FROM refused_calls WHERE first_at = $1 AND batch = $2", b.at, b.id); err != nil {
						return err
					}
				}
				return nil
			})
		}
	}
	return err
}

// refusalShare returns how many records of refused calls each environment may have,
// so that all together have as many as are kept; 0 if they have no more anyway.
func (s *Store) refusalShare(ctx context.Context) (int64, error) {
	var counts []int64
	err := s.read(ctx).rows("SELECT SUM(count) FROM refused_calls GROUP BY env", nil, func(r *sql.Rows) error {
		var n int64
		err := r.Scan(&n)
		counts = append(counts, n)
		return err
	})
	slices.Sort(counts)
	left := int64(cloud.RefusalsKept)
	for i, n := range counts {
		if share := left / int64(len(counts)-i); n > share {
			return max(1, share), err
		}
		left -= n
	}
	return 0, err
}

// pruneHistory deletes the changes of an environment before the latest ones.
func (s *Store) pruneHistory(ctx context.Context, key cloud.EnvironmentKey) error {
	var beyond int64 // the latest version that need not be kept
	err := s.read(ctx).row(`SELECT version FROM permission_history
		WHERE account = $1 AND env = $2 ORDER BY version DESC LIMIT 1 OFFSET $3`,
		[]any{key.Account, key.Env, cloud.HistoryKept}, &beyond)
	if errors.Is(err, cloud.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.deleteInSteps(ctx, `DELETE FROM permission_history WHERE account = $1 AND env = $2 AND version IN
		(SELECT version FROM permission_history WHERE account = $1 AND env = $2 AND version <= $3
			ORDER BY version LIMIT $4)`,
		key.Account, key.Env, beyond)
}

// pruneObserved deletes the counts of an environment of the hours before a
// time.
func (s *Store) pruneObserved(ctx context.Context, key cloud.EnvironmentKey, before int64) error {
	return s.deleteInSteps(ctx, `DELETE FROM observed_calls WHERE account = $1 AND env = $2 AND (hour, path, code) IN
		(SELECT hour, path, code FROM observed_calls WHERE account = $1 AND env = $2 AND hour < $3
			ORDER BY hour, path, code LIMIT $4)`,
		key.Account, key.Env, before)
}

// deleteInSteps runs a statement, one transaction each time, until it deletes
// no more. Its last parameter, added to args, is how many rows it deletes at
// most.
func (s *Store) deleteInSteps(ctx context.Context, query string, args ...any) error {
	args = append(args, pruneStep)
	for {
		var deleted int64
		err := s.writer.write(ctx, func(t *tx) (err error) {
			deleted, err = t.exec(query, args...)
			return err
		})
		if err != nil || deleted < pruneStep {
			return err
		}
	}
}
