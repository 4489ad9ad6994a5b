package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// Connections to Postgres: one for each hand of the two writers, and those of
// reads, which rules keep in memory.
const (
	pgReaders  = 8
	pgHands    = 4
	pgBatch    = 32 // a batch holds its rows against other servers
	pgIdleTime = 5 * time.Minute
	pgLifeTime = 30 * time.Minute // so that load spreads over the hosts that there are
)

// How long one waits for Postgres: whoever calls has an answer within 2 s,
// also if the server is frozen or cut off (EN-13).
const (
	pgPatience  = 1700 * time.Millisecond // for a change, from its handing over
	pgStatement = 1500 * time.Millisecond // for a read, or one statement of a change
	pgConnect   = 1300 * time.Millisecond // for a connection, over all hosts
	pgBulk      = 10 * time.Minute        // for a change of many rows
)

// pgSettings are what a session asks of the server unless the URL says
// otherwise. A server that vanishes within a transaction must not hold rows
// against the others until the network notices.
var pgSettings = map[string]string{
	"lock_timeout":                        "500ms",
	"idle_in_transaction_session_timeout": "5s",
}

// OpenPostgres opens a PostgreSQL database, or one that speaks its protocol:
// postgres://USER:PASSWORD@HOST:PORT/DATABASE, with the settings that libpq
// knows. Of several hosts, separated by commas, the first is used that takes
// changes: target_session_attrs is read-write unless it is given. Errors show
// no password.
func OpenPostgres(ctx context.Context, address string) (*Store, error) {
	cfg, err := parsePostgres(address)
	if err != nil {
		return nil, err
	}
	wdb, bulk, db := openPool(cfg, pgHands), openPool(cfg, 2), openPool(reading(cfg), pgReaders) // 2: one keeps the lock of migrations
	release := sync.OnceValue(func() error { return errors.Join(wdb.Close(), bulk.Close(), db.Close()) })
	if err := migratePostgres(ctx, bulk); err != nil {
		return nil, errors.Join(fmt.Errorf("the database %s at %s:%d: %w", cfg.Database, cfg.Host, cfg.Port, err), release())
	}
	how := writing{hands: pgHands, limit: pgBatch, patience: pgPatience, begin: beginOn(wdb), again: runAgain}
	rarely := writing{hands: 1, limit: 1, patience: pgBulk, begin: beginOn(bulk), again: runAgain}
	return &Store{
		db: db, reads: statements{&pooled{db: db}, postgresFault},
		w: newWriter(how), bulk: newWriter(rarely), release: release,
		apart: func(bool) (*sql.DB, error) { return openPool(patient(cfg), 1), nil },
	}, nil
}

// reading is for sessions that only read, one statement at a time: each sees
// one moment at any isolation. At the strictest it could be ended for the sake
// of the changes beside it, even after its last row.
func reading(cfg *pgx.ConnConfig) *pgx.ConnConfig {
	cfg = cfg.Copy()
	cfg.RuntimeParams["default_transaction_isolation"] = "read committed"
	return cfg
}

// patient is for a session whose transaction may take its time.
func patient(cfg *pgx.ConnConfig) *pgx.ConnConfig {
	cfg = cfg.Copy()
	cfg.RuntimeParams["idle_in_transaction_session_timeout"] = "0"
	cfg.RuntimeParams["statement_timeout"] = "0"
	return cfg
}

// parsePostgres reads the URL. Its error shows nothing of it: it may hold a
// password.
func parsePostgres(address string) (*pgx.ConnConfig, error) {
	if !strings.HasPrefix(address, "postgres://") && !strings.HasPrefix(address, "postgresql://") {
		return nil, errors.New("the database's URL must be postgres://USER:PASSWORD@HOST:PORT/DATABASE")
	}
	cfg, err := pgx.ParseConfig(address)
	if err != nil {
		text := "the database's URL cannot be read: it must be postgres://USER:PASSWORD@HOST:PORT/DATABASE, with signs such as / and @ in a password as %2F and %40"
		if file, ok := errors.AsType[*fs.PathError](err); ok {
			text += ", and the files that it names must be there (" + file.Err.Error() + ")"
		}
		return nil, errors.New(text)
	}
	if cfg.ValidateConnect == nil && !strings.Contains(address, "target_session_attrs=") {
		cfg.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite // after a failover the old primary may be a standby
	}
	if cfg.ConnectTimeout == 0 || cfg.ConnectTimeout > pgConnect {
		cfg.ConnectTimeout = pgConnect / time.Duration(1+len(cfg.Fallbacks))
	}
	cfg.DialFunc = (&net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 3 * time.Second, Count: 3}}).DialContext
	for name, value := range pgSettings {
		if _, given := cfg.RuntimeParams[name]; !given {
			cfg.RuntimeParams[name] = value
		}
	}
	watch(cfg)
	return cfg, nil
}

// watch closes connections to a server that takes no more changes, so that
// the next looks for one that does, and remembers warnings: a server that
// gives up waiting for its standby commits all the same, and only warns.
func watch(cfg *pgx.ConnConfig) {
	keep := cfg.OnPgError
	cfg.OnPgError = func(c *pgconn.PgConn, e *pgconn.PgError) bool { return e.Code != readOnly && keep(c, e) }
	cfg.OnNotice = func(c *pgconn.PgConn, n *pgconn.Notice) {
		if n.SeverityUnlocalized == "WARNING" {
			c.CustomData()[warned] = true
		}
	}
}

// warned marks a connection on which the server has warned.
const warned = "warned"

func openPool(cfg *pgx.ConnConfig, conns int) *sql.DB {
	db := stdlib.OpenDB(*cfg)
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	db.SetConnMaxIdleTime(pgIdleTime)
	db.SetConnMaxLifetime(pgLifeTime)
	return db
}

// migratePostgres migrates under a lock that is a row of a table: of servers
// that start at once one migrates, and the others wait. Advisory locks are not
// known to all who speak the protocol.
func migratePostgres(ctx context.Context, db *sql.DB) error {
	locker, err := lock.NewPostgresTableLocker(lock.WithTableLockTimeout(250*time.Millisecond, 1200),
		lock.WithTableLeaseDuration(30*time.Second), lock.WithTableLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		return err
	}
	// The tables of the lock and of the versions are made by whoever comes
	// first; who is second by a moment tries again.
	for tries := 1; ; tries++ {
		err = migrate(ctx, goose.DialectPostgres, db, goose.WithLocker(locker))
		if _, answered := errors.AsType[*pgconn.PgError](err); !answered || tries == 10 || ctx.Err() != nil || isConnect(err) {
			return postgresFault(err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}
