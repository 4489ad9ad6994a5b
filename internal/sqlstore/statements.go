package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/opentcb/opentcb/internal/cloud"
)

// statements runs statements, in a transaction or outside of one. It returns
// errors in the form that cloud.Store promises.
type statements struct {
	run       runner
	wrapError func(error) error // marks errors that may pass with cloud.ErrUnavailable
}

// runner runs statements on a database. It has no context: a statement is
// short, and interrupting one whenever a caller goes away would cost its
// connection.
type runner interface {
	exec(query string, args []any) (sql.Result, error)
	// query calls scan with the rows, and closes them afterwards.
	query(query string, args []any, scan func(*sql.Rows) error) error
}

// exec runs a statement and returns how many rows it hit.
func (s *statements) exec(query string, args ...any) (int64, error) {
	res, err := s.run.exec(query, args)
	if err != nil {
		return 0, s.wrapError(err)
	}
	n, err := res.RowsAffected()
	return n, s.wrapError(err)
}

// execAll runs a statement with each row of arguments.
func (s *statements) execAll(query string, rows [][]any) error {
	for _, row := range rows {
		if _, err := s.exec(query, row...); err != nil {
			return err
		}
	}
	return nil
}

// row reads one row into dest, and returns cloud.ErrNotFound if there is none.
func (s *statements) row(query string, args []any, dest ...any) error {
	found := false
	err := s.rows(query, args, func(r *sql.Rows) error {
		found = true
		return r.Scan(dest...)
	})
	if err == nil && !found {
		return cloud.ErrNotFound
	}
	return err
}

// rows calls scan for every row. An error of scan ends it and is returned as
// it is, unless it failed because the rows did: their time may be over while
// one is being read.
func (s *statements) rows(query string, args []any, scan func(*sql.Rows) error) error {
	var scanned error
	err := s.run.query(query, args, func(r *sql.Rows) error {
		for scanned == nil && r.Next() {
			scanned = scan(r)
		}
		return r.Err()
	})
	if scanned != nil && err == nil {
		return scanned
	}
	return s.wrapError(err)
}

// meta returns what the database has under a name of its own; "" for nothing.
func (s *statements) meta(name string) (value string, err error) {
	err = s.row("SELECT value FROM meta WHERE name = $1", []any{name}, &value)
	if errors.Is(err, cloud.ErrNotFound) {
		return "", nil
	}
	return value, err
}

// putMeta is the statement that keeps a value under a name.
const putMeta = "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value"

// isClosed reports whether an error is that the database is closed. It has no
// name in database/sql.
func isClosed(err error) bool {
	return err != nil && strings.Contains(err.Error(), "sql: database is closed")
}

// collect returns what a query selects: of each row a T, whose fields are
// pointers to where the row's columns belong.
func collect[T any](s *statements, fields func(*T) []any, query string, args ...any) ([]T, error) {
	var all []T
	err := s.rows(query, args, func(r *sql.Rows) error {
		var row T
		err := r.Scan(fields(&row)...)
		all = append(all, row)
		return err
	})
	return all, err
}

// prepared is the runner of SQLite. It keeps every statement prepared: to
// prepare one for each use would add half to the cost of running it.
type prepared struct {
	prepare func(ctx context.Context, query string) (*sql.Stmt, error)
	mu      sync.Mutex
	byText  map[string]*sql.Stmt
}

func (p *prepared) get(query string) (*sql.Stmt, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if st := p.byText[query]; st != nil {
		return st, nil
	}
	st, err := p.prepare(context.Background(), query)
	if err == nil {
		p.byText[query] = st
	}
	return st, err
}

// close closes the statements. SQLite closes no connection that has some: the
// log would not be copied into the file.
func (p *prepared) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var errs []error
	for _, st := range p.byText {
		errs = append(errs, st.Close())
	}
	clear(p.byText)
	return errors.Join(errs...)
}

func (p *prepared) exec(query string, args []any) (sql.Result, error) {
	st, err := p.get(query)
	if err != nil {
		return nil, err
	}
	return st.Exec(args...)
}

func (p *prepared) query(query string, args []any, scan func(*sql.Rows) error) error {
	st, err := p.get(query)
	if err != nil {
		return err
	}
	rows, err := st.Query(args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	return scan(rows)
}

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

// hit is one for a row that may not be there: cloud.ErrNotFound if it hits none.
func (t *tx) hit(query string, args ...any) error {
	n, err := t.exec(query, args...)
	if err == nil && n == 0 {
		return cloud.ErrNotFound
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

// selection is the conditions of a list and their parameters.
type selection struct {
	where string
	args  []any
}

// isText wants a column to have the text, if one is given. That the text is not ”
// is said again, for indexes that have only rows with one.
func (l *selection) isText(column string, is cloud.Maybe[string]) {
	if !is.Given {
		return
	}
	l.args = append(l.args, is.Value)
	l.where += fmt.Sprintf(" AND %s = $%d", column, len(l.args))
	if is.Value != "" {
		l.where += " AND " + column + " <> ''"
	}
}

// isTrue wants a condition to hold, or not to hold, if that is given.
func (l *selection) isTrue(condition string, is cloud.Maybe[bool]) {
	switch {
	case is.Given && is.Value:
		l.where += " AND " + condition
	case is.Given:
		l.where += " AND NOT " + condition
	}
}

// page returns a query, which ends with a condition, for a page of what is
// selected, and its parameters. The columns of the key lead an index, so a page
// costs the same wherever it is in the list.
func (l *selection) page(query string, p cloud.Page, key ...string) (string, []any) {
	var params []string
	for i := range key {
		params = append(params, fmt.Sprintf("$%d", len(l.args)+1+i))
	}
	args := append(l.args, p.Key(len(key))...)
	columns := strings.Join(key, ", ")
	return fmt.Sprintf("%s%s AND (%s) > (%s) ORDER BY %s LIMIT $%d", query, l.where,
		columns, strings.Join(params, ", "), columns, len(args)+1), append(args, p.Limit)
}
