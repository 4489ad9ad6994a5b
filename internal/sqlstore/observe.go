package sqlstore

import (
	"cmp"
	"context"
	"slices"

	"github.com/opentcb/opentcb/internal/cloud"
)

// AddObserved implements cloud.Store. Counts of an environment that was removed
// meanwhile are dropped. It is one transaction, so that counts
// that are given again after an error are not added twice.
func (s *Store) AddObserved(ctx context.Context, counts []cloud.Observed) error {
	// Servers that add to the same counts lock them in the same order, and so
	// never wait for each other in a circle.
	counts = slices.SortedFunc(slices.Values(counts), byKey)
	rows := make([][]any, len(counts))
	for i, c := range counts {
		rows[i] = []any{c.Account, c.Env, c.Hour, c.Path, c.Code, c.Count}
	}
	return s.bulkWriter.write(ctx, func(t *tx) error {
		return t.execAll(`INSERT INTO observed_calls (account, env, hour, path, code, count)
			SELECT $1, $2, CAST($3 AS BIGINT), $4, CAST($5 AS BIGINT), CAST($6 AS BIGINT)
			WHERE $2 = '' OR EXISTS (SELECT 1 FROM environments WHERE account = $1 AND id = $2)
			ON CONFLICT (account, env, hour, path, code)
			DO UPDATE SET count = observed_calls.count + excluded.count`, rows)
	})
}

// byKey is the order of the table's primary key.
func byKey(a, b cloud.Observed) int {
	return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Env, b.Env), cmp.Compare(a.Hour, b.Hour),
		cmp.Compare(a.Path, b.Path), cmp.Compare(a.Code, b.Code))
}

// Observed implements cloud.Store.
func (s *Store) Observed(ctx context.Context, account, env string, since int64) ([]cloud.Observed, error) {
	fields := func(c *cloud.Observed) []any {
		c.Account, c.Env = account, env
		return []any{&c.Hour, &c.Path, &c.Code, &c.Count}
	}
	return collect(s.read(ctx), fields, `SELECT hour, path, code, count FROM observed_calls
		WHERE account = $1 AND env = $2 AND hour >= $3`, account, env, since)
}
