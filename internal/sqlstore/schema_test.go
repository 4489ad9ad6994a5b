package sqlstore

import (
	"database/sql"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/pressly/goose/v3"

	"github.com/opentcb/opentcb/internal/testserver"
)

// notDumped are the tables that a dump leaves out: facts about the database
// itself, and the migrations' own.
var notDumped = []string{"meta", "goose_db_version", "goose_lock"}

// TestDumpHasEveryTable compares what is dumped with what the databases have:
// a migration that adds a table or a column adds it to the dump, too.
func TestDumpHasEveryTable(t *testing.T) {
	t.Parallel()
	sqlite, postgres := open(t, newFile(t)), openPostgres(t, testserver.PostgresURL(t))
	for engine, has := range map[string][]string{
		"SQLite": listed(t, sqlite, "SELECT m.name, p.name, upper(p.type) FROM sqlite_master m, pragma_table_info(m.name) p "+
			"WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND m.name <> $1"),
		"Postgres": listed(t, postgres, "SELECT table_name, column_name, upper(data_type) FROM information_schema.columns "+
			"WHERE table_schema = 'public' AND table_name <> $1"),
	} {
		var want []string
		for _, table := range Tables() {
			for _, c := range table.Columns {
				types := map[Kind]string{Text: "TEXT", Integer: "BIGINT", Boolean: "BOOLEAN", Bytes: "BYTEA"}
				want = append(want, table.Name+"."+c.Name+" "+types[c.Kind])
			}
		}
		slices.Sort(want)
		for _, column := range want {
			if !slices.Contains(has, column) {
				t.Errorf("%s does not have %s, which is dumped", engine, column)
			}
		}
		for _, column := range has {
			if !slices.Contains(want, column) {
				t.Errorf("%s has %s, which is not dumped", engine, column)
			}
		}
	}
}

// listed gives TABLE.COLUMN TYPE of every column that a query finds.
func listed(t *testing.T, s *Store, query string) []string {
	t.Helper()
	rows, err := readers(s).Query(query, "")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var table, column, kind string
		if err := rows.Scan(&table, &column, &kind); err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(notDumped, table) {
			all = append(all, table+"."+column+" "+kind)
		}
	}
	slices.Sort(all)
	return all
}

func TestSchemaVersion(t *testing.T) {
	s := open(t, newFile(t))
	var version int64
	err := s.read(t.Context()).row("SELECT max(version_id) FROM goose_db_version", nil, &version)
	if err != nil || version != SchemaVersion() {
		t.Errorf("the database has %d, %v; SchemaVersion %d", version, err, SchemaVersion())
	}
}

// TestCreatedAsMigrated compares a database that was made at once with one whose
// migrations were done one by one.
//
// Proves: RS-3
func TestCreatedAsMigrated(t *testing.T) {
	ways := []func(db *sql.DB) error{
		func(db *sql.DB) error { return createSchema(t.Context(), db) },
		func(db *sql.DB) error { return migrate(t.Context(), goose.DialectSQLite3, db) },
	}
	var have [2][]string
	for i, way := range ways {
		db, err := SQLiteOptions{}.connect(newFile(t), 1, sqliteWrites)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if err := way(db); err != nil {
			t.Fatal(err)
		}
		rows, err := db.Query("SELECT format('%s %s %s: %s', type, name, tbl_name, sql) FROM sqlite_schema UNION ALL " +
			"SELECT * FROM (SELECT format('%d %d', version_id, is_applied) FROM goose_db_version ORDER BY id)")
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var row string
			if err := rows.Scan(&row); err != nil {
				t.Fatal(err)
			}
			have[i] = append(have[i], row)
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			t.Fatal(err)
		}
	}
	if len(have[1]) < 2*len(migrationNames()) || !slices.Equal(have[0], have[1]) {
		t.Errorf("made at once:\n%s\none by one:\n%s", strings.Join(have[0], "\n"), strings.Join(have[1], "\n"))
	}
}
