package sqlstore

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Kind is what a column holds. Each kind has one Go type.
type Kind int

// The kinds of columns.
const (
	Text    Kind = iota // string
	Integer             // int64
	Boolean             // bool
	Bytes               // []byte
)

// kindOfType is the kind of each SQL type that a migration may use.
var kindOfType = map[string]Kind{"TEXT": Text, "BIGINT": Integer, "BOOLEAN": Boolean, "BYTEA": Bytes}

// Column is a column of a Table.
type Column struct {
	Name string
	Kind Kind
}

// Table is a table whose rows Dump gives and Load takes.
type Table struct {
	Name    string
	Columns []Column
}

// Names returns the names of the table's columns.
func (t Table) Names() []string {
	names := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		names[i] = c.Name
	}
	return names
}

// Tables returns the tables that a dump has, in its order: all but meta. What
// that holds, a database learns when it is opened with its master key.
func Tables() []Table { return slices.Clone(tables()) }

// tables reads the tables from the migrations, so that a migration is all that
// a new table or column needs. The order is that of the migrations.
var tables = sync.OnceValue(func() (all []Table) {
	var (
		ofTable  = regexp.MustCompile(`(?m)^(?:CREATE TABLE IF NOT EXISTS|ALTER TABLE) (\w+)`)
		ofColumn = regexp.MustCompile(`(\w+) +(TEXT|BIGINT|BOOLEAN|BYTEA) +NOT NULL`)
	)
	for _, name := range migrationNames() {
		text, err := migrations.ReadFile("migrations/" + name)
		if err != nil {
			panic(err) // the name is from the same files
		}
		table := ofTable.FindSubmatch(text)
		if table == nil || string(table[1]) == "meta" {
			continue
		}
		i := slices.IndexFunc(all, func(t Table) bool { return t.Name == string(table[1]) })
		if i < 0 {
			i, all = len(all), append(all, Table{Name: string(table[1])})
		}
		for _, column := range ofColumn.FindAllSubmatch(text, -1) {
			all[i].Columns = append(all[i].Columns, Column{string(column[1]), kindOfType[string(column[2])]})
		}
	}
	return all
})

// migrationNames returns the names of the migrations' files, in their order.
func migrationNames() []string {
	files, err := migrations.ReadDir("migrations")
	if err != nil || len(files) == 0 {
		panic("the program was built without its migrations")
	}
	names := make([]string, len(files))
	for i, f := range files {
		names[i] = f.Name()
	}
	return names
}

// SchemaVersion returns the number of this program's schema, which is that of
// its last migration. A newer schema has a greater one.
func SchemaVersion() int64 {
	names := migrationNames()
	return versionOf(names[len(names)-1])
}

// versionOf returns the number of a migration's file.
func versionOf(name string) int64 {
	number, _, _ := strings.Cut(name, "_")
	version, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		panic("a migration has no number: " + err.Error())
	}
	return version
}

// KindsOf returns the kinds of columns of one of Tables. It is an error if
// there is no such table or column, if a column is named twice, or if none is
// named.
func KindsOf(table string, names []string) ([]Kind, error) {
	i := slices.IndexFunc(tables(), func(t Table) bool { return t.Name == table })
	if i < 0 {
		return nil, fmt.Errorf("there is no table %.40q", table)
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("no columns of %s are named", table)
	}
	columns := tables()[i].Columns
	kinds := make([]Kind, len(names))
	for n, name := range names {
		c := slices.IndexFunc(columns, func(c Column) bool { return c.Name == name })
		if c < 0 || slices.Contains(names[:n], name) {
			return nil, fmt.Errorf("%s has no column %.40q, or it is named twice", table, name)
		}
		kinds[n] = columns[c].Kind
	}
	return kinds, nil
}
