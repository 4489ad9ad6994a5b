package sqlstore

import (
	"context"
	"database/sql"
	"errors"
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
