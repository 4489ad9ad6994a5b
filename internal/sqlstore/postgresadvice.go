package sqlstore

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/opentcb/opentcb/internal/cloud"
)

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
