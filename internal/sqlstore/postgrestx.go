package sqlstore

import (
	"context"
	"database/sql"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5/stdlib"
)

// pooled is the runner of reads on Postgres: each on any free connection. The
// driver keeps statements prepared on each connection.
type pooled struct {
	db       *sql.DB
	deadline time.Time // zero: none
}

// limit bounds a read by time.
func (p *pooled) limit() (context.Context, context.CancelFunc) {
	limit := time.Now().Add(pgStatement)
	if !p.deadline.IsZero() && p.deadline.Before(limit) {
		limit = p.deadline
	}
	return context.WithDeadline(context.Background(), limit)
}

func (p *pooled) exec(query string, args []any) (sql.Result, error) {
	ctx, cancel := p.limit()
	defer cancel()
	return p.db.ExecContext(ctx, query, args...)
}

// query reads again on another connection if one was lost: after a failover
// every idle connection turns out to be dead when it is used next.
func (p *pooled) query(query string, args []any, scan func(*sql.Rows) error) error {
	ctx, cancel := p.limit()
	defer cancel()
	for tries := 1; ; tries++ {
		rows, err := p.db.QueryContext(ctx, query, args...)
		if err == nil {
			defer rows.Close()
			return scan(rows)
		}
		kind := kindOf(err)
		switch {
		case kind == errText:
			return nil // there is no such row
		case ctx.Err() != nil || kind != errLost && kind != errConflict || tries > pgReaders+1:
			return err
		case kind == errConflict:
			time.Sleep(rand.N(time.Millisecond << min(tries, 5)))
		}
	}
}

// postgresTx is a transaction that is cancelled when one of its statements
// takes too long, or when its deadline has passed.
type postgresTx struct {
	conn   *sql.Conn
	tx     *sql.Tx
	stmts  statements
	ctx    context.Context // until the deadline
	cancel context.CancelFunc
	limit  *time.Timer // of the statement that runs; cancels ctx
}

// beginOn returns plan.begin for a pool. A connection that turns out to be
// dead is replaced.
func beginOn(db *sql.DB) func(deadline time.Time) (transaction, error) {
	return func(deadline time.Time) (transaction, error) {
		for tries := 1; ; tries++ {
			t, err := beginPostgres(db, deadline)
			if err == nil {
				return t, nil
			}
			if kindOf(err) != errLost || tries > pgWorkers || !time.Now().Before(deadline) {
				return nil, wrapPostgres(err)
			}
		}
	}
}

func beginPostgres(db *sql.DB, deadline time.Time) (_ *postgresTx, err error) {
	t := &postgresTx{}
	t.stmts = statements{t, wrapPostgres}
	t.ctx, t.cancel = context.WithDeadline(context.Background(), deadline)
	t.limit = time.AfterFunc(pgStatement, t.cancel)
	if t.conn, err = db.Conn(t.ctx); err == nil {
		t.tx, err = t.conn.BeginTx(t.ctx, nil)
	}
	if err != nil {
		t.end()
		return nil, err
	}
	return t, nil
}

// end gives the connection back.
func (t *postgresTx) end() {
	t.limit.Stop()
	if t.conn != nil {
		_ = t.conn.Close()
	}
	t.cancel()
}

func (t *postgresTx) statements() *statements { return &t.stmts }

func (t *postgresTx) exec(query string, args []any) (sql.Result, error) {
	t.limit.Reset(pgStatement)
	return t.tx.ExecContext(t.ctx, query, args...)
}

func (t *postgresTx) query(query string, args []any, scan func(*sql.Rows) error) error {
	t.limit.Reset(pgStatement)
	rows, err := t.tx.QueryContext(t.ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	return scan(rows)
}

// lock implements transaction. A server that takes no changes refuses it, even
// if there is no row.
func (t *postgresTx) lock(query string, args ...any) error {
	return t.stmts.rows(query+" FOR UPDATE", args, func(*sql.Rows) error { return nil })
}

// commit implements transaction. If its answer is lost, or comes with a
// warning, it is not known whether the changes were made: they are not run
// again.
func (t *postgresTx) commit() error {
	t.limit.Reset(pgStatement)
	_ = hasWarned(t.conn) // about something before
	err := t.tx.Commit()
	switch {
	case err == nil && !hasWarned(t.conn):
		t.end()
		return nil
	case err == nil:
		return errNotSure
	case kindOf(err) == errConflict:
		return wrapPostgres(err)
	}
	return &postgresError{errPassing, "it is not known whether the change was made: " + textOf(err)}
}

// errNotSure is the answer to a change that was committed, but may be lost with
// its server.
var errNotSure = &postgresError{errPassing, "the server has not made sure that the change is kept"}

// hasWarned reports whether the server has warned on a connection since it was
// asked last. SQLite never warns.
func hasWarned(conn *sql.Conn) (yes bool) {
	err := conn.Raw(func(c any) error {
		if pg, ok := c.(*stdlib.Conn); ok {
			data := pg.Conn().PgConn().CustomData()
			yes = data[warned] != nil
			delete(data, warned)
		}
		return nil
	})
	return yes || err != nil
}

func (t *postgresTx) rollback() {
	t.limit.Reset(pgStatement)
	_ = t.tx.Rollback() // after a failed commit it may have ended already
	t.end()
}
