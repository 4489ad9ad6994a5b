package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/opentcb/opentcb/internal/cloud"
)

// fault is an error of Postgres or of the way there. It keeps the text alone:
// the driver's errors hold what a connection was made with.
type fault struct {
	kind faultKind
	text string
}

func (f *fault) Error() string { return f.text }

// Unwrap makes every fault that may pass cloud.ErrUnavailable.
func (f *fault) Unwrap() error {
	if f.kind == faultBug || f.kind == faultText {
		return nil
	}
	return cloud.ErrUnavailable
}

// faultKind says what can be done about a fault.
type faultKind int

const (
	faultBug      faultKind = iota // nothing
	faultPassing                   // try later
	faultConflict                  // another transaction was in the way: run it again
	faultLost                      // the connection broke: run it again on another
	faultOnce                      // run it again once: another transaction may have been in the way
	faultText                      // a text that no row can hold
)

// readOnly is the SQLSTATE of a change on a server that takes none.
const readOnly = "25006"

// kinds are the SQLSTATEs, or their classes, that are no bugs.
var kinds = map[string]faultKind{
	"40":     faultConflict, // rollback: serialization, deadlock
	"40003":  faultPassing,  // it is not known whether it was committed
	"55P03":  faultConflict, // a row was locked too long
	"23505":  faultOnce,     // a key that another transaction has just made
	"0A000":  faultOnce,     // a prepared statement from before a migration
	"26000":  faultOnce,     // a prepared statement that a pooler does not know
	"08":     faultLost,     // connection
	"57P01":  faultLost,     // the server stops
	"57P02":  faultLost,     // the server crashed
	"57P05":  faultLost,     // the session was idle too long
	"25P03":  faultLost,     // the transaction was idle too long
	readOnly: faultLost,
	"57":     faultPassing, // the operator's intervention, starting, stopping
	"53":     faultPassing, // no room, too many connections
	"58":     faultPassing, // the server's system
	"28":     faultPassing, // the password is being changed
	"3D000":  faultPassing, // the database is being restored
	"22021":  faultText,    // NUL, or what is not UTF-8
}

// kindOf tells what kind of fault an error is.
func kindOf(err error) faultKind {
	if f, ok := errors.AsType[*fault](err); ok {
		return f.kind
	}
	if isConnect(err) {
		return faultPassing
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		if kind, ok := kinds[e.Code]; ok {
			return kind
		}
		return kinds[e.Code[:min(2, len(e.Code))]]
	}
	for _, late := range []error{context.DeadlineExceeded, context.Canceled, os.ErrDeadlineExceeded, sql.ErrTxDone, sql.ErrConnDone} {
		if errors.Is(err, late) {
			return faultPassing
		}
	}
	if isLost(err) {
		return faultLost
	}
	return faultBug
}

// isConnect says whether no connection could be made.
func isConnect(err error) bool {
	_, ok := errors.AsType[*pgconn.ConnectError](err)
	return ok
}

func isLost(err error) bool {
	for _, lost := range []error{driver.ErrBadConn, pgconn.ErrConnClosed, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed} {
		if errors.Is(err, lost) {
			return true
		}
	}
	_, network := errors.AsType[net.Error](err)
	_, system := errors.AsType[syscall.Errno](err)
	return network || system || pgconn.SafeToRetry(err)
}

// postgresFault gives an error its kind.
func postgresFault(err error) error {
	if err == nil || errors.Is(err, cloud.ErrUnavailable) || errors.Is(err, cloud.ErrNotFound) {
		return err
	}
	if _, ok := errors.AsType[*fault](err); ok {
		return err
	}
	if strings.Contains(err.Error(), "sql: database is closed") { // an error without a name
		return errClosed
	}
	return &fault{kindOf(err), "database: " + textOf(err)}
}

// textOf says what went wrong without saying where: causes alone.
func textOf(err error) string {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Error()
	}
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		var texts []string
		for _, e := range several.Unwrap() {
			texts = append(texts, textOf(e))
		}
		return strings.Join(texts, "; ")
	}
	if dns, ok := err.(*net.DNSError); ok {
		return dns.Err
	}
	if inner := errors.Unwrap(err); inner != nil {
		return textOf(inner)
	}
	return err.Error()
}

// runAgain says whether a transaction that failed is run again.
func runAgain(err error, tries int) bool {
	switch kindOf(err) {
	case faultConflict:
		return tries < 50
	case faultLost, faultOnce:
		return tries == 1
	}
	return false
}
