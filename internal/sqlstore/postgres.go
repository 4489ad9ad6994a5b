package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// Connections to Postgres: one for each worker of the writers, and those of
// reads. There are few reads, since the rules cache rows.
const (
	pgReaders  = 8
	pgWorkers  = 4
	pgGroup    = 32 // changes of a transaction, which locks their rows against other servers
	pgIdleTime = 5 * time.Minute
	pgLifeTime = 30 * time.Minute // of a connection, so that load spreads over new hosts
)

// How long Postgres is waited for. A call is answered within 2 s, also if the
// server is frozen or cut off (EN-13).
const (
	pgPatience  = 1700 * time.Millisecond // for a change, from its call on
	pgStatement = 1500 * time.Millisecond // for a read, or one statement of a change
	pgConnect   = 1300 * time.Millisecond // for a connection, over all hosts
	pgBulk      = 10 * time.Minute        // for a change of many rows
)

// pgSettings are the settings that the URL does not give. A server of ours that
// vanishes within a transaction must not lock rows against the others until the
// network notices.
var pgSettings = map[string]string{
	"lock_timeout":                        "500ms",
	"idle_in_transaction_session_timeout": "5s",
}

// postgresDB is the engine on Postgres.
type postgresDB struct {
	config  *pgx.ConnConfig
	readers *pool
	writers *pool
	bulk    *pool // of the bulk writer
	commits *commits
	unwatch func() // ends lineage.watch
	faults  faults
	wrap    func(error) error // wrapPostgres, and counts
}

// PostgresOptions are what an operator can ask of a store on Postgres.
type PostgresOptions struct {
	// RequireStandby refuses changes while the database names no synchronous
	// standby.
	RequireStandby bool
	// Lineage is what KeepLineage was given last by an earlier process, "" if
	// nothing: of that cluster no older primary is used.
	Lineage string
	// KeepLineage is called with what is to be kept for the next process, when
	// that has changed; nil: nothing is kept.
	KeepLineage func(string)

	// slack is how much longer than in service Postgres is waited for: in tests
	// of what does not depend on time, on machines of any speed.
	slack time.Duration
}

// OpenPostgres opens and migrates a PostgreSQL database, or one that speaks
// its protocol: postgres://USER:PASSWORD@HOST:PORT/DATABASE, with the settings
// that libpq knows. Of several hosts, separated by commas, the first that
// takes changes is used, unless target_session_attrs asks for another. Errors
// show no password.
func OpenPostgres(ctx context.Context, address string, o PostgresOptions) (*Store, error) {
	cfg, err := parsePostgres(address)
	if err != nil {
		return nil, err
	}
	c := newCommits(o)
	unwatch := c.lineage.watch(cfg)
	c.lineage.validate(cfg, address)
	cfg.ConnectTimeout += o.slack
	g := newGate(c.lineage)
	g.slack = o.slack
	p := &postgresDB{
		config: cfg, commits: c, unwatch: unwatch,
		readers: openPool(cfg, readerSettings, pgReaders, g),
		writers: openPool(cfg, nil, pgWorkers+pgWaiting, g),
		bulk:    openPool(cfg, nil, 2, g), // while it migrates, one of them keeps the lock
	}
	p.wrap = func(err error) error { return p.faults.note(wrapPostgres(err)) }
	if err := migratePostgres(ctx, p.bulk.DB); err != nil {
		return nil, errors.Join(startError(cfg, err), p.close())
	}
	if o.RequireStandby && g.pooler.Load() {
		return nil, errors.Join(errLookThroughPooler, p.close())
	}
	w := newWriter(plan{
		workers: pgWorkers, group: pgGroup, patience: pgPatience + o.slack,
		begin: beginOn(p.writers, p.commits), retry: retryPostgres,
	})
	bulk := newWriter(plan{
		workers: 1, group: 1, patience: pgBulk, begin: beginOn(p.bulk, p.commits), retry: retryPostgres,
	})
	s := newStore(p, w, bulk)
	s.alone = &c.alone
	return s, nil
}

func (p *postgresDB) read(ctx context.Context) *statements {
	deadline, _ := ctx.Deadline()
	return &statements{&pooled{p.readers, deadline}, p.wrap}
}

func (p *postgresDB) openSession(bool) (*sql.DB, error) {
	return openPool(p.config, nil, 1, newGate(p.commits.lineage)).DB, nil
}

// sessionSettings are for a transaction that may take as long as it likes.
func (p *postgresDB) sessionSettings() []string {
	return []string{"SET LOCAL idle_in_transaction_session_timeout = 0", "SET LOCAL statement_timeout = 0"}
}

// checkIntegrity implements engine. PostgreSQL checks each page that it reads,
// with its data checksums; what else it has is the operator's to run.
func (p *postgresDB) checkIntegrity(context.Context, func(string) error) error { return nil }

// loadRows is large, since each statement is a walk to the server and back.
func (p *postgresDB) loadRows() int { return 500 }

