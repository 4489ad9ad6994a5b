package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

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
	wdb, err := openSQLite(abs, 1, "_txlock=immediate")
	if err != nil {
		return nil, err
	}
	db, err := openSQLite(abs, readers, "_pragma=query_only(1)")
	if err != nil {
		return nil, errors.Join(err, wdb.Close())
	}
	s, err := newStore(ctx, db, wdb, func() error { return isStill(opened, abs) })
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", file, err), wdb.Close(), db.Close())
	}
	return s, nil
}

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
	// half as many changes again.
	const settings = "&_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=wal_autocheckpoint(10000)"
	u := url.URL{Scheme: "file", OmitHost: true, Path: abs, RawQuery: option + settings}
	db, err := sql.Open("sqlite", u.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return db, nil
}

// storeError marks the faults of SQLite that may pass.
func storeError(err error) error {
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
