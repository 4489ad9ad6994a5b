package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Kind is what a column holds, and the Go type of its values.
type Kind int

// The kinds of columns.
const (
	Text    Kind = iota // string
	Integer             // int64
	Boolean             // bool
	Bytes               // []byte
)

// Column is a column of a Table.
type Column struct {
	Name string
	Kind Kind
}

// Table is a table whose rows Dump gives and Load takes.
type Table struct {
	Name    string
	Columns []Column
	where   string // which rows; "": all
}

// dumped is every table but meta: what that holds, a database learns when it
// is opened with its master key. A doomed row of code belongs to a removal
// under way, which a copy of the database knows nothing of.
var dumped = []Table{
	{Name: "accounts", Columns: columns("appid is_platform:bool cloud:bool open:bool")},
	{Name: "platforms", Columns: columns("appid secret_mac fixed_ticket issued")},
	{Name: "authorizations", Columns: columns("appid platform in_force:bool epoch:int sets refresh_mac issued")},
	{Name: "auth_codes", Columns: columns("platform code_mac appid epoch:int expires_at:int used_at:int")},
	{Name: "code_secrets", Columns: columns("appid platform sealed")},
	{Name: "environments", Columns: columns("account id api_whitelist version:int set_version:int set_open:bool")},
	{Name: "functions", Columns: columns("account env name owner owner_epoch:int sum size:int handler install_dependency:bool added_at:int modified_at:int")},
	{Name: "audit", Columns: columns("first_at:int batch records:bytes")},
	{Name: "env_credentials", Columns: columns("account env epoch:int")},
	{Name: "permission_history", Columns: columns("account env version:int at:int rid operator:bool platform open:bool flipped:bool api_whitelist")},
	{Name: "observed_calls", Columns: columns("account env hour:int path code:int count:int")},
	{Name: "refused_calls", Columns: columns("first_at:int batch records:bytes count:int")},
	{Name: "code", Columns: columns("sum used_at:int doomed_at:int"), where: "doomed_at = 0"},
}

// columns reads names with their kinds; text has none.
func columns(text string) []Column {
	var all []Column
	for word := range strings.FieldsSeq(text) {
		name, kind, _ := strings.Cut(word, ":")
		all = append(all, Column{name, map[string]Kind{"int": Integer, "bool": Boolean, "bytes": Bytes}[kind]})
	}
	return all
}

// Names are the names of the table's columns.
func (t Table) Names() []string {
	names := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		names[i] = c.Name
	}
	return names
}

// Tables are the tables of this program's schema that Dump gives, in its order.
func Tables() []Table { return slices.Clone(dumped) }

// SchemaVersion is the number of this program's schema. One with a greater
// number is newer.
func SchemaVersion() int64 {
	files, err := migrations.ReadDir("migrations")
	if err != nil || len(files) == 0 {
		panic("the program was built without its migrations")
	}
	number, _, _ := strings.Cut(files[len(files)-1].Name(), "_") // in the order of names
	version, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		panic("a migration has no number: " + err.Error())
	}
	return version
}

// Dump gives every row of Tables to each, as of one moment, table by table. The
// values have the types that their columns' kinds say, and are good until each
// returns. Changes go on meanwhile, and none waits for it. It ends early with
// an error of each, and refuses a database of another schema.
func (s *Store) Dump(ctx context.Context, each func(table string, columns []string, values []any) error) error {
	db, err := s.apart(false)
	if err != nil {
		return err
	}
	defer db.Close()
	// SQLite's transactions see one moment anyhow, from their first read on.
	tx, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return s.reads.fault(err)
	}
	defer tx.Rollback() // nothing was changed
	d := dump{ctx: ctx, tx: tx, fault: s.reads.fault}
	if err := d.checkSchema(); err != nil {
		return err
	}
	for _, t := range dumped {
		if err := d.table(t, each); err != nil {
			return err
		}
	}
	return nil
}

// dump is the transaction of one Dump.
type dump struct {
	ctx   context.Context
	tx    *sql.Tx
	fault func(error) error
}

// checkSchema refuses a database that a newer program has migrated under this
// one: it may have tables that this one would leave out.
func (d *dump) checkSchema() error {
	var version int64
	err := d.tx.QueryRowContext(d.ctx, "SELECT max(version_id) FROM goose_db_version WHERE is_applied").Scan(&version)
	if err != nil {
		return d.fault(err)
	}
	if version != SchemaVersion() {
		return fmt.Errorf("the database is of schema %d, and this program's is %d: back it up with the newer program", version, SchemaVersion())
	}
	return nil
}

func (d *dump) table(t Table, each func(table string, columns []string, values []any) error) error {
	names := t.Names()
	query := "SELECT " + strings.Join(names, ", ") + " FROM " + t.Name
	if t.where != "" {
		query += " WHERE " + t.where
	}
	rows, err := d.tx.QueryContext(d.ctx, query)
	if err != nil {
		return d.fault(err)
	}
	defer rows.Close()
	row, values := newRow(t.Columns), make([]any, len(names))
	for rows.Next() {
		if err := rows.Scan(row.fields...); err != nil {
			return fmt.Errorf("a row of %s: %w", t.Name, d.fault(err))
		}
		row.read(values)
		if err := each(t.Name, names, values); err != nil {
			return err
		}
	}
	return d.fault(rows.Err())
}

// row is where the values of a row are read to.
type row struct{ fields []any }

func newRow(columns []Column) row {
	var r row
	for _, c := range columns {
		r.fields = append(r.fields, map[Kind]func() any{
			Text:    func() any { return new(string) },
			Integer: func() any { return new(int64) },
			Boolean: func() any { return new(bool) },
			Bytes:   func() any { return new(sql.RawBytes) },
		}[c.Kind]())
	}
	return r
}

func (r row) read(values []any) {
	for i, f := range r.fields {
		switch f := f.(type) {
		case *string:
			values[i] = *f
		case *int64:
			values[i] = *f
		case *bool:
			values[i] = *f
		case *sql.RawBytes:
			values[i] = append([]byte{}, *f...) // never nil, which would be NULL
		}
	}
}

// ErrNotEmpty says that a database has rows already.
var ErrNotEmpty = errors.New("the database is not empty")

// CheckEmpty fails with ErrNotEmpty if one of Tables has a row.
func (s *Store) CheckEmpty(ctx context.Context) error {
	return checkEmpty(func(query string, found *bool) error { return s.read(ctx).row(query, nil, found) })
}

func checkEmpty(ask func(query string, found *bool) error) error {
	for _, t := range dumped {
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