func (p *postgresDB) close() error {
	p.commits.close()
	p.unwatch()
	return errors.Join(p.writers.Close(), p.bulk.Close(), p.readers.Close())
}

// readerSettings are for connections that read, one statement at a time. A
// statement sees one moment at any isolation. At the strictest it may be ended
// for the sake of changes at the same time, even after its last row.
var readerSettings = map[string]string{"default_transaction_isolation": "read committed"}

// parsePostgres reads the URL. Its errors show nothing of it, since it may hold
// a password.
func parsePostgres(address string) (*pgx.ConnConfig, error) {
	if !strings.HasPrefix(address, "postgres://") && !strings.HasPrefix(address, "postgresql://") {
		return nil, errors.New("the database's URL must be postgres://USER:PASSWORD@HOST:PORT/DATABASE")
	}
	cfg, err := pgx.ParseConfig(address)
	if err != nil {
		text := "the database's URL cannot be read: it must be postgres://USER:PASSWORD@HOST:PORT/DATABASE, " +
			"with signs such as / and @ in a password as %2F and %40"
		if file, ok := errors.AsType[*fs.PathError](err); ok {
			text += ", and the files that it names must be there (" + file.Err.Error() + ")"
		}
		return nil, errors.New(text)
	}
	requireTLS(cfg, address)
	if cfg.ConnectTimeout == 0 || cfg.ConnectTimeout > pgConnect {
		cfg.ConnectTimeout = pgConnect / time.Duration(1+len(cfg.Fallbacks))
	}
	alive := net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 3 * time.Second, Count: 3}
	cfg.DialFunc = dialUncancelled(&net.Dialer{KeepAliveConfig: alive})
	watch(cfg)
	return cfg, nil
}

// watch closes connections to a server that takes no more changes, so that
// the next one looks for a server that does. And it marks connections on which
// the server has warned: one that gives up waiting for its standby commits all
// the same, with a warning.
func watch(cfg *pgx.ConnConfig) {
	keep := cfg.OnPgError
	cfg.OnPgError = func(c *pgconn.PgConn, e *pgconn.PgError) bool { return e.Code != readOnly && keep(c, e) }
	cfg.OnNotice = func(c *pgconn.PgConn, n *pgconn.Notice) {
		if n.SeverityUnlocalized == "WARNING" {
			c.CustomData()[warned] = true
		}
	}
}

// warned is the mark.
const warned = "warned"

// migratePostgres migrates under a lock, which is a row of a table: of servers
// that start at the same time one migrates, and the others wait. Not all that
// speak the protocol have advisory locks.
func migratePostgres(ctx context.Context, db *sql.DB) error {
	locker, err := lock.NewPostgresTableLocker(lock.WithTableLockTimeout(250*time.Millisecond, 1200),
		lock.WithTableLeaseDuration(30*time.Second), lock.WithTableLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		return err
	}
	// Whoever comes first makes the tables of the lock and of the versions.
	// Whoever is second by a moment fails at that, and tries again.
	for tries := 1; ; tries++ {
		err = migrate(ctx, goose.DialectPostgres, db, goose.WithLocker(locker))
		_, answered := errors.AsType[*pgconn.PgError](err)
		if !answered || isConnect(err) || reasonOf(err) != "" || tries == 10 || ctx.Err() != nil {
			return err
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// requireTLS takes out of a configuration, whose URL says nothing of TLS, what
// libpq would try then: to do without it, and give the password in clear to
// whoever answers that there is no TLS. To this machine itself that is left.
func requireTLS(cfg *pgx.ConnConfig, address string) {
	_, query, _ := strings.Cut(address, "?")
	given, err := url.ParseQuery(query)
	if err == nil && given.Has("sslmode") || os.Getenv("PGSSLMODE") != "" {
		return
	}
	tries := []*pgconn.FallbackConfig{{Host: cfg.Host, Port: cfg.Port, TLSConfig: cfg.TLSConfig}}
	tries = append(tries, cfg.Fallbacks...)
	hasTLS := func(host string, port uint16) bool { // not if a service file says that there is none
		return slices.ContainsFunc(tries, func(f *pgconn.FallbackConfig) bool {
			return f.Host == host && f.Port == port && f.TLSConfig != nil
		})
	}
	safe := slices.DeleteFunc(slices.Clone(tries), func(f *pgconn.FallbackConfig) bool {
		return f.TLSConfig == nil && !isLocal(f.Host) && hasTLS(f.Host, f.Port)
	})
	cfg.Host, cfg.Port, cfg.TLSConfig = safe[0].Host, safe[0].Port, safe[0].TLSConfig
	cfg.Fallbacks = safe[1:]
}

// isLocal reports whether a host is this machine: a loopback address, or the
// folder of a socket.
func isLocal(host string) bool {
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback() || host == "localhost" || strings.HasPrefix(host, "/")
}
