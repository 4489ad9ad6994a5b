package sqlstore

import (
	"cmp"
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

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
