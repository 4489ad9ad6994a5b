package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// This file is how connections to Postgres are come by. Of all pools of a store
// one connects at a time, and none for a while after that failed: a server that
// is away or full is not asked by everybody at once. Who finds no connection
// waits for one of the pool's own, which are soon free again.

// pool is connections of one kind.
type pool struct {
	*sql.DB
	gate        *gate
	size        int
	busy        atomic.Int64 // connections in use
	beginPooled string       // BEGIN, with the settings that a pooler keeps from a connection
}

// openPool describes a pool. Its connections are made when they are needed, with
// settings besides those of the URL.
func openPool(cfg *pgx.ConnConfig, settings map[string]string, size int, g *gate) *pool {
	own := ownSettings(cfg)
	direct := cfg.Copy()
	maps.Copy(direct.RuntimeParams, own)
	maps.Copy(direct.RuntimeParams, settings)
	reset := stdlib.OptionResetSession(g.lineage.reset)
	connector := gated{
		direct: stdlib.GetConnector(*direct, reset), pooled: stdlib.GetConnector(*throughPooler(cfg), reset), gate: g,
	}
	p := &pool{DB: sql.OpenDB(connector), gate: g, size: size, beginPooled: beginWith(own)}
	p.SetMaxOpenConns(size)
	p.SetMaxIdleConns(size)
	p.SetConnMaxIdleTime(pgIdleTime)
	p.SetConnMaxLifetime(pgLifeTime)
	g.pools = append(g.pools, p)
	return p
}

// pooledConn is a connection of a pool, which Close gives back.
type pooledConn struct {
	*sql.Conn
	pool *pool
}

// Close gives the connection back.
func (c *pooledConn) Close() error {
	err := c.Conn.Close()
	c.pool.busy.Add(-1)
	c.pool.gate.move()
	return err
}

// conn returns a free connection. It makes one if there is room, and waits
// within ctx for one that is in use if none can be made.
func (p *pool) conn(ctx context.Context) (*pooledConn, error) {
	for hopeless := false; ; {
		conn, err := p.DB.Conn(ctx)
		if err == nil {
			p.busy.Add(1)
			return &pooledConn{conn, p}, nil
		}
		notNow, ok := errors.AsType[*notNowError](err)
		if !ok && !isConnect(err) || ctx.Err() != nil {
			return nil, err
		}
		if p.busy.Load() == 0 && !isFull(err) && (!ok || !notNow.trying) {
			if hopeless {
				return nil, err
			}
			hopeless = true // one may have been given back meanwhile
			continue
		}
		hopeless = false
		p.gate.wait(ctx)
	}
}

// isFull reports whether a server has no room for another connection.
func isFull(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && e.Code == "53300"
}

// gate is what all attempts to connect of a store go through.
type gate struct {
	lineage *lineage
	pools   []*pool
	pooler  atomic.Bool // one stands between
	waiting atomic.Int64
	slack   time.Duration // of PostgresOptions

	mu     sync.Mutex
	trying bool
	until  time.Time     // no attempt before
	failed error         // of the last attempt
	moved  chan struct{} // closed when an attempt has ended or a connection is free
}

func newGate(l *lineage) *gate { return &gate{lineage: l, moved: make(chan struct{})} }

// notNowError is the answer to who may not connect now.
type notNowError struct {
	trying bool  // another connects
	failed error // why the last attempt failed; nil if it did not
}

func (e *notNowError) Error() string { return "another connection is being made" }
func (e *notNowError) Unwrap() error { return e.failed }

// begin begins an attempt, if this is the time for one.
func (g *gate) begin() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.trying || time.Now().Before(g.until) {
		return &notNowError{g.trying, g.failed}
	}
	g.trying = true
	return nil
}

// end ends it.
func (g *gate) end(err error) {
	g.mu.Lock()
	g.trying, g.failed = false, err
	if err != nil {
		g.until = time.Now().Add(100*time.Millisecond + rand.N(100*time.Millisecond))
	}
	g.mu.Unlock()
	if isFull(err) {
		g.trim()
	}
	g.move()
}

// trim closes idle connections, so that a pool that has none, of this server
// or of another, can have one.
func (g *gate) trim() {
	for _, p := range g.pools {
		p.SetMaxIdleConns(1)
		p.SetMaxIdleConns(p.size)
	}
}

// move wakes those who wait.
func (g *gate) move() {
	if g.waiting.Load() == 0 {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	close(g.moved)
	g.moved = make(chan struct{})
}

// wait waits until an attempt has ended or a connection is free, or a moment.
func (g *gate) wait(ctx context.Context) {
	g.waiting.Add(1)
	defer g.waiting.Add(-1)
	g.mu.Lock()
	moved := g.moved
	g.mu.Unlock()
	moment := time.NewTimer(20 * time.Millisecond) // what came before is missed
	defer moment.Stop()
	select {
	case <-moved:
	case <-moment.C:
	case <-ctx.Done():
	}
}

// gated is a connector that goes through a gate.
type gated struct {
	direct, pooled driver.Connector // to Postgres itself, and through a pooler
	gate           *gate
}

// Driver implements driver.Connector.
func (c gated) Driver() driver.Driver { return c.direct.Driver() }

// Connect implements driver.Connector.
func (c gated) Connect(ctx context.Context) (driver.Conn, error) {
	if err := c.gate.begin(); err != nil {
		return nil, err
	}
	conn, err := c.connect(ctx)
	c.gate.end(err)
	return conn, err
}

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
