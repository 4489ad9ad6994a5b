package sqlstore

import (
	"context"
	"database/sql/driver"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// This file is poolers, such as PgBouncer. A pooler lends the sessions of the
// server to its own clients, for a transaction at a time. What belongs to a
// session is lost there: settings that a connection begins with are refused or
// forgotten, and a prepared statement is missing in the next session, or there
// already. So, where a pooler stands between, the settings are those of each
// transaction, and statements have no name.

// connect makes a connection. The first to meet a pooler that has transactions
// says so to all.
func (c gated) connect(ctx context.Context) (driver.Conn, error) {
	if c.gate.pooler.Load() {
		return c.pooled.Connect(ctx)
	}
	conn, err := c.direct.Connect(ctx)
	if !isPooler(ctx, conn, err) {
		return conn, err
	}
	if err == nil {
		_ = conn.Close()
	}
	if conn, err = c.pooled.Connect(ctx); err != nil {
		return nil, err
	}
	pg := conn.(*stdlib.Conn).Conn().PgConn()
	for _, command := range []string{"BEGIN", "ROLLBACK"} {
		if _, err := pg.Exec(ctx, command).ReadAll(); err != nil {
			_ = conn.Close()
			return nil, err
		}
	}
	c.gate.pooler.Store(true)
	return conn, nil
}

// isPooler reports whether the other end of a new connection is a pooler: it
// refuses a setting that PostgreSQL knows, or the session has another process
// than it says.
func isPooler(ctx context.Context, conn driver.Conn, err error) bool {
	if err != nil {
		return isRefusedSetting(err)
	}
	pg := conn.(*stdlib.Conn).Conn().PgConn()
	res, err := pg.Exec(ctx, "SELECT pg_backend_pid()").ReadAll()
	if err != nil || len(res) == 0 || len(res[0].Rows) == 0 {
		return false // not PostgreSQL itself; or broken, as its next use shows
	}
	return string(res[0].Rows[0][0]) != strconv.FormatUint(uint64(pg.PID()), 10)
}

// isRefusedSetting reports whether a pooler refused a setting of a connection.
func isRefusedSetting(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && e.Code == protocolViolation && strings.Contains(e.Message, "startup parameter")
}

// protocolViolation is the SQLSTATE of what a pooler cannot do.
const protocolViolation = "08P01"

// throughPooler is how to connect through a pooler. How statements are sent is
// left as it is if the URL says that: there are poolers that know their names.
func throughPooler(cfg *pgx.ConnConfig) *pgx.ConnConfig {
	cfg = cfg.Copy()
	if !strings.Contains(cfg.ConnString(), "default_query_exec_mode=") {
		cfg.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	}
	return cfg
}

// ownSettings returns the pgSettings that a URL does not give.
func ownSettings(cfg *pgx.ConnConfig) map[string]string {
	own := maps.Clone(pgSettings)
	for name := range cfg.RuntimeParams {
		delete(own, name)
	}
	return own
}

// beginWith returns what begins a transaction that has settings of its own.
func beginWith(settings map[string]string) string {
	begin := "BEGIN"
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		begin += "; SET LOCAL " + name + " = '" + settings[name] + "'"
	}
	return begin
}

// begin returns the command that begins a transaction.
func (p *pool) begin() string {
	if p.gate.pooler.Load() {
		return p.beginPooled
	}
	return "BEGIN"
}
