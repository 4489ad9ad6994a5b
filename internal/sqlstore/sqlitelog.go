package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
	"modernc.org/sqlite"

	"github.com/opentcb/opentcb/internal/secretfile"
)

// This file keeps a database and its log together.
//
// SQLite writes changes to a log beside the file (-wal), and copies the log
// into the file from time to time. The file alone is the database of some
// earlier moment, and at first an empty one. It opens without an error, so
// whoever copies it alone would go on from there unknowingly.
//
// So the file says that it needs its log, and the log, at its beginning, that
// file and log are whole. Whatever reads both sees "whole": this program,
// SQLite's own tools, and what SQLite leaves when the last one closes it.
// Whatever has the file alone sees "needed".

// The values of the row 'log' of meta. A database of an earlier version has
// none.
const (
	logNeeded = "needed"
	logWhole  = "whole"
)

const (
	// restAfter is how long there must be no change for the log to be copied
	// into the file.
	restAfter = 2 * time.Second
	// foldPause is between two attempts to copy the log, if one failed.
	foldPause = time.Second
)

var errWithoutLog = errors.New("a copy without its log: what the file beside it (-wal) had is missing here. " +
	"Copy the whole data folder of a server that is stopped, or use opentcb backup")

// create makes a database in a file that is not there or empty. It gets its name
// when its schema, and the id of its master key if one is given, are in the file:
// a process that is killed leaves all of it or none.
func create(ctx context.Context, abs, keyID string) error {
	made := abs + ".new"
	for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
		if err := os.Remove(made + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := makeFile(made); err != nil {
		return err
	}
	db, err := SQLiteOptions{NoSync: true}.connect(made, 1, sqliteWrites) // it is synced when it is whole
	if err != nil {
		return err
	}
	err = createSchema(ctx, db)
	if err == nil && keyID != "" {
		_, err = db.ExecContext(ctx, "INSERT INTO meta (name, value) VALUES ('master_key', $1)", keyID)
	}
	if err = errors.Join(err, db.Close()); err != nil { // which copies the log into the file
		return wrapSQLite(err)
	}
	f, err := os.OpenFile(made, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(made, abs); err != nil {
		return err
	}
	return secretfile.SyncFolder(filepath.Dir(abs))
}

// makeFile makes an empty file. SQLite would make it, and its companions after it,
// readable by all.
func makeFile(name string) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// createSchema does in one transaction what migrate does in one for each migration,
// which takes longer.
func createSchema(ctx context.Context, db *sql.DB) error {
	done, err := database.NewStore(database.DialectSQLite3, goose.DefaultTablename)
	if err != nil {
		return err
	}
	t, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer t.Rollback()
	if err := done.CreateVersionTable(ctx, t); err != nil {
		return err
	}
	schema, versions := "", "(0, 1)"
	for _, name := range migrationNames() {
		text, err := migrations.ReadFile("migrations/" + name)
		if err != nil {
			return err
		}
		schema += string(text) + "\n"
		versions += fmt.Sprintf(", (%d, 1)", versionOf(name))
	}
	_, err = t.ExecContext(ctx, schema+"INSERT INTO goose_db_version (version_id, is_applied) VALUES "+versions)
	if err != nil {
		return err
	}
	return t.Commit()
}

// emptySQLite is a new database, once a second one was made that need not last: a
// process that makes two makes many. emptyMade counts them until then.
var (
	emptySQLite atomic.Pointer[[]byte]
	emptyMade   atomic.Int64
)

// keepEmpty keeps a database that was just made as emptySQLite.
func keepEmpty(ctx context.Context, db *sql.DB) error {
	if emptyMade.Add(1) < 2 {
		return nil
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return conn.Raw(func(c any) error {
		text, err := c.(interface{ Serialize() ([]byte, error) }).Serialize()
		if err == nil {
			emptySQLite.Store(&text)
		}
		return err
	})
}

// lookAtLog reports whether a database is still to be made, and whether it has
// no log. It opens nothing.
func lookAtLog(abs string) (missing, alone bool, err error) {
	size := func(file string) (int64, error) {
		info, err := os.Stat(file)
		if errors.Is(err, fs.ErrNotExist) {
			return 0, nil
		}
		if err != nil {
			return 0, err
		}
		return info.Size(), nil
	}
	file, err := size(abs)
	log, logErr := size(abs + "-wal")
	if err = errors.Join(err, logErr); err != nil {
		return false, false, err
	}
	if file == 0 && log > 0 {
		return false, false, fmt.Errorf("the database file is missing or empty, and its log is there (-wal): " +
			"put the file back that belongs to it")
	}
	return file == 0, log == 0, nil
}

// checkAlone refuses a file without a log that needs one, or that has nothing:
// what is in a database that was just made is in its log.
func checkAlone(ctx context.Context, db *sql.DB) error {
	var tables, metas int
	err := db.QueryRowContext(ctx, `SELECT count(*), count(CASE WHEN name = 'meta' THEN 1 END) FROM sqlite_master`).
		Scan(&tables, &metas)
	if err != nil || metas == 0 {
		if err == nil && tables == 0 {
			err = errWithoutLog
		}
		return err
	}
	var needed int
	err = db.QueryRowContext(ctx, "SELECT count(*) FROM meta WHERE name = 'log' AND value = $1", logNeeded).Scan(&needed)
	if err == nil && needed > 0 {
		err = errWithoutLog
	}
	return err
}

// foldings is what is known of the log. All but dumps is the writer's worker's
// alone.
type foldings struct {
	file  time.Time // when the file was last written
	log   time.Time // when the log was
	tried time.Time
	whole bool // the log says so

	mu    sync.Mutex
	dumps []*sql.DB // sessions that may read, and hold the log
}

// dumping notes a session that reads.
func (d *sqliteDB) dumping(db *sql.DB) {
	d.folds.mu.Lock()
	defer d.folds.mu.Unlock()
	d.folds.dumps = append(d.folds.dumps, db)
}

// isDumped reports whether a session reads.
func (d *sqliteDB) isDumped() bool {
	f := &d.folds
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dumps = slices.DeleteFunc(f.dumps, func(db *sql.DB) bool { return db.Stats().OpenConnections == 0 })
	return len(f.dumps) > 0
}

// fold copies the log into the file, with the mark that the file needs the log
// that begins now. While a dump reads it does nothing: the log cannot be copied
// as a whole, and a part of it would be without the mark.
func (d *sqliteDB) fold() error {
	f := &d.folds
	if f.tried = time.Now(); d.isDumped() {
		return nil
	}
	if err := d.mark(logNeeded); err != nil {
		return err
	}
	var busy, logged, copied int
	err := d.tx.stmts.row("PRAGMA wal_checkpoint(FULL)", nil, &busy, &logged, &copied)
	if err = errors.Join(err, d.mark(logWhole)); err != nil {
		return err
	}
	info, err := os.Stat(d.file)
	log, logErr := os.Stat(d.file + "-wal")
	if err = errors.Join(err, logErr); err == nil && busy == 0 && copied == logged {
		f.file, f.log = info.ModTime(), log.ModTime()
	}
	return err
}

// mark writes the row that tells a start whether the log is needed.
func (d *sqliteDB) mark(value string) error {
	_, err := d.tx.stmts.exec(putMeta, "log", value)
	d.folds.whole = err == nil && value == logWhole
	return err
}

// foldAgain folds if SQLite has copied a full log into the file by itself,
// which wrote it at that time: the file then says that it is whole, and with
// the next change it is not.
func (d *sqliteDB) foldAgain(file os.FileInfo) {
	if !file.ModTime().Equal(d.folds.file) && time.Since(d.folds.tried) > foldPause {
		_ = d.fold() // tried again with a later change
	}
}

// rest folds what the log has, when there was no change for some time.
func (d *sqliteDB) rest() {
	if log, err := os.Stat(d.file + "-wal"); err == nil && !log.ModTime().Equal(d.folds.log) {
		_ = d.fold() // tried again with a later change
	}
}

// keepLog sees to it that the last connection, when it closes, leaves a
// database that opens: SQLite then copies the log into the file and removes it.
func (d *sqliteDB) keepLog() error {
	if d.folds.whole || d.mark(logWhole) == nil {
		return nil
	}
	return d.conn.Raw(func(c any) error {
		_, err := c.(sqlite.FileControl).FileControlPersistWAL("main", 1)
		return err
	})
}
