package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/pressly/goose/v3"
)

// sqliteReaders is how many connections read at the same time. Reads of SQLite
// are short and bound by the processor.
const sqliteReaders = 4

// Options of a connection to SQLite.
const (
	sqliteReads  = "_pragma=query_only(1)"
	sqliteWrites = "_txlock=immediate"
	// Sets hit pages all over a large database. With the default cache of 2 MiB
	// each would read its pages again.
	sqliteCache = "&_pragma=cache_size(-32768)"
)

// SQLiteOptions are how a database is used. The zero value is good for all that
// is to last.
type SQLiteOptions struct {
	// NoSync does without what makes changes survive a power cut, for a database
	// that ends with the process.
	NoSync bool
}

// sqliteDB is the engine on SQLite: connections that read, and one that
// writes.
type sqliteDB struct {
	SQLiteOptions
	file    string      // its absolute path
	opened  os.FileInfo // of the file when it was opened
	readers *sql.DB
	writers *sql.DB   // of one connection
	conn    *sql.Conn // the one of writers
	reads   statements
	tx      sqliteTx // on conn
	folds   foldings // of the log
	faults  faults

	readStmts, writeStmts *prepared
}

// OpenSQLite opens the SQLite database in a file and migrates it. A file that
// does not exist is made, readable by its owner only; a copy that lacks the log
// it needs is refused. Every change is synced before it returns.
func OpenSQLite(ctx context.Context, file string) (*Store, error) {
	return SQLiteOptions{}.Open(ctx, file)
}

// Open is OpenSQLite with these options.
func (o SQLiteOptions) Open(ctx context.Context, file string) (*Store, error) {
	abs, err := filepath.Abs(file)
	if err != nil {
		return nil, err
	}
	missing, alone, err := lookAtLog(abs)
	switch {
	case err == nil && missing && o.NoSync:
		if text := emptySQLite.Load(); text != nil {
			missing, err = false, os.WriteFile(abs, *text, 0o600)
		} else {
			err = makeFile(abs)
		}
	case err == nil && missing:
		missing, err = false, create(ctx, abs, "")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	d := &sqliteDB{SQLiteOptions: o, file: abs}
	if d.opened, err = os.Stat(abs); err != nil {
		return nil, err
	}
	if err := d.open(ctx, missing, alone); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", file, wrapSQLite(err)), d.close())
	}
	w := newWriter(plan{
		workers: 1, group: maxGroup, patience: queuePatience, begin: d.begin,
		retry:   func(error, int) bool { return false }, // no other transaction is in the way
		resting: d.rest,
	})
	return newStore(d, w, w), nil
}

