package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/opentcb/opentcb/internal/cloud"
)

// postgresError is an error of Postgres, or of the way there. It keeps only a
// text: the driver's errors hold what a connection was made with, the password
// included.
type postgresError struct {
	kind   errorKind
	text   string
	reason string // for the operator, "" if the database is just away
	old    bool   // it is ErrOldPrimary
}

// ErrOldPrimary is what a database is refused with that another has taken the
// place of.
var ErrOldPrimary = errors.New("an old primary")

// Is reports whether it is ErrOldPrimary.
func (e *postgresError) Is(target error) bool { return e.old && target == ErrOldPrimary }

func (e *postgresError) Error() string { return e.text }

// Reason implements cloud.Reasoned.
func (e *postgresError) Reason() string { return e.reason }

// Unwrap returns cloud.ErrUnavailable for every error that may pass.
func (e *postgresError) Unwrap() error {
	if e.kind == errBug || e.kind == errText {
		return nil
	}
	return cloud.ErrUnavailable
}

// errorKind is what can be done about an error.
type errorKind int

const (
	errBug      errorKind = iota // nothing
	errPassing                   // try later
	errConflict                  // run the transaction again: another was in the way
	errLost                      // run it again on another connection: this one broke
	errOnce                      // run it again once: another may have been in the way
	errText                      // nothing: no row can hold a text
)

// readOnly is the SQLSTATE of a change on a server that takes none.
const readOnly = "25006"

// kinds has the SQLSTATEs, or classes of them, that are no bugs.
var kinds = map[string]errorKind{
	"40":     errConflict, // rollback: serialization, deadlock
	"40003":  errPassing,  // it is not known whether it was committed
	"55P03":  errConflict, // a row was locked too long
	"23505":  errOnce,     // a key that another transaction has just made
	"0A000":  errOnce,     // a prepared statement from before a migration
	"26000":  errOnce,     // a prepared statement that is not there: a pooler has come between
	"42P05":  errOnce,     // or one that is there already
	"08":     errLost,     // connection
	"57P01":  errLost,     // the server stops
	"57P02":  errLost,     // the server crashed
	"57P05":  errLost,     // the session was idle too long
	"25P03":  errLost,     // the transaction was idle too long
	readOnly: errLost,
	"57":     errPassing, // the operator's intervention, starting, stopping
	"53":     errPassing, // no room, too many connections
	"58":     errPassing, // the server's system
	"28":     errPassing, // the password is being changed
	"3D000":  errPassing, // the database is being restored
	"22021":  errText,    // NUL, or what is not UTF-8
}

func kindOf(err error) errorKind {
	if e, ok := errors.AsType[*postgresError](err); ok {
		return e.kind
	}
	if _, ok := errors.AsType[*notNowError](err); ok || isConnect(err) {
		return errPassing
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		if kind, ok := kinds[e.Code]; ok {
			return kind
		}
		return kinds[e.Code[:min(2, len(e.Code))]]
	}
	if isAny(err, context.DeadlineExceeded, context.Canceled, os.ErrDeadlineExceeded, sql.ErrTxDone, sql.ErrConnDone) {
		return errPassing
	}
	if isLost(err) {
		return errLost
	}
	return errBug
}

// isConnect reports whether no connection could be made.
func isConnect(err error) bool {
	_, ok := errors.AsType[*pgconn.ConnectError](err)
	return ok
}

// isLost reports whether a connection broke.
func isLost(err error) bool {
	if isAny(err, driver.ErrBadConn, pgconn.ErrConnClosed, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed) {
		return true
	}
	_, network := errors.AsType[net.Error](err)
	_, system := errors.AsType[syscall.Errno](err)
	return network || system || pgconn.SafeToRetry(err)
}

// isAny reports whether an error is one of several.
func isAny(err error, targets ...error) bool {
	return slices.ContainsFunc(targets, func(target error) bool { return errors.Is(err, target) })
}

// wrapPostgres turns an error of the driver's into a postgresError.
func wrapPostgres(err error) error {
	if err == nil || isAny(err, cloud.ErrUnavailable, cloud.ErrNotFound) {
		return err
	}
	if _, ok := errors.AsType[*postgresError](err); ok {
		return err
	}
	if isClosed(err) {
		return errClosed
	}
	_, old := errors.AsType[lineageError](err)
	return &postgresError{kind: kindOf(err), text: "database: " + textOf(err), reason: reasonOf(err), old: old}
}

