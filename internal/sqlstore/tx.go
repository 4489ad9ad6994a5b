package sqlstore

import (
	"context"

	"github.com/opentcb/opentcb/internal/cloud"
)

// tx is the transaction that a change runs in. It may have other changes
// before and after this one.
type tx struct {
	*statements
	trans   transaction
	guard   *guard
	records []cloud.Record // of all its changes, written before it commits
}

func newTx(trans transaction, g *guard, changes int) *tx {
	return &tx{statements: trans.statements(), trans: trans, guard: g, records: make([]cloud.Record, 0, changes)}
}

// lock locks the rows that a query selects until the transaction ends. A
// change of several rows locks the account's first, so that changes never wait
// for each other in a circle. On SQLite it does nothing: one transaction runs
// at a time.
func (t *tx) lock(query string, args ...any) error { return t.trans.lock(query, args...) }

// record adds audit records.
func (t *tx) record(recs ...cloud.Record) { t.records = append(t.records, recs...) }

// one runs a statement that must hit a row. If it hits none, what the change
// was planned on is no longer there: cloud.ErrStale.
func (t *tx) one(query string, args ...any) error {
	n, err := t.exec(query, args...)
	if err == nil && n == 0 {
		return cloud.ErrStale
	}
	return err
}

// swap makes a change of one statement, which hits a row of the key's only if
// that is as the caller expects. It reports whether the statement hit one; rec
// is written only then. key is as in writeFor.
func (s *Store) swap(ctx context.Context, key string, rec cloud.Record, query string, args ...any) (bool, error) {
	var hit bool
	err := s.writer.writeFor(ctx, key, func(t *tx) error {
		n, err := t.exec(query, args...)
		if hit = n > 0; hit && err == nil {
			t.record(rec)
		}
		return err
	})
	return hit && err == nil, err
}
