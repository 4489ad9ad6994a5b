package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// How many rows one statement inserts at most. A statement is a walk to
// Postgres; SQLite looks for the name of each parameter among those before.
const (
	loadRows       = 500
	loadRowsSQLite = 1
	loadBytes      = 1 << 20
)

// Load fills an empty database with the rows that rows gives to each, as Dump
// gave them, in one transaction: it has all of them or none. Columns that are
// left out have their default. The values must not be changed after they were
// given. ErrNotEmpty if there are rows already.
func (s *Store) Load(ctx context.Context, rows func(each func(table string, columns []string, values []any) error) error) error {
	db, err := s.apart(true)
	if err != nil {
		return err
	}
	defer db.Close()
	conn, err := db.Conn(ctx)
	if err != nil {
		return s.reads.fault(err)
	}
	defer conn.Close()
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return s.reads.fault(err)
	}
	defer tx.Rollback() // does nothing after the commit
	l := load{ctx: ctx, tx: tx, fault: s.reads.fault, most: loadRows}
	if s.conn != nil {
		l.most = loadRowsSQLite
	}
	err = checkEmpty(func(query string, found *bool) error {
		return l.fault(tx.QueryRowContext(ctx, query).Scan(found))
	})
	if err != nil {
		return err
	}
	if err := rows(l.add); err != nil {
		return err
	}
	if err := l.flush(); err != nil {
		return err
	}
	if s.conn == nil {
		_ = hasWarned(conn) // of what was before
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("it is not known whether the rows were kept: %w", l.fault(err))
	}
	if s.conn == nil && hasWarned(conn) {
		return errNotSure
	}
	return nil
}

// load is the transaction of one Load, and the rows that wait for the next
// statement.
type load struct {
	ctx   context.Context
	tx    *sql.Tx
	fault func(error) error
	most  int // rows of one statement

	table   string
	insert  *sql.Stmt // of as many rows; nil until there are
	columns []string
	kinds   []Kind
	args    []any
	bytes   int
}

func (l *load) add(table string, columns []string, values []any) error {
	if table != l.table || !slices.Equal(columns, l.columns) {
		if err := l.begin(table, columns); err != nil {
			return err
		}
	}
	if len(values) != len(columns) {
		return fmt.Errorf("a row of %s has %d values for %d columns", table, len(values), len(columns))
	}
	for i, v := range values {
		size, ok := l.kinds[i].sizeOf(v)
		if !ok {
			return fmt.Errorf("a row of %s has a %T as its %s", table, v, columns[i])
		}
		l.bytes += size
	}
	l.args = append(l.args, values...)
	if l.bytes >= loadBytes || len(l.args) == l.most*len(columns) {
		return l.flush()
	}
	return nil
}

// begin flushes the rows before, and goes over to a table.
func (l *load) begin(table string, columns []string) error {
	kinds, err := KindsOf(table, columns)
	if err == nil {
		err = l.flush()
	}
	if err == nil && l.insert != nil {
		err = l.insert.Close()
	}
	l.table, l.columns, l.kinds, l.insert = table, slices.Clone(columns), kinds, nil
	return err
}

// flush inserts the rows that wait.
func (l *load) flush() (err error) {
	if len(l.args) == 0 {
		return nil
	}
	if len(l.args) == l.most*len(l.columns) {
		if l.insert == nil {
			l.insert, err = l.tx.PrepareContext(l.ctx, l.query())
		}
		if err == nil {
			_, err = l.insert.ExecContext(l.ctx, l.args...)
		}
	} else {
		_, err = l.tx.ExecContext(l.ctx, l.query(), l.args...)
	}
	if err != nil {
		return fmt.Errorf("rows of %s: %w", l.table, l.fault(err))
	}
	l.args, l.bytes = l.args[:0], 0
	return nil
}

// query is the text that inserts the rows that wait.
func (l *load) query() string {
	var b strings.Builder
	b.WriteString("INSERT INTO " + l.table + " (" + strings.Join(l.columns, ", ") + ") VALUES (")
	for i := range l.args {
		switch {
		case i == 0:
		case i%len(l.columns) == 0:
			b.WriteString("), (")
		default:
			b.WriteString(", ")
		}
		b.WriteString("$" + strconv.Itoa(i+1))
	}
	b.WriteString(")")
	return b.String()
}

// sizeOf says whether a value is of the kind, and about how many bytes it has.
func (k Kind) sizeOf(v any) (int, bool) {
	switch v := v.(type) {
	case string:
		return len(v), k == Text
	case []byte:
		return len(v), k == Bytes
	case int64:
		return 8, k == Integer
	case bool:
		return 1, k == Boolean
	}
	return 0, false
}

// KindsOf gives the kinds of columns of one of Tables, each named once. The
// error names what there is not.
func KindsOf(table string, names []string) ([]Kind, error) {
	i := slices.IndexFunc(dumped, func(t Table) bool { return t.Name == table })
	if i < 0 {
		return nil, fmt.Errorf("there is no table %.40q", table)
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("no columns of %s are named", table)
	}
	kinds := make([]Kind, len(names))
	for n, name := range names {
		c := slices.IndexFunc(dumped[i].Columns, func(c Column) bool { return c.Name == name })
		if c < 0 || slices.Contains(names[:n], name) {
			return nil, fmt.Errorf("%s has no column %.40q, or it is named twice", table, name)
		}
		kinds[n] = dumped[i].Columns[c].Kind
	}
	return kinds, nil
}
