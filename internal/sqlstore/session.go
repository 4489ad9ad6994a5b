package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
)

// session is one long transaction on a connection of its own, for a dump or a
// load. The time limits of reads and changes do not apply to it; it ends with
// its context.
type session struct {
	stmts statements
	ctx   context.Context
	db    *sql.DB // of one connection
	conn  *sql.Conn
	tx    *sql.Tx
}

// beginSession begins a session. The caller must call end.
func (s *Store) beginSession(ctx context.Context, options sql.TxOptions) (*session, error) {
	db, err := s.openSession(!options.ReadOnly)
	if err != nil {
		return nil, err
	}
	n := &session{ctx: ctx, db: db}
	n.stmts = statements{n, s.read(ctx).wrapError}
	if n.conn, err = db.Conn(ctx); err == nil {
		n.tx, err = n.conn.BeginTx(ctx, &options)
	}
	for i, settings := 0, s.sessionSettings(); i < len(settings) && err == nil; i++ {
		_, err = n.exec(settings[i], nil)
	}
	if err != nil {
		n.end()
		return nil, n.stmts.wrapError(err)
	}
	return n, nil
}

// exec implements runner.
func (n *session) exec(query string, args []any) (sql.Result, error) {
	return n.tx.ExecContext(n.ctx, query, args...)
}

// query implements runner.
func (n *session) query(query string, args []any, scan func(*sql.Rows) error) error {
	rows, err := n.tx.QueryContext(n.ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	return scan(rows)
}

func (n *session) commit() error {
	_ = hasWarned(n.conn) // about something before
	if err := n.tx.Commit(); err != nil {
		return fmt.Errorf("it is not known whether the rows were kept: %w", n.stmts.wrapError(err))
	}
	if hasWarned(n.conn) {
		return errNotSure
	}
	return nil
}

// end rolls back what was not committed, and closes the connection.
func (n *session) end() {
	if n.tx != nil {
		_ = n.tx.Rollback()
	}
	if n.conn != nil {
		_ = n.conn.Close()
	}
	_ = n.db.Close()
}
