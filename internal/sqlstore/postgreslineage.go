package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// This file is which database the connections lead to. After a failover the old
// primary may still take changes, from who does not know of the new one. Each
// promotion raises the timeline, so a store remembers the highest that it has
// seen, and uses no database below it. If the URL has several hosts it asks each
// of them all the time: connections to an old primary would otherwise last.

// hostInterval is how often each of several hosts is asked.
const hostInterval = time.Second

// lineageQuery asks a database for what it is. A standby has no timeline of its
// own.
const lineageQuery = `SELECT current_setting('transaction_read_only'), system_identifier,
	CASE WHEN pg_is_in_recovery() THEN '' ELSE left(pg_walfile_name(pg_current_wal_lsn()), 8) END
	FROM pg_control_system()`

// lineage is the database that a store uses.
type lineage struct {
	keep   func(string)
	raised func(timeline uint32)
	seen   atomic.Uint32 // the highest timeline

	mu     sync.Mutex
	system string // the cluster's identifier, for life; "" before the first connection
	before bool   // both are from an earlier process
}

// newLineage returns a lineage. kept is what another gave to keep, "" if nothing.
// raised is called when there is a higher timeline.
func newLineage(kept string, keep func(string), raised func(timeline uint32)) *lineage {
	l := &lineage{keep: keep, raised: raised}
	var seen uint32
	if n, _ := fmt.Sscan(kept, &l.system, &seen); n == 2 {
		l.before = true
		l.seen.Store(seen)
	}
	return l
}

// lineageError is why a database is not used.
type lineageError string

func (e lineageError) Error() string { return string(e) }

// see is called with what a database says it is, and returns its timeline, or an
// error if it is not to be used.
func (l *lineage) see(system, hex string) (uint32, error) {
	n, err := strconv.ParseUint(hex, 16, 32)
	if err != nil {
		return 0, fmt.Errorf("the database's timeline: %w", err)
	}
	timeline := uint32(n)
	l.mu.Lock()
	defer l.mu.Unlock()
	seen := l.seen.Load()
	switch {
	case l.system != "" && l.system != system && !l.before:
		return 0, lineageError("the database is another than before: if that is meant, restart this server")
	case l.system == system && timeline < seen:
		return 0, lineageError(fmt.Sprintf(
			"the database is an old primary, on timeline %d: timeline %d was seen before", timeline, seen))
	case l.system == system && timeline == seen:
		l.before = false
		return timeline, nil
	}
	l.system, l.before = system, false
	l.seen.Store(timeline)
	if l.keep != nil {
		l.keep(fmt.Sprintf("%s %d\n", system, timeline))
	}
	l.raised(timeline)
	return timeline, nil
}

// onTimeline is where a connection has its timeline.
const onTimeline = "timeline"

// timelineOf returns the timeline of a connection, 0 if that is not known.
func timelineOf(c *pgconn.PgConn) uint32 {
	timeline, _ := c.CustomData()[onTimeline].(uint32)
	return timeline
}

// isOld reports whether a connection leads to a database that is used no more.
func (l *lineage) isOld(c *pgconn.PgConn) bool {
	timeline := timelineOf(c)
	return timeline != 0 && timeline < l.seen.Load()
}

// validate looks at each new connection, after what the URL asks of it. If it
// asks for nothing, the database must take changes: after a failover the old
// primary may be a standby. A database that cannot say what it is, since that
// needs rights or it is not PostgreSQL itself, is used.
func (l *lineage) validate(cfg *pgx.ConnConfig, address string) {
	given, any := cfg.ValidateConnect, strings.Contains(address, "target_session_attrs=")
	cfg.ValidateConnect = func(ctx context.Context, c *pgconn.PgConn) error {
		if given != nil {
			if err := given(ctx, c); err != nil {
				return err
			}
		}
		res, err := c.Exec(ctx, lineageQuery).ReadAll()
		_, refused := errors.AsType[*pgconn.PgError](err)
		switch {
		case refused && any:
			return nil
		case refused:
			return pgconn.ValidateConnectTargetSessionAttrsReadWrite(ctx, c)
		case err != nil:
			return err
		}
		readOnly, system, timeline := res[0].Rows[0][0], res[0].Rows[0][1], res[0].Rows[0][2]
		switch {
		case string(readOnly) == "on" && !any:
			return pgconn.ErrReadOnlyConnection
		case len(timeline) == 0:
			return nil
		}
		return l.mark(c, string(system), string(timeline))
	}
}

// mark notes the timeline of a connection.
func (l *lineage) mark(c *pgconn.PgConn, system, timeline string) error {
	seen, err := l.see(system, timeline)
	if err == nil {
		c.CustomData()[onTimeline] = seen
	}
	return err
}

// reset is called before a connection is used again.
func (l *lineage) reset(_ context.Context, c *pgx.Conn) error {
	if l.isOld(c.PgConn()) {
		return driver.ErrBadConn
	}
	return nil
}

// watch asks each host of a URL with several for its timeline, once before it
// returns, and then all the time until the function that it returns is called.
func (l *lineage) watch(cfg *pgx.ConnConfig) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var first, all sync.WaitGroup
	for _, host := range hostsOf(cfg) {
		first.Add(1)
		all.Go(func() {
			db := sql.OpenDB(stdlib.GetConnector(*host))
			defer db.Close()
			db.SetMaxOpenConns(1)
			l.ask(ctx, db)
			first.Done()
			for ctx.Err() == nil {
				select {
				case <-time.After(hostInterval):
					l.ask(ctx, db)
				case <-ctx.Done():
				}
			}
		})
	}
	first.Wait()
	return func() { cancel(); all.Wait() }
}

// ask asks one host. An old primary, one that is away and a standby tell nothing
// new.
func (l *lineage) ask(ctx context.Context, db *sql.DB) {
	ctx, cancel := context.WithTimeout(ctx, pgConnect)
	defer cancel()
	var readOnly, system, timeline string
	if db.QueryRowContext(ctx, lineageQuery).Scan(&readOnly, &system, &timeline) == nil && timeline != "" {
		_, _ = l.see(system, timeline)
	}
}

// hostsOf returns how to connect to each host of several, whatever it is; none
// if there is one host.
func hostsOf(cfg *pgx.ConnConfig) []*pgx.ConnConfig {
	all := append([]*pgconn.FallbackConfig{{Host: cfg.Host, Port: cfg.Port, TLSConfig: cfg.TLSConfig}}, cfg.Fallbacks...)
	var hosts []*pgx.ConnConfig
	for i, f := range all {
		last := len(hosts) - 1
		if i > 0 && f.Host == all[i-1].Host && f.Port == all[i-1].Port { // with TLS, and without
			hosts[last].Fallbacks = append(hosts[last].Fallbacks, f)
			continue
		}
		host := cfg.Copy()
		host.Host, host.Port, host.TLSConfig, host.Fallbacks = f.Host, f.Port, f.TLSConfig, nil
		host.ValidateConnect, host.DefaultQueryExecMode = nil, pgx.QueryExecModeSimpleProtocol
		hosts = append(hosts, host)
	}
	if len(hosts) == 1 {
		return nil
	}
	return hosts
}
