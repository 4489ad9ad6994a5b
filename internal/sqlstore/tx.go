package sqlstore

import (
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
