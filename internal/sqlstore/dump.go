package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
)

// dumpedRows are conditions for the rows of a table that are dumped; without
// one, all are. A doomed row of code belongs to a removal under way, which a
// copy of the database knows nothing of.
var dumpedRows = map[string]string{"code": "doomed_at = 0"}

// Dump calls each with every row of Tables, as of one moment, table by table.
// The values have the types of their columns' kinds, and are valid until each
// returns. Changes go on meanwhile; none waits for it. An error of each ends it
// and is returned. It refuses a database of another schema.
func (s *Store) Dump(ctx context.Context, each func(table string, columns []string, values []any) error) error {
	// A transaction of SQLite sees one moment anyhow, from its first read on.
	n, err := s.beginSession(ctx, sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return err
	}
	defer n.end()
	if err := n.checkSchema(); err != nil {
		return err
	}
	for _, t := range tables() {
		if err := n.dump(t, each); err != nil {
			return err
		}
	}
	return nil
}

// checkSchema refuses a database that a newer program has migrated since this
// one opened it. It may have tables that this program would leave out.
func (n *session) checkSchema() error {
	var version int64
	err := n.stmts.row("SELECT max(version_id) FROM goose_db_version WHERE is_applied", nil, &version)
	if err == nil && version != SchemaVersion() {
		err = fmt.Errorf("the database is of schema %d, and this program's is %d: back it up with the newer program",
			version, SchemaVersion())
	}
	return err
}

// dump calls each with the rows of a table.
func (n *session) dump(t Table, each func(table string, columns []string, values []any) error) error {
	names := t.Names()
	query := "SELECT " + strings.Join(names, ", ") + " FROM " + t.Name
	if condition := dumpedRows[t.Name]; condition != "" {
		query += " WHERE " + condition
	}
	values, fields := make([]any, len(names)), make([]any, len(names))
	for i := range values {
		fields[i] = &values[i]
	}
	return n.stmts.rows(query, nil, func(r *sql.Rows) error {
		if err := r.Scan(fields...); err != nil {
			return fmt.Errorf("a row of %s: %w", t.Name, n.stmts.wrapError(err))
		}
		for i, c := range t.Columns {
			values[i] = c.Kind.value(values[i])
		}
		return each(t.Name, names, values)
	})
}

// value returns what a driver gave for a column, in the type of its kind: SQLite
// has numbers for booleans, and nil may stand for no bytes.
func (k Kind) value(v any) any {
	switch v := v.(type) {
	case int64:
		if k == Boolean {
			return v != 0
		}
	case []byte:
		if v == nil {
			return []byte{}
		}
	case nil:
		return []byte{} // no column has NULL
	}
	return v
}

// ErrNotEmpty is the error of CheckEmpty and Load for a database that has rows.
var ErrNotEmpty = errors.New("the database is not empty")

// CheckEmpty returns ErrNotEmpty if one of Tables has a row.
func (s *Store) CheckEmpty(ctx context.Context) error { return s.read(ctx).checkEmpty() }

func (s *statements) checkEmpty() error {
	for _, t := range tables() {
		var found bool
		if err := s.row("SELECT EXISTS (SELECT 1 FROM "+t.Name+")", nil, &found); err != nil {
			return err
		}
		if found {
			return fmt.Errorf("%w: there are rows in %s", ErrNotEmpty, t.Name)
		}
	}
	return nil
}

// session is one long transaction on a connection of its own, for a dump or a
// load. The time limits of reads and changes do not apply to it; it ends with
// its context.
type session struct {
	stmts statements
	ctx   context.Context
	db    *sql.DB // of one connection
	conn  *sql.Conn
	tx    *sql.Tx
}

// beginSession begins a session. The caller must call end.
func (s *Store) beginSession(ctx context.Context, options sql.TxOptions) (*session, error) {
	db, err := s.openSession(!options.ReadOnly)
	if err != nil {
		return nil, err
	}
	n := &session{ctx: ctx, db: db}
	n.stmts = statements{n, s.read(ctx).wrapError}
	if n.conn, err = db.Conn(ctx); err == nil {
		n.tx, err = n.conn.BeginTx(ctx, &options)
	}
	for i, settings := 0, s.sessionSettings(); i < len(settings) && err == nil; i++ {
		_, err = n.exec(settings[i], nil)
	}
	if err != nil {
		n.end()
		return nil, n.stmts.wrapError(err)
	}
	return n, nil
}

// exec implements runner.
func (n *session) exec(query string, args []any) (sql.Result, error) {
	return n.tx.ExecContext(n.ctx, query, args...)
}

// query implements runner.
func (n *session) query(query string, args []any, scan func(*sql.Rows) error) error {
	rows, err := n.tx.QueryContext(n.ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	return scan(rows)
}

func (n *session) commit() error {
	_ = hasWarned(n.conn) // about something before
	if err := n.tx.Commit(); err != nil {
		return fmt.Errorf("it is not known whether the rows were kept: %w", n.stmts.wrapError(err))
	}
	if hasWarned(n.conn) {
		return errNotSure
	}
	return nil
}

// end rolls back what was not committed, and closes the connection.
func (n *session) end() {
	if n.tx != nil {
		_ = n.tx.Rollback()
	}
	if n.conn != nil {
		_ = n.conn.Close()
	}
	_ = n.db.Close()
}
