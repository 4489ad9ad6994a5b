package sqlstore

import "github.com/opentcb/opentcb/internal/cloud"

// tx is the transaction that a change runs in. The audit records of all its
// changes become one row.
type tx struct {
	stmts *statements
	recs  []cloud.Record
}

// exec runs a statement and returns how many rows it touched.
func (t *tx) exec(query string, args ...any) (int64, error) { return t.stmts.exec(query, args...) }

// record adds audit records to the transaction.
func (t *tx) record(recs ...cloud.Record) { t.recs = append(t.recs, recs...) }
