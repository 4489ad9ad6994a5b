package sqlstore

import (
	"errors"
	"syscall"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/opentcb/opentcb/internal/cloud"
)

// sqliteError is an error of SQLite with what it means.
type sqliteError struct {
	text   string  // SQLite's, "" if it has none
	reason string  // for the operator, "" if there is nothing to do
	is     []error // cloud.ErrUnavailable if it may pass, syscall.ENOSPC
}

// Error is the reason and SQLite's text.
func (e *sqliteError) Error() string {
	switch {
	case e.reason == "":
		return e.text
	case e.text == "":
		return e.reason
	}
	return e.reason + " (" + e.text + ")"
}

// Reason implements cloud.Reasoned.
func (e *sqliteError) Reason() string { return e.reason }

// Unwrap returns what it means.
func (e *sqliteError) Unwrap() []error { return e.is }

const (
	fullReason     = "the database cannot be written: no space is left on its disk"
	readOnlyReason = "the database cannot be written: its file, its folder or its disk is read-only"
	diskReason     = "the database cannot be read or written: look for faults of its disk in the system's log"
	damagedReason  = "the database is damaged: keep a copy of the data folder, and restore a backup (opentcb help restore)"
)

// wrapSQLite marks errors that may pass: no room, no memory, a lock, the disk.
// And it says what the operator can do about an error.
func wrapSQLite(err error) error {
	if isClosed(err) {
		return errClosed
	}
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return err
	}
	wrapped := &sqliteError{text: e.Error()}
	passing := true
	switch code := e.Code() & 0xff; {
	case code == sqlite3.SQLITE_FULL, e.Code() == sqlite3.SQLITE_IOERR_SHMSIZE:
		wrapped.reason, wrapped.is = fullReason, []error{syscall.ENOSPC}
	case code == sqlite3.SQLITE_READONLY:
		wrapped.reason = readOnlyReason
	case code == sqlite3.SQLITE_IOERR, code == sqlite3.SQLITE_CANTOPEN:
		wrapped.reason = diskReason
	case code == sqlite3.SQLITE_CORRUPT, code == sqlite3.SQLITE_NOTADB:
		wrapped.reason, passing = damagedReason, false
	case code == sqlite3.SQLITE_BUSY, code == sqlite3.SQLITE_LOCKED, code == sqlite3.SQLITE_NOMEM,
		code == sqlite3.SQLITE_INTERRUPT:
	default:
		return err
	}
	if passing {
		wrapped.is = append(wrapped.is, cloud.ErrUnavailable)
	}
	return wrapped
}

// errReplaced is the error of a database whose file is no longer the one that
// was opened.
var errReplaced = &sqliteError{
	reason: "the database file was removed or replaced under the running server: stop it and put the file back",
	is:     []error{cloud.ErrUnavailable},
}
