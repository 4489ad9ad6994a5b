package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/opentcb/opentcb/internal/cloud"
)

// Connections to Postgres, and how long one waits for it. A statement that
// takes longer ends with its connection: a server that is frozen or cut off
// must not hold the calls (EN-13).
const (
	pgReaders       = 16
	pgWriters       = 4
	pgConnectTime   = time.Second
	pgStatementTime = 1500 * time.Millisecond
	pgIdleTime      = 5 * time.Minute
	pgLockTime      = "250ms" // transactions that wait for each other are run again
)

// OpenPostgres opens a PostgreSQL database, or one that speaks its protocol:
// postgres://USER:PASSWORD@HOST:PORT/DATABASE. Of several hosts, separated by
// commas, the first is used that takes changes.
func OpenPostgres(ctx context.Context, address string) (*Store, error) {
	cfg, err := parsePostgres(address)
	if err != nil {
		return nil, err
	}
	wdb, db := openPool(cfg, pgWriters), openPool(cfg, pgReaders)
	if err := migratePostgres(ctx, wdb); err != nil {
		return nil, errors.Join(fmt.Errorf("the database %s: %w", whichDatabase(cfg), postgresFault(err)), wdb.Close(), db.Close())
	}
	return &Store{
		db: db, reads: statements{&pooled{db}, postgresFault},
		w:       newWriter(pgWriters, func() (transaction, error) { return beginPostgres(wdb) }, isConflict),
		release: sync.OnceValue(func() error { return errors.Join(wdb.Close(), db.Close()) }),
	}, nil
}

// parsePostgres reads the address. Its error shows nothing of it: it may hold
// a password.
func parsePostgres(address string) (*pgx.ConnConfig, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return nil, errors.New("--database must be postgres://USER:PASSWORD@HOST:PORT/DATABASE")
	}
	q := u.Query()
	if !q.Has("target_session_attrs") { // after a failover the old primary may be a standby
		u.RawQuery = strings.TrimPrefix(u.RawQuery+"&target_session_attrs=read-write", "&")
	}
	cfg, err := pgx.ParseConfig(u.String())
	if err != nil {
		return nil, errors.New("--database cannot be read: give postgres://USER:PASSWORD@HOST:PORT/DATABASE, with the settings that libpq knows")
	}
	if !q.Has("connect_timeout") {
		cfg.ConnectTimeout = pgConnectTime
	}
	if !q.Has("lock_timeout") {
		cfg.RuntimeParams["lock_timeout"] = pgLockTime
	}
	cfg.DialFunc = (&net.Dialer{Timeout: cfg.ConnectTimeout, KeepAlive: 10 * time.Second}).DialContext
	return cfg, nil
}

// whichDatabase names a database in a message.
func whichDatabase(cfg *pgx.ConnConfig) string {
	return fmt.Sprintf("%s at %s", cfg.Database, net.JoinHostPort(cfg.Host, fmt.Sprint(cfg.Port)))
}

func openPool(cfg *pgx.ConnConfig, conns int) *sql.DB {
	db := stdlib.OpenDB(*cfg)
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	db.SetConnMaxIdleTime(pgIdleTime)
	return db
}

// migratePostgres migrates under a lock that is a row of a table: of servers
// that start at once one migrates, and the others wait. Advisory locks are not
// known to all who speak the protocol.
func migratePostgres(ctx context.Context, db *sql.DB) error {
	locker, err := lock.NewPostgresTableLocker(
		lock.WithTableLockTimeout(250*time.Millisecond, 240), lock.WithTableLeaseDuration(30*time.Second))
	if err != nil {
		return err
	}
	// The tables of the lock and of the versions are made by whoever comes
	// first; who is second by a moment tries again.
	for tries := 0; ; tries++ {
		err = migrate(ctx, goose.DialectPostgres, db, goose.WithLocker(locker))
		if _, isPG := errors.AsType[*pgconn.PgError](err); !isPG || tries == 10 || ctx.Err() != nil {
			return err
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// pooled runs statements on whatever connection is free. The driver keeps them
// prepared on each.
type pooled struct{ db *sql.DB }

func (p *pooled) exec(query string, args []any) (sql.Result, error) {
	ctx, cancel := context.WithTimeout(context.Background(), pgStatementTime)
	defer cancel()
	return p.db.ExecContext(ctx, query, args...)
}

func (p *pooled) query(query string, args []any, scan func(*sql.Rows) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), pgStatementTime)
	defer cancel()
	rows, err := p.db.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	return scan(rows)
}

// postgresTx is a transaction that ends by itself when one of its statements
// takes too long.
type postgresTx struct {
	tx     *sql.Tx
	stmts  statements
	ctx    context.Context
	cancel context.CancelFunc
	limit  *time.Timer
}

func beginPostgres(db *sql.DB) (transaction, error) {
	t := &postgresTx{}
	t.ctx, t.cancel = context.WithCancel(context.Background())
	t.limit = time.AfterFunc(pgConnectTime+pgStatementTime, t.cancel)
	var err error
	if t.tx, err = db.BeginTx(t.ctx, nil); err != nil {
		t.end()
		return nil, postgresFault(err)
	}
	t.stmts = statements{t, postgresFault}
	return t, nil
}

func (t *postgresTx) end() {
	t.limit.Stop()
	t.cancel()
}

func (t *postgresTx) statements() *statements { return &t.stmts }

func (t *postgresTx) exec(query string, args []any) (sql.Result, error) {
	t.limit.Reset(pgStatementTime)
	return t.tx.ExecContext(t.ctx, query, args...)
}

func (t *postgresTx) query(query string, args []any, scan func(*sql.Rows) error) error {
	t.limit.Reset(pgStatementTime)
	rows, err := t.tx.QueryContext(t.ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	return scan(rows)
}

func (t *postgresTx) commit() error {
	defer t.end()
	t.limit.Reset(pgStatementTime)
	return postgresFault(t.tx.Commit())
}

func (t *postgresTx) rollback() {
	t.end() // which rolls back
	_ = t.tx.Rollback()
}

// lock takes a row for the transaction before it decides by it.
func (t *postgresTx) lock(query string, args []any) error {
	return t.query(query+" FOR UPDATE", args, func(r *sql.Rows) error {
		for r.Next() {
		}
		return r.Err()
	})
}

// isConflict says whether a transaction failed because another was in its
// way: it can be run again.
func isConflict(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (e.Code == "40001" || e.Code == "40P01" || e.Code == "55P03")
}

// passing are the classes of codes that may pass: connection, state of the
// transaction, authorization, no such database, rollback, resources, state of
// an object, operator's intervention, system, internal.
const passing = " 08 25 28 3D 40 53 55 57 58 XX "

// postgresFault marks the faults that may pass: a connection that could not
// be had or was lost, a conflict that went on, a server that starts, stops,
// takes no changes or has no room. The rest is a bug.
func postgresFault(err error) error {
	if err == nil || errors.Is(err, cloud.ErrUnavailable) || errors.Is(err, cloud.ErrNotFound) {
		return err
	}
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		// Without a code of the server's it is the way there, or the time.
		return fmt.Errorf("%w: %w", cloud.ErrUnavailable, err)
	}
	if strings.Contains(passing, " "+e.Code[:min(2, len(e.Code))]+" ") {
		return fmt.Errorf("%w: %w", cloud.ErrUnavailable, err)
	}
	return err
}
