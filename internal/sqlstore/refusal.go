package sqlstore

import (
	"context"
	"maps"
	"slices"

	"github.com/opentcb/opentcb/internal/cloud"
)

// AppendRefusals implements cloud.Store. It packs the records before its change
// runs, so that no other change waits for that. A batch has records of one
// environment, since each has its share of what is kept.
func (s *Store) AppendRefusals(ctx context.Context, recs []cloud.Record) error {
	of := map[string][]cloud.Record{}
	for _, rec := range recs {
		of[rec.Target] = append(of[rec.Target], rec)
	}
	var rows [][]any
	for _, env := range slices.Sorted(maps.Keys(of)) {
		err := batches(of[env], func(batch []cloud.Record) error {
			packed := encodeBatch(batch)
			rows = append(rows, []any{batch[0].At, sameID(batch, packed), env, packed, len(batch)})
			return nil
		})
		if err != nil {
			return err
		}
	}
	return s.writer.write(ctx, func(t *tx) error {
		return t.execAll(`INSERT INTO refused_calls (first_at, batch, env, records, count)
			VALUES ($1, $2, $3, $4, $5) ON CONFLICT (first_at, batch) DO NOTHING`, rows)
	})
}

// Refusals implements cloud.Store.
func (s *Store) Refusals(ctx context.Context, since, until int64, each func(cloud.Record) error) error {
	f := cloud.RecordFilter{Since: since, Until: until}
	return s.records(ctx, selectRefusals, f, each)
}
