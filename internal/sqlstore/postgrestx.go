package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5/stdlib"
)

// pooled reads on whatever connection is free, until a time if there is one.
// The driver keeps statements prepared on each.
type pooled struct {
	db    *sql.DB
	until time.Time
}

// limit is how long a read may take.
func (p *pooled) limit() (context.Context, context.CancelFunc) {
	until := time.Now().Add(pgStatement)
	if !p.until.IsZero() && p.until.Before(until) {
		until = p.until
	}
	return context.WithDeadline(context.Background(), until)
}

func (p *pooled) exec(query string, args []any) (sql.Result, error) {
	ctx, cancel := p.limit()
	defer cancel()
	return p.db.ExecContext(ctx, query, args...)
}

// query reads again, on another connection, where one was lost: after a
// failover each that is idle is found to be dead at its next use.
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
		case kind == faultText:
			return nil // there is no such row
		case ctx.Err() != nil || kind != faultLost && kind != faultConflict || tries > pgReaders+1:
			return err
		case kind == faultConflict:
			time.Sleep(rand.N(time.Millisecond << min(tries, 5)))
		}
	}
}

// postgresTx is a transaction that ends by itself when one of its statements
// takes too long, or all of them.
type postgresTx struct {
	conn   *sql.Conn
	tx     *sql.Tx
	stmts  statements
	ctx    context.Context
	cancel context.CancelFunc
	limit  *time.Timer
	until  time.Time
}

// beginOn returns what begins a transaction that has to end by a time. A
// connection that turns out to be dead is replaced.
func beginOn(db *sql.DB) func(until time.Time) (transaction, error) {
	return func(until time.Time) (transaction, error) {
		for tries := 1; ; tries++ {
			t, err := beginPostgres(db, until)
			if err == nil {
				return t, nil
			}
			if kindOf(err) != faultLost || tries > pgHands || !time.Now().Before(until) {
				return nil, postgresFault(err)
			}
		}
	}
}

func beginPostgres(db *sql.DB, until time.Time) (*postgresTx, error) {
	t := &postgresTx{until: until}
	t.ctx, t.cancel = context.WithDeadline(context.Background(), until)
	t.limit = time.AfterFunc(pgStatement, t.cancel)
	var err error
	if t.conn, err = db.Conn(t.ctx); err != nil {
		t.end()
		return nil, err
	}
	if t.tx, err = t.conn.BeginTx(t.ctx, nil); err != nil {
		t.end()
		return nil, err
	}
	t.stmts = statements{t, postgresFault}
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

// lock takes the rows of a query for the transaction before it decides by
// them. A server that takes no changes refuses it, even if there is no row.
func (t *postgresTx) lock(query string, args []any) error {
	return t.query(query+" FOR UPDATE", args, func(r *sql.Rows) error {
		for r.Next() {
		}
		return r.Err()
	})
}

// commit makes the transaction durable. Of one whose answer was lost, or that
// came with a warning, nobody knows: it is not run again.
func (t *postgresTx) commit() error {
	t.limit.Reset(pgStatement)
	_ = hasWarned(t.conn) // of what was before
	err := t.tx.Commit()
	kind := kindOf(err)
	switch {
	case err == nil && !hasWarned(t.conn):
		t.end()
		return nil
	case err == nil:
		return errNotSure
	case kind == faultConflict:
		return postgresFault(err)
	}
	return &fault{faultPassing, "it is not known whether the change was made: " + textOf(err)}
}

// errNotSure: the change was committed, and may be lost with its server.
var errNotSure = &fault{faultPassing, "the server has not made sure that the change is kept"}

// hasWarned says whether the server has warned on a connection of Postgres,
// and forgets it.
func hasWarned(conn *sql.Conn) (yes bool) {
	err := conn.Raw(func(c any) error {
		pg, ok := c.(*stdlib.Conn)
		if !ok {
			return driver.ErrBadConn
		}
		data := pg.Conn().PgConn().CustomData()
		yes = data[warned] != nil
		delete(data, warned)
		return nil
	})
	return yes || err != nil
}

func (t *postgresTx) rollback() {
	t.limit.Reset(pgStatement)
	_ = t.tx.Rollback()
	t.end()
}
