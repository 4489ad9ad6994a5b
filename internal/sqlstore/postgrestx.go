package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5/stdlib"
)

// pooled is the runner of reads on Postgres: each on any free connection. The
// driver keeps statements prepared on each connection.
type pooled struct {
	pool     *pool
	deadline time.Time // zero: none
}

// limit bounds a read by time.
func (p *pooled) limit() (context.Context, context.CancelFunc) {
	limit := time.Now().Add(pgStatement + p.pool.gate.slack)
	if !p.deadline.IsZero() && p.deadline.Before(limit) {
		limit = p.deadline
	}
	return context.WithDeadline(context.Background(), limit)
}

func (p *pooled) exec(query string, args []any) (sql.Result, error) {
	ctx, cancel := p.limit()
	defer cancel()
	conn, err := p.pool.conn(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return conn.ExecContext(ctx, query, args...)
}

// query reads again on another connection if one was lost: after a failover
// every idle connection turns out to be dead when it is used next.
func (p *pooled) query(query string, args []any, scan func(*sql.Rows) error) error {
	ctx, cancel := p.limit()
	defer cancel()
	for tries := 1; ; tries++ {
		begun, err := p.queryOnce(ctx, query, args, scan)
		if begun {
			return err
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

// queryOnce is query without another try. It returns false if it failed before
// scan was called.
func (p *pooled) queryOnce(
	ctx context.Context, query string, args []any, scan func(*sql.Rows) error,
) (bool, error) {
	conn, err := p.pool.conn(ctx)
	if err != nil {
		return false, err
	}
	defer conn.Close()
	rows, err := conn.QueryContext(ctx, query, args...)
	if err != nil {
		return false, err
	}
	defer rows.Close()
	return true, scan(rows)
}

// postgresTx is a transaction that is cancelled when one of its statements
// takes too long, or when its deadline has passed. What becomes of it then is
// in postgrescommit.go.
type postgresTx struct {
	conn      *pooledConn
	stmts     statements
	commits   *commits
	ctx       context.Context // until the deadline
	cancel    context.CancelFunc
	limit     *time.Timer   // of the statement that runs; cancels ctx
	patience  time.Duration // of each statement
	committed bool          // COMMIT was sent: the connection is no longer the caller's
	config    string        // see askStandby
}

// beginOn returns plan.begin for a pool. A connection that turns out to be
// dead is replaced.
func beginOn(p *pool, c *commits) func(deadline time.Time) (transaction, error) {
	return func(deadline time.Time) (transaction, error) {
		for tries := 1; ; tries++ {
			t, err := beginPostgres(p, c, deadline)
			if err == nil {
				return t, nil
			}
			if kindOf(err) != errLost || tries > pgWorkers+pgWaiting || !time.Now().Before(deadline) {
				return nil, wrapPostgres(err)
			}
		}
	}
}

func beginPostgres(p *pool, c *commits, deadline time.Time) (_ *postgresTx, err error) {
	t := &postgresTx{commits: c, patience: pgStatement + p.gate.slack}
	t.stmts = statements{t, wrapPostgres}
	t.ctx, t.cancel = context.WithDeadline(context.Background(), deadline)
	t.limit = time.AfterFunc(t.patience, t.cancel)
	if t.conn, err = p.conn(t.ctx); err != nil {
		t.end()
		return nil, err
	}
	switch err = t.begin(); {
	case err == errAlone:
		t.rollback()
		return nil, err
	case err != nil:
		t.discard()
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

// discard closes the connection, and with it what the transaction has done.
func (t *postgresTx) discard() {
	_ = t.conn.Raw(func(any) error { return driver.ErrBadConn })
	t.end()
}

func (t *postgresTx) statements() *statements { return &t.stmts }

func (t *postgresTx) exec(query string, args []any) (sql.Result, error) {
	t.limit.Reset(t.patience)
	return t.conn.ExecContext(t.ctx, query, args...)
}

func (t *postgresTx) query(query string, args []any, scan func(*sql.Rows) error) error {
	t.limit.Reset(t.patience)
	rows, err := t.conn.QueryContext(t.ctx, query, args...)
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

// keep implements transaction. Rows that are kept can be changed, and kept by
// others, but neither deleted nor locked.
func (t *postgresTx) keep() string { return " FOR KEY SHARE" }

// rollback implements transaction. After COMMIT was sent there is nothing left
// to roll back.
func (t *postgresTx) rollback() {
	if t.committed {
		return
	}
	t.limit.Reset(t.patience)
	if t.command(t.ctx, "ROLLBACK") != nil {
		t.discard()
		return
	}
	t.end()
}

// command runs BEGIN, COMMIT or ROLLBACK on the transaction's connection.
func (t *postgresTx) command(ctx context.Context, text string) error {
	return t.conn.Raw(func(c any) error {
		_, err := c.(*stdlib.Conn).Conn().PgConn().Exec(ctx, text).ReadAll()
		return err
	})
}