// CreateSQLite makes the database in a file that does not exist, bound to the
// master key of that id. The file is there once all of it is.
func CreateSQLite(ctx context.Context, file, keyID string) error {
	abs, err := filepath.Abs(file)
	if err == nil {
		var missing bool
		if missing, _, err = lookAtLog(abs); err == nil && missing {
			err = create(ctx, abs, keyID)
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}

func (d *sqliteDB) open(ctx context.Context, isNew, alone bool) (err error) {
	if d.writers, err = d.connect(d.file, 1, sqliteWrites+sqliteCache); err != nil {
		return err
	}
	switch {
	case isNew:
		if err = createSchema(ctx, d.writers); err == nil {
			err = keepEmpty(ctx, d.writers)
		}
	case alone:
		err = checkAlone(ctx, d.writers)
	}
	if err != nil {
		return err
	}
	if d.readers, err = d.connect(d.file, sqliteReaders, sqliteReads); err != nil {
		return err
	}
	if err := migrate(ctx, goose.DialectSQLite3, d.writers); err != nil {
		return err
	}
	if d.conn, err = d.writers.Conn(ctx); err != nil {
		return err
	}
	d.readStmts = &prepared{prepare: d.readers.PrepareContext, byText: map[string]*sql.Stmt{}}
	d.writeStmts = &prepared{prepare: d.conn.PrepareContext, byText: map[string]*sql.Stmt{}}
	d.reads = statements{d.readStmts, func(err error) error { return d.faults.note(wrapSQLite(err)) }}
	d.tx = sqliteTx{}
	d.tx.stmts = statements{d.writeStmts, d.tx.wrap}
	return d.fold()
}

// connect opens a database with so many connections, and options of each.
func (o SQLiteOptions) connect(abs string, conns int, options string) (*sql.DB, error) {
	// A write-ahead log of 32,768 pages (128 MiB) gives 1.5 times the sets of
	// the default of 1,000. Less than one set in a hundred then waits while the
	// log is copied into the database. The mode of the journal comes after all pragmas:
	// to change it syncs, unless that is off by then.
	const always = "&_journal_mode=WAL&_pragma=busy_timeout(5000)&_pragma=wal_autocheckpoint(32768)" +
		"&_pragma=synchronous"
	sync := "(FULL)"
	if o.NoSync {
		sync = "(OFF)"
	}
	u := url.URL{Scheme: "file", OmitHost: true, Path: abs, RawQuery: options + always + sync}
	db, err := sql.Open("sqlite", u.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return db, nil
}

func (d *sqliteDB) read(context.Context) *statements { return &d.reads }

func (d *sqliteDB) openSession(write bool) (*sql.DB, error) {
	if _, err := d.checkFile(); err != nil {
		return nil, err
	}
	if write {
		return d.connect(d.file, 1, sqliteWrites)
	}
	db, err := d.connect(d.file, 1, sqliteReads)
	if err == nil {
		d.dumping(db)
	}
	return db, err
}

func (d *sqliteDB) sessionSettings() []string { return nil }

// loadRows is 1: SQLite compares the name of each parameter with all before
// it, so a statement of many rows takes longer than many statements.
func (d *sqliteDB) loadRows() int { return 1 }

// close closes the connection that writes last.
func (d *sqliteDB) close() error {
	var errs []error
	if d.conn != nil {
		errs = append(errs, d.keepLog(), d.readStmts.close(), d.writeStmts.close(), d.conn.Close())
	}
	if d.readers != nil {
		errs = append(errs, d.readers.Close())
	}
	if d.writers != nil {
		errs = append(errs, d.writers.Close())
	}
	return errors.Join(errs...)
}

// begin begins the writer's next transaction. Its deadline is not needed:
// nothing but the disk is waited for.
func (d *sqliteDB) begin(time.Time) (transaction, error) {
	file, err := d.checkFile()
	if err != nil {
		return nil, err
	}
	d.foldAgain(file)
	_, err = d.tx.stmts.exec("BEGIN IMMEDIATE")
	return &d.tx, err
}

// checkFile reports whether the database file is still the one that was
// opened. SQLite itself goes on writing to a file that was removed, and
// everything written would be lost.
func (d *sqliteDB) checkFile() (os.FileInfo, error) {
	now, err := os.Stat(d.file)
	if err != nil || !os.SameFile(d.opened, now) {
		return nil, errReplaced
	}
	return now, nil
}

// sqliteTx is the transaction on the connection that writes.
type sqliteTx struct {
	stmts statements
	full  bool // there was no room for the last change; the writer's worker alone uses it
}

// wrap is wrapSQLite, and notes that there is no room.
func (t *sqliteTx) wrap(err error) error {
	err = wrapSQLite(err)
	if errors.Is(err, syscall.ENOSPC) {
		t.full = true
	}
	return err
}

func (t *sqliteTx) statements() *statements { return &t.stmts }

// lock locks nothing. After a change that had no room it writes, so that Ping
// finds out whether there is room again.
func (t *sqliteTx) lock(string, ...any) error {
	if !t.full {
		return nil
	}
	t.full = false
	_, err := t.stmts.exec("UPDATE meta SET value = value WHERE name = 'log'")
	return err
}

// keep implements transaction: one runs at a time.
func (t *sqliteTx) keep() string { return "" }

func (t *sqliteTx) commit() error {
	_, err := t.stmts.exec("COMMIT")
	return err
}

func (t *sqliteTx) rollback() { _, _ = t.stmts.exec("ROLLBACK") }

// checkIntegrity implements engine: it reads every page and index.
func (d *sqliteDB) checkIntegrity(ctx context.Context, found func(what string) error) error {
	db, err := d.openSession(false)
	if err != nil {
		return err
	}
	defer db.Close()
	rows, err := db.QueryContext(ctx, "PRAGMA integrity_check(20)")
	if err != nil {
		return wrapSQLite(err)
	}
	defer rows.Close()
	return eachFault(rows, found)
}

func eachFault(rows *sql.Rows, found func(what string) error) error {
	for rows.Next() {
		var what string
		if err := rows.Scan(&what); err != nil {
			return wrapSQLite(err)
		}
		if what == "ok" {
			continue
		}
		if err := found("the database file: " + what); err != nil {
			return err
		}
	}
	return wrapSQLite(rows.Err())
}
