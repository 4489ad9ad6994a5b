package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"sync"

	"github.com/opentcb/opentcb/internal/cloud"
)

// statements keeps statements prepared: preparing one for each use costs half
// as much again as running it.
type statements struct {
	prepare func(ctx context.Context, query string) (*sql.Stmt, error)
	mu      sync.RWMutex
	byText  map[string]*sql.Stmt
	closed  bool
}

func (s *statements) get(query string) (*sql.Stmt, error) {
	s.mu.RLock()
	st := s.byText[query]
	s.mu.RUnlock()
	if st != nil {
		return st, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if st := s.byText[query]; st != nil {
		return st, nil
	}
	if s.closed {
		return nil, errClosed
	}
	st, err := s.prepare(context.Background(), query)
	if err != nil {
		return nil, storeError(err)
	}
	if s.byText == nil {
		s.byText = map[string]*sql.Stmt{}
	}
	s.byText[query] = st
	return st, nil
}

func (s *statements) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, st := range s.byText {
		errs = append(errs, st.Close())
	}
	s.byText, s.closed = nil, true
	return errors.Join(errs...)
}

// row reads one row into dest, cloud.ErrNotFound if there is none.
func (s *statements) row(query string, args []any, dest ...any) error {
	st, err := s.get(query)
	if err != nil {
		return err
	}
	// A cancelled caller does not interrupt a statement: it is short, and an
	// interrupt would take the connection with it.
	err = st.QueryRow(args...).Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return cloud.ErrNotFound
	}
	return storeError(err)
}

// rows calls scan for every row.
func (s *statements) rows(query string, args []any, scan func(*sql.Rows) error) error {
	st, err := s.get(query)
	if err != nil {
		return err
	}
	rows, err := st.Query(args...)
	if err != nil {
		return storeError(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return storeError(err)
		}
	}
	return storeError(rows.Err())
}

// tx is the transaction that a change runs in. The audit records of all its
// changes become one row.
type tx struct {
	stmts *statements
	recs  []cloud.Record
}

// exec runs a statement and returns how many rows it touched.
func (t *tx) exec(query string, args ...any) (int64, error) {
	st, err := t.stmts.get(query)
	if err != nil {
		return 0, err
	}
	res, err := st.Exec(args...)
	if err != nil {
		return 0, storeError(err)
	}
	n, err := res.RowsAffected()
	return n, storeError(err)
}

// record adds audit records to the transaction.
func (t *tx) record(recs ...cloud.Record) { t.recs = append(t.recs, recs...) }
