package sqlstore

import (
	"context"
	"slices"

	"github.com/opentcb/opentcb/internal/cloud"
)

// AppendRefusals implements cloud.Store. It packs the records before its change
// runs, so that no other change waits for that.
func (s *Store) AppendRefusals(ctx context.Context, recs []cloud.Record) error {
	var rows [][]any
	err := batches(slices.Clone(recs), func(batch []cloud.Record) error {
		rows = append(rows, []any{batch[0].At, batchID(), encodeBatch(batch), len(batch)})
		return nil
	})
	if err != nil {
		return err
	}
	return s.writer.write(ctx, func(t *tx) error {
		for _, row := range rows {
			_, err := t.exec(`INSERT INTO refused_calls (first_at, batch, records, count)
				VALUES ($1, $2, $3, $4)`, row...)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// Refusals implements cloud.Store.
func (s *Store) Refusals(ctx context.Context, since, until int64, each func(cloud.Record) error) error {
	f := cloud.RecordFilter{Since: since, Until: until}
	return s.records(ctx, selectRefusals, f, each)
}
