package sqlstore

import (
	"context"
	"database/sql"

	"github.com/opentcb/opentcb/internal/cloud"
)

// AddObserved implements cloud.Store.
func (s *Store) AddObserved(ctx context.Context, counts []cloud.Observed) error {
	return s.w.write(ctx, func(t *tx) error {
		for _, c := range counts {
			_, err := t.exec("INSERT INTO observed_calls (account, env, hour, path, code, count) VALUES ($1, $2, $3, $4, $5, $6) "+
				"ON CONFLICT (account, env, hour, path, code) DO UPDATE SET count = observed_calls.count + excluded.count",
				c.Account, c.Env, c.Hour, c.Path, c.Code, c.Count)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// Observed implements cloud.Store.
func (s *Store) Observed(_ context.Context, account, env string, since int64) ([]cloud.Observed, error) {
	var counts []cloud.Observed
	err := s.reads.rows("SELECT hour, path, code, count FROM observed_calls WHERE account = $1 AND env = $2 AND hour >= $3",
		[]any{account, env, since}, func(r *sql.Rows) error {
			c := cloud.Observed{Account: account, Env: env}
			err := r.Scan(&c.Hour, &c.Path, &c.Code, &c.Count)
			counts = append(counts, c)
			return err
		})
	return counts, err
}

// AppendRefusals implements cloud.Store.
func (s *Store) AppendRefusals(ctx context.Context, recs []cloud.Record) error {
	return s.w.write(ctx, func(t *tx) error {
		return batches(recs, func(batch []cloud.Record) error {
			_, err := t.exec("INSERT INTO refused_calls (first_at, batch, records, count) VALUES ($1, $2, $3, $4)",
				batch[0].At, batchID(), encodeBatch(batch), len(batch))
			return err
		})
	})
}

// Refusals implements cloud.Store.
func (s *Store) Refusals(_ context.Context, since, until int64, each func(cloud.Record) error) error {
	f := cloud.RecordFilter{Since: since, Until: until, Outcome: cloud.Outcome{Any: true}}
	return s.records(selectRefusals, f, each)
}

// Prune implements cloud.Store.
func (s *Store) Prune(ctx context.Context, before int64, envs []cloud.EnvironmentKey) error {
	if err := s.pruneRefusals(ctx, before); err != nil {
		return err
	}
	for _, key := range envs {
		if err := s.pruneHistory(ctx, key); err != nil {
			return err
		}
		err := s.w.write(ctx, func(t *tx) error {
			_, err := t.exec("DELETE FROM observed_calls WHERE account = $1 AND env = $2 AND hour < $3", key.Account, key.Env, before)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// pruneRefusals deletes the batches before a time, and those beyond the
// latest that hold as many records as are kept. A batch that spans the bound
// stays.
func (s *Store) pruneRefusals(ctx context.Context, before int64) error {
	var beyond int64
	kept := int64(0)
	err := s.reads.rows("SELECT first_at, count FROM refused_calls ORDER BY first_at DESC, batch DESC", nil, func(r *sql.Rows) error {
		var at, count int64
		err := r.Scan(&at, &count)
		if kept += count; kept-count >= cloud.RefusalsKept && beyond == 0 {
			beyond = at
		}
		return err
	})
	if err != nil {
		return err
	}
	return s.w.write(ctx, func(t *tx) error {
		_, err := t.exec("DELETE FROM refused_calls WHERE first_at < $1", max(before-batchSpan.Milliseconds(), beyond))
		return err
	})
}
