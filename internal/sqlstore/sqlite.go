package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/opentcb/opentcb/internal/cloud"
)

// readers is how many connections read at once. SQLite reads are short and
// bound by the processor.
const readers = 4

// OpenSQLite opens the SQLite database in a file, made if it is not there,
// readable for its owner alone. Every change is synced before it is answered.
func OpenSQLite(ctx context.Context, file string) (*Store, error) {
	abs, err := filepath.Abs(file)
	if err != nil {
		return nil, err
	}
	// SQLite would make it readable for all, and its companions like it.
	f, err := os.OpenFile(abs, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	opened, err := f.Stat()
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	// Sets fall all over a large database: with SQLite's 2 MiB of cache each
	// reads its pages again.
	wdb, err := openSQLite(abs, 1, "_txlock=immediate&_pragma=cache_size(-32768)")
	if err != nil {
		return nil, err
	}
	db, err := openSQLite(abs, readers, "_pragma=query_only(1)")
	if err != nil {
		return nil, errors.Join(err, wdb.Close())
	}
	check := func() error { return isStill(opened, abs) }
	s, err := newSQLite(ctx, db, wdb, check)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", file, sqliteFault(err)), wdb.Close(), db.Close())
	}
	s.apart = func(write bool) (*sql.DB, error) {
		if err := check(); err != nil {
			return nil, err
		}
		if write {
			return openSQLite(abs, 1, "_txlock=immediate")
		}
		return openSQLite(abs, 1, "_pragma=query_only(1)")
	}
	return s, nil
}

// newSQLite migrates the database and begins to write. check says whether what
// is written can be found again; it is asked for each transaction.
func newSQLite(ctx context.Context, db, wdb *sql.DB, check func() error) (*Store, error) {
	if err := migrate(ctx, goose.DialectSQLite3, wdb); err != nil {
		return nil, err
	}
	conn, err := wdb.Conn(ctx)
	if err != nil {
		return nil, err
	}
	reads := &prepared{prepare: db.PrepareContext}
	t := &sqliteTx{check: check, prepared: prepared{prepare: conn.PrepareContext}}
	t.stmts = statements{&t.prepared, sqliteFault}
	how := writing{hands: 1, limit: batchLimit, patience: queueTime, begin: t.begin,
		again: func(error, int) bool { return false }} // one writer gets in nobody's way
	w := newWriter(how)
	return &Store{
		db: db, reads: statements{reads, sqliteFault},
		conn: conn, w: w, bulk: w,
		release: sync.OnceValue(func() error {
			return errors.Join(t.close(), conn.Close(), reads.close(), wdb.Close(), db.Close())
		}),
	}, nil
}

// sqliteTx is the writer's transaction, one after the other on one connection.
type sqliteTx struct {
	prepared
	stmts statements
	check func() error
}

func (t *sqliteTx) begin(time.Time) (transaction, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	_, err := t.stmts.exec("BEGIN IMMEDIATE")
	return t, err
}

func (t *sqliteTx) statements() *statements { return &t.stmts }

func (t *sqliteTx) commit() error {
	_, err := t.stmts.exec("COMMIT")
	return err
}

func (t *sqliteTx) rollback() { _, _ = t.stmts.exec("ROLLBACK") }

// isStill says whether a file is the one that was opened: SQLite itself goes on
// writing to a file that was removed, and all of it would be lost.
func isStill(opened os.FileInfo, abs string) error {
	now, err := os.Stat(abs)
	if err != nil || !os.SameFile(opened, now) {
		return fmt.Errorf("%w: the database file was removed or replaced under the running server: stop it and put the file back", cloud.ErrUnavailable)
	}
	return nil
}

func openSQLite(abs string, conns int, option string) (*sql.DB, error) {
	// A larger write-ahead log than SQLite's default of 1,000 pages is worth
	// half as many changes again. And whoever sets while it is copied into the
	// database waits for that: with 128 MiB it is less than one in a hundred.
	const settings = "&_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=wal_autocheckpoint(32768)"
	u := url.URL{Scheme: "file", OmitHost: true, Path: abs, RawQuery: option + settings}
	db, err := sql.Open("sqlite", u.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return db, nil
}

// sqliteFault marks the faults of SQLite that may pass.
func sqliteFault(err error) error {
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return err
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_IOERR,
		sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_INTERRUPT:
		return fmt.Errorf("%w: %w", cloud.ErrUnavailable, err)
	}
	return err
}
