package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// This file is COMMIT on Postgres. With synchronous replication a COMMIT waits
// for the standby, as long as that takes. To cancel it would be worse than to
// wait: Postgres then commits without the standby, and shows to everybody what
// is lost with the server. So a COMMIT is never cancelled. When its caller's
// time is over the caller is answered that the outcome is not known, and the
// connection waits on. It is one of a pool: when all of a pool's connections
// wait, further changes wait for one of them, as long as they have time.
//
// The driver, too, asks Postgres to cancel what runs, whenever a connection
// breaks or is closed in use. On the connections here it does not find the way:
// see uncancelled.

// pgWaiting is how many connections may wait for a COMMIT whose caller was
// answered, beside those of the workers.
const pgWaiting = 4

// pgCommit is how long such a connection waits. Then it is closed, which
// Postgres notices only when its own waiting ends: a shorter time would fill it
// with connections that wait for nobody.
const pgCommit = 10 * time.Minute

// commits are the COMMITs under way, and what is asked of them.
type commits struct {
	lineage        *lineage
	requireStandby bool
	alone          atomic.Uint64 // changes that were refused for want of a standby

	mu     sync.Mutex
	closed bool
	conns  map[net.Conn]uint32 // with the timeline
}

// newCommits returns commits. kept and keep are as in newLineage.
func newCommits(o PostgresOptions) *commits {
	c := &commits{requireStandby: o.RequireStandby, conns: map[net.Conn]uint32{}}
	c.lineage = newLineage(o.Lineage, o.KeepLineage, c.closeBelow)
	return c
}

// closeBelow closes the connections to an old primary whose COMMIT is under way:
// what follows that primary, and is waited for, may have gone for good.
func (c *commits) closeBelow(timeline uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for conn, on := range c.conns {
		if on != 0 && on < timeline {
			_ = conn.Close()
		}
	}
}

// begin takes note of a COMMIT on a connection. Its end is told to the function
// that begin returns. Until then the connection is closed when the time is over,
// or with the store.
func (c *commits) begin(pg *pgconn.PgConn) (end func()) {
	conn := pg.Conn()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.lineage.isOld(pg) {
		_ = conn.Close()
		return func() {}
	}
	c.conns[conn] = timelineOf(pg)
	late := time.AfterFunc(pgCommit, func() { _ = conn.Close() })
	return func() {
		late.Stop()
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.conns, conn)
	}
}

// close closes the connections whose COMMIT is still under way.
func (c *commits) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for conn := range c.conns {
		_ = conn.Close()
	}
}

// commit implements transaction. If its answer does not come in time, is lost,
// or comes with a warning, it is not known whether the changes were made: they
// are not run again.
func (t *postgresTx) commit() error {
	if err := t.ctx.Err(); err != nil {
		return wrapPostgres(err) // there is time to do without
	}
	t.committed = true
	t.limit.Reset(t.patience)
	answer := make(chan error, 1)
	go func() {
		defer t.end()
		answer <- t.runCommit()
	}()
	select {
	case err := <-answer:
		return err
	case <-t.ctx.Done():
	}
	select {
	case err := <-answer: // the answer came first, and ended ctx
		return err
	default:
		return errNoAnswer
	}
}

// runCommit returns when Postgres has answered, or its connection is gone.
func (t *postgresTx) runCommit() error {
	_ = hasWarned(t.conn.Conn) // about something before
	err := t.conn.Raw(func(c any) error {
		pg := c.(*stdlib.Conn).Conn().PgConn()
		defer t.commits.begin(pg)()
		commit := plainCommit
		if t.commits.requireStandby {
			commit = t.commitLooking
		}
		err := commit(pg)
		if err == nil && t.commits.lineage.isOld(pg) {
			err = errNotSure
		}
		return err
	})
	switch {
	case err == nil && !hasWarned(t.conn.Conn):
		return nil
	case err == nil, err == errNotSure:
		return errNotSure
	case kindOf(err) == errConflict:
		return wrapPostgres(err)
	}
	return &postgresError{kind: errPassing, text: notKnown + textOf(err)}
}

func plainCommit(pg *pgconn.PgConn) error {
	done, err := pg.Exec(context.Background(), "COMMIT").ReadAll()
	if err == nil && done[0].CommandTag.String() != "COMMIT" {
		err = pgx.ErrTxCommitRollback
	}
	return err
}

const notKnown = "it is not known whether the change was made: "

// errNoAnswer is the answer to a change whose COMMIT is still under way.
var errNoAnswer = &postgresError{
	kind: errPassing, text: notKnown + "the server has not answered; does its standby follow?",
	reason: "the database does not answer COMMIT; does its standby follow?",
}

