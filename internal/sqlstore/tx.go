package sqlstore

import (
	"context"
	"slices"

	"github.com/opentcb/opentcb/internal/cloud"
)

// tx is the transaction that a change runs in. The audit records of all its
// changes become one row.
type tx struct {
	stmts *statements
	recs  []cloud.Record
}

// locker is a runner of a database on which transactions run side by side.
type locker interface {
	lock(query string, args []any) error
}

// lock takes the rows that a query selects for the transaction. Changes that
// write several rows take the account's first, so that they do not wait for
// each other in a circle. On SQLite one transaction runs at a time.
func (t *tx) lock(query string, args ...any) error {
	if l, ok := t.stmts.run.(locker); ok {
		return t.stmts.fault(l.lock(query, args))
	}
	return nil
}

// exec runs a statement and returns how many rows it touched.
func (t *tx) exec(query string, args ...any) (int64, error) { return t.stmts.exec(query, args...) }

// record adds audit records to the transaction, which may put them in order
// where they are: thousands come at once, and alone.
func (t *tx) record(recs ...cloud.Record) {
	if len(t.recs) == 0 && len(recs) > cap(t.recs) {
		t.recs = slices.Clip(recs)
		return
	}
	t.recs = append(t.recs, recs...)
}

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
	err := s.w.writeFor(ctx, key, func(t *tx) error {
		n, err := t.exec(query, args...)
		if hit = n > 0; hit && err == nil {
			t.record(rec)
		}
		return err
	})
	return hit && err == nil, err
}
