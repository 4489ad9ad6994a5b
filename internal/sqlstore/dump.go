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
	db, err := s.openSession(false)
	if err != nil {
		return err
	}
	defer db.Close()
	wrapError := s.read(ctx).wrapError
	// A transaction of SQLite sees one moment anyhow, from its first read on.
	tx, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return wrapError(err)
	}
	defer tx.Rollback() // nothing was changed
	d := dump{ctx: ctx, tx: tx, wrapError: wrapError}
	if err := d.checkSchema(); err != nil {
		return err
	}
	for _, t := range tables() {
		if err := d.table(t, each); err != nil {
			return err
		}
	}
	return nil
}

// dump is the transaction of one Dump.
type dump struct {
	ctx       context.Context
	tx        *sql.Tx
	wrapError func(error) error
}

// checkSchema refuses a database that a newer program has migrated since this
// one opened it. It may have tables that this program would leave out.
func (d *dump) checkSchema() error {
	var version int64
	const query = "SELECT max(version_id) FROM goose_db_version WHERE is_applied"
	if err := d.tx.QueryRowContext(d.ctx, query).Scan(&version); err != nil {
		return d.wrapError(err)
	}
	if version != SchemaVersion() {
		return fmt.Errorf("the database is of schema %d, and this program's is %d: back it up with the newer program",
			version, SchemaVersion())
	}
	return nil
}

func (d *dump) table(t Table, each func(table string, columns []string, values []any) error) error {
	names := t.Names()
	query := "SELECT " + strings.Join(names, ", ") + " FROM " + t.Name
	if condition := dumpedRows[t.Name]; condition != "" {
		query += " WHERE " + condition
	}
	rows, err := d.tx.QueryContext(d.ctx, query)
	if err != nil {
		return d.wrapError(err)
	}
	defer rows.Close()
	row, values := newRow(t.Columns), make([]any, len(names))
	for rows.Next() {
		if err := rows.Scan(row...); err != nil {
			return fmt.Errorf("a row of %s: %w", t.Name, d.wrapError(err))
		}
		row.read(values)
		if err := each(t.Name, names, values); err != nil {
			return err
		}
	}
	return d.wrapError(rows.Err())
}

// row is where the values of a row are read to: a pointer for each column.
type row []any

func newRow(columns []Column) row {
	r := make(row, len(columns))
	for i, c := range columns {
		switch c.Kind {
		case Text:
			r[i] = new(string)
		case Integer:
			r[i] = new(int64)
		case Boolean:
			r[i] = new(bool)
		case Bytes:
			r[i] = new(sql.RawBytes)
		}
	}
	return r
}

func (r row) read(values []any) {
	for i, v := range r {
		switch v := v.(type) {
		case *string:
			values[i] = *v
		case *int64:
			values[i] = *v
		case *bool:
			values[i] = *v
		case *sql.RawBytes:
			values[i] = append([]byte{}, *v...) // never nil, which would be NULL
		}
	}
}

// ErrNotEmpty is the error of CheckEmpty and Load for a database that has rows.
var ErrNotEmpty = errors.New("the database is not empty")

// CheckEmpty returns ErrNotEmpty if one of Tables has a row.
func (s *Store) CheckEmpty(ctx context.Context) error {
	return checkEmpty(func(query string, found *bool) error { return s.read(ctx).row(query, nil, found) })
}

func checkEmpty(ask func(query string, found *bool) error) error {
	for _, t := range tables() {
		var found bool
		if err := ask("SELECT EXISTS (SELECT 1 FROM "+t.Name+")", &found); err != nil {
			return err
		}
		if found {
			return fmt.Errorf("%w: there are rows in %s", ErrNotEmpty, t.Name)
		}
	}
	return nil
}