// textOf returns the innermost text of an error: what went wrong, and not
// where.
func textOf(err error) string {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Error()
	}
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		var texts []string
		for _, e := range several.Unwrap() {
			texts = append(texts, textOf(e))
		}
		return strings.Join(slices.Compact(texts), "; ")
	}
	if dns, ok := err.(*net.DNSError); ok {
		return dns.Err
	}
	if inner := errors.Unwrap(err); inner != nil {
		return textOf(inner)
	}
	return err.Error()
}

// retryPostgres is plan.retry.
func retryPostgres(err error, tries int) bool {
	switch kindOf(err) {
	case errConflict:
		return tries < 50
	case errLost, errOnce:
		return tries == 1
	}
	return false
}

// advices is what is wrong by SQLSTATE, and what to do next.
var advices = map[string]string{
	"28P01": "the database refuses the password: mend the URL of --database, in which signs such as / and @ of a " +
		"password are %2F and %40",
	"28000":  "the database refuses the user or this machine: look at its pg_hba.conf, and at the user in --database",
	"3D000":  "the database is not there: make it (CREATE DATABASE … OWNER …), or mend its name in --database",
	"42501":  "the user may not do that in the database: make it the owner (ALTER DATABASE … OWNER TO …)",
	"42704":  "the database does not know a setting that the URL of --database has: take it out",
	"53100":  "the database cannot be written: no space is left on the disk of PostgreSQL",
	"53300":  "the database has no connection left: raise its max_connections, or run fewer servers",
	"57P03":  "the database is starting, stopping or recovering: wait, and look at its log if that lasts",
	"58030":  "the database cannot read or write its disk: look at its log",
	"XX001":  damagedPostgres,
	"XX002":  damagedPostgres,
	readOnly: "the database takes no changes: name the primary in --database, or all hosts",
}

const damagedPostgres = "the database is damaged: look at its log, and restore a backup (opentcb help restore)"

// reasonOf returns what is wrong with a database, and what to do next, "" if it
// is just away. It shows nothing of the URL.
func reasonOf(err error) string {
	if old, ok := errors.AsType[lineageError](err); ok {
		return old.Error()
	}
	if errors.Is(err, pgconn.ErrReadOnlyConnection) {
		return advices[readOnly]
	}
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return tlsReason(err)
	}
	if e.Code != protocolViolation {
		return advices[e.Code]
	}
	switch {
	case isRefusedSetting(err):
		_, name, _ := strings.Cut(e.Message, ": ")
		return "a connection pooler stands between, and does not pass a setting on: take " + name +
			" out of the URL of --database, and give it to the database's user instead (ALTER ROLE … SET)"
	case strings.Contains(e.Message, "statement pooling"):
		return "a connection pooler stands between, and lends sessions for one statement, but changes need " +
			"transactions: set its pool_mode to transaction or session"
	}
	return ""
}

// tlsReason is reasonOf for a server that has no TLS, of which the driver has
// no more than a text.
func tlsReason(err error) string {
	if err == nil || !strings.Contains(err.Error(), "server refused TLS connection") {
		return ""
	}
	return "the database has no TLS: give it a certificate; or, if the network between is yours alone, say " +
		"sslmode=disable in the URL of --database"
}

// startError is why a server cannot start on a database: where it is, what is
// wrong, and what to do next.
func startError(cfg *pgx.ConnConfig, err error) error {
	err = wrapPostgres(err)
	hosts := []string{fmt.Sprintf("%s:%d", cfg.Host, cfg.Port)}
	for _, f := range cfg.Fallbacks {
		if host := fmt.Sprintf("%s:%d", f.Host, f.Port); host != hosts[len(hosts)-1] {
			hosts = append(hosts, host)
		}
	}
	advice := ""
	e, ok := errors.AsType[*postgresError](err)
	switch {
	case ok && e.reason != "":
		advice = ": " + e.reason
	case errors.Is(err, cloud.ErrUnavailable):
		advice = ": does PostgreSQL run there, and is the address in --database right?"
	}
	return fmt.Errorf("the database %s at %s: %w%s", cfg.Database, strings.Join(hosts, ", "), err, advice)
}
