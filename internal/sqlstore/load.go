package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// loadBytes is about how many bytes one statement of Load inserts at most.
const loadBytes = 1 << 20

// Load fills an empty database in one transaction: it has all rows afterwards,
// or none. rows calls each with the rows that Dump gave; columns that it leaves
// out have their default. The values must not be changed after the call. If
// there are rows already, the error is ErrNotEmpty.
func (s *Store) Load(ctx context.Context,
	rows func(each func(table string, columns []string, values []any) error) error) error {
	n, err := s.beginSession(ctx, sql.TxOptions{})
	if err != nil {
		return err
	}
	defer n.end()
	if err := n.stmts.checkEmpty(); err != nil {
		return err
	}
	l := load{session: n, most: s.loadRows()}
	if err := rows(l.add); err != nil {
		return err
	}
	if err := l.flush(); err != nil {
		return err
	}
	return n.commit()
}

// load has the rows of one Load that wait for the next statement.
type load struct {
	*session
	most    int // rows of one statement
	table   string
	columns []string
	kinds   []Kind
	args    []any     // the values of the rows that wait
	bytes   int       // about how many args has
	insert  *sql.Stmt // inserts most rows; nil until it is needed
}

// add makes a row wait for the next statement.
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

// begin inserts the rows that wait, and goes on with another table.
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
			l.insert, err = l.tx.PrepareContext(l.ctx, l.text())
		}
		if err == nil {
			_, err = l.insert.ExecContext(l.ctx, l.args...)
		}
	} else {
		_, err = l.tx.ExecContext(l.ctx, l.text(), l.args...)
	}
	if err != nil {
		return fmt.Errorf("rows of %s: %w", l.table, l.stmts.wrapError(err))
	}
	l.args, l.bytes = l.args[:0], 0
	return nil
}

// text returns the statement that inserts the rows that wait.
func (l *load) text() string {
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

// sizeOf returns about how many bytes a value has, and whether it is of the
// kind.
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