// errNotSure is the answer to a change that was committed, but may be lost with
// its server.
var errNotSure = &postgresError{
	kind: errPassing, text: "the server has not made sure that the change is kept",
	reason: "the database does not make sure that changes are kept; does its standby follow?",
}

// hasWarned reports whether the server has warned on a connection since it was
// asked last. SQLite never warns.
func hasWarned(conn *sql.Conn) (yes bool) {
	err := conn.Raw(func(c any) error {
		if pg, ok := c.(*stdlib.Conn); ok {
			data := pg.Conn().PgConn().CustomData()
			yes = data[warned] != nil
			delete(data, warned)
		}
		return nil
	})
	return yes || err != nil
}

// uncancelled is a connection whose server is not asked to cancel what runs on
// it: the driver would ask at the connection's address.
type uncancelled struct{ net.Conn }

// RemoteAddr implements net.Conn.
func (uncancelled) RemoteAddr() net.Addr { return nowhere{} }

// nowhere is an address that cannot be dialled.
type nowhere struct{}

// Network implements net.Addr.
func (nowhere) Network() string { return "none" }

// String implements net.Addr.
func (nowhere) String() string { return "none" }

// dialUncancelled returns a dialler of such connections.
func dialUncancelled(d *net.Dialer) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := d.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return uncancelled{conn}, nil
	}
}

// This file is what a store does that must have a synchronous standby. Postgres
// commits alone, and warns nobody, while none is named: between a promotion and
// the naming of the next one, or when the name of one that is lost was taken
// away, which also ends the waiting for it. So BEGIN asks whether one is named,
// and COMMIT whether the configuration is still that. Both questions go with the
// commands themselves. Postgres reads its configuration again between two
// messages, so that COMMIT and its question are two, sent at once.

// askStandby is the question. Its second column changes whenever the session
// has read the configuration.
const askStandby = `SELECT current_setting('synchronous_standby_names') <> '' AND
	current_setting('synchronous_commit') IN ('on', 'remote_write', 'remote_apply') AND
	current_setting('max_wal_senders') <> '0', pg_conf_load_time()`

const aloneReason = "the database has no synchronous standby, so that no change is made (--require-standby)"

// errAlone is the answer to a change that no standby would have.
var errAlone = &postgresError{kind: errPassing, text: aloneReason, reason: aloneReason}

// errLookThroughPooler: COMMIT and its question may come to two sessions there.
var errLookThroughPooler = errors.New("--require-standby cannot be kept through a connection pooler: " +
	"give --database the addresses of the database itself")

// begin begins a transaction, and fails if it needs a standby and has none.
func (t *postgresTx) begin() error {
	if !t.commits.requireStandby {
		return t.command(t.ctx, t.conn.pool.begin())
	}
	return t.conn.Raw(func(c any) error {
		res, err := c.(*stdlib.Conn).Conn().PgConn().Exec(t.ctx, t.conn.pool.begin()+"; "+askStandby).ReadAll()
		if err != nil {
			return err
		}
		row := res[len(res)-1].Rows[0]
		if string(row[0]) != "t" {
			t.commits.alone.Add(1)
			return errAlone
		}
		t.config = string(row[1])
		return nil
	})
}

// commitLooking runs COMMIT, and asks whether the configuration is still what it
// was at BEGIN.
func (t *postgresTx) commitLooking(pg *pgconn.PgConn) error {
	p := pg.StartPipeline(context.Background())
	for _, text := range []string{"COMMIT", askStandby} {
		p.SendQueryParams(text, nil, nil, nil, nil)
		p.SendPipelineSync()
	}
	err := p.Flush()
	if err == nil {
		err = t.readCommit(p)
	}
	return cmp.Or(err, p.Close())
}

// readCommit reads the two answers.
func (t *postgresTx) readCommit(p *pgconn.Pipeline) error {
	committed, err := nextResult(p)
	if err != nil {
		return err
	}
	if committed.CommandTag.String() != "COMMIT" {
		return pgx.ErrTxCommitRollback
	}
	if _, err := p.GetResults(); err != nil { // the end of the first
		return err
	}
	asked, err := nextResult(p)
	if err != nil || len(asked.Rows) == 0 || string(asked.Rows[0][1]) != t.config {
		t.commits.alone.Add(1)
		return errNotSure
	}
	return nil
}

// nextResult reads one answer.
func nextResult(p *pgconn.Pipeline) (*pgconn.Result, error) {
	next, err := p.GetResults()
	if err != nil {
		return nil, err
	}
	r, ok := next.(*pgconn.ResultReader)
	if !ok {
		return nil, pgx.ErrTxCommitRollback
	}
	res := r.Read()
	return res, res.Err
}
