package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
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
	if err := s.read(t.Context()).row("SELECT max(version_id) FROM goose_db_version", nil, &version); err != nil || version != SchemaVersion() {
		t.Errorf("the database has %d, %v; SchemaVersion %d", version, err, SchemaVersion())
	}
}

// give is the rows of a Load.
type give = func(each func(table string, columns []string, values []any) error) error

// odd is rows of every table, with values at the edges of their kinds. A text
// has what both databases can hold.
func odd(each func(table string, columns []string, values []any) error) error {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	values := map[Kind][]any{
		Text:    {"小程序'\"\\\n\t<&>\u2028", "plain", ""},
		Integer: {int64(math.MaxInt64), int64(math.MinInt64), int64(0)},
		Boolean: {true, false, true},
		Bytes:   {all, []byte{0}, []byte{}},
	}
	for _, table := range Tables() {
		for n := range 3 {
			var row []any
			for i, c := range table.Columns {
				v := values[c.Kind][n]
				if c.Kind == Text && i < 2 { // keys
					v = fmt.Sprint(n, v)
				}
				if c.Name == "doomed_at" {
					v = int64(0)
				}
				row = append(row, v)
			}
			if err := each(table.Name, table.Names(), row); err != nil {
				return err
			}
		}
	}
	return nil
}

// written is rows as text, in an order of their own.
func written(t *testing.T, dump give) []string {
	t.Helper()
	var all []string
	err := dump(func(table string, columns []string, values []any) error {
		all = append(all, fmt.Sprintf("%s %v %#v", table, columns, values))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return all
}

func dumpOf(t *testing.T, s *Store) []string {
	t.Helper()
	return written(t, func(each func(string, []string, []any) error) error { return s.Dump(t.Context(), each) })
}

// copyRows loads what another database dumps.
func copyRows(ctx context.Context, from *Store) give {
	return func(each func(string, []string, []any) error) error {
		return from.Dump(ctx, func(table string, columns []string, values []any) error {
			return each(table, columns, slices.Clone(values))
		})
	}
}

// TestDumpAndLoad carries rows from SQLite to Postgres and back.
func TestDumpAndLoad(t *testing.T) {
	t.Parallel()
	first, second, third := open(t, newFile(t)), openPostgres(t, testserver.PostgresURL(t)), open(t, newFile(t))
	want := written(t, odd)
	if err := first.Load(t.Context(), odd); err != nil {
		t.Fatal(err)
	}
	if err := second.Load(t.Context(), copyRows(t.Context(), first)); err != nil {
		t.Fatal(err)
	}
	if err := third.Load(t.Context(), copyRows(t.Context(), second)); err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]*Store{"SQLite": first, "Postgres": second, "SQLite again": third} {
		if got := dumpOf(t, s); !slices.Equal(got, want) {
			t.Errorf("%s:\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

// both runs a test on an empty database of each kind.
func both(t *testing.T, do func(t *testing.T, s *Store)) {
	t.Run("SQLite", func(t *testing.T) { t.Parallel(); do(t, open(t, newFile(t))) })
	t.Run("Postgres", func(t *testing.T) { t.Parallel(); do(t, openPostgres(t, testserver.PostgresURL(t))) })
}

// TestLoadIsWhole wants nothing of what a Load that failed had taken, and
// nothing of a Load into what is not empty.
func TestLoadIsWhole(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, s *Store) {
		broken := errors.New("broken")
		account := []string{"appid", "is_platform", "cloud", "open"}
		for name, rows := range map[string]give{
			"the source breaks off": func(each func(string, []string, []any) error) error { return errors.Join(odd(each), broken) },
			"a key comes twice": func(each func(string, []string, []any) error) error {
				return errors.Join(odd(each), odd(each))
			},
			"a column is missing": func(each func(string, []string, []any) error) error {
				return errors.Join(odd(each), each("accounts", account[:3], []any{"x", true, true}))
			},
			"no such column": func(each func(string, []string, []any) error) error {
				return errors.Join(odd(each), each("accounts", []string{"appid", "open; DROP TABLE accounts"}, []any{"x", true}))
			},
			"a column twice": func(each func(string, []string, []any) error) error {
				return each("accounts", []string{"appid", "appid"}, []any{"x", "x"})
			},
			"no columns": func(each func(string, []string, []any) error) error { return each("accounts", nil, nil) },
			"no such table": func(each func(string, []string, []any) error) error {
				return each("meta", []string{"name"}, []any{"x"})
			},
			"another kind": func(each func(string, []string, []any) error) error {
				return each("accounts", account, []any{"x", int64(1), true, true})
			},
			"NULL": func(each func(string, []string, []any) error) error {
				return each("accounts", account, []any{"x", nil, true, true})
			},
			"too few values": func(each func(string, []string, []any) error) error { return each("accounts", account, []any{"x"}) },
		} {
			if err := s.Load(t.Context(), rows); err == nil {
				t.Errorf("%s: it was loaded", name)
			} else if strings.Contains(name, "breaks off") && !errors.Is(err, broken) {
				t.Errorf("%s: %v", name, err)
			}
			if rows := dumpOf(t, s); len(rows) > 0 {
				t.Fatalf("%s: left %q", name, rows)
			}
			if err := s.CheckEmpty(t.Context()); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := s.AppendRecords(t.Context(), []cloud.Record{{At: 1}}); err != nil {
			t.Fatal(err)
		}
		before := dumpOf(t, s)
		if err := s.Load(t.Context(), odd); !errors.Is(err, ErrNotEmpty) || !strings.Contains(err.Error(), "audit") {
			t.Errorf("into a database with rows: %v", err)
		}
		if err := s.CheckEmpty(t.Context()); !errors.Is(err, ErrNotEmpty) {
			t.Errorf("a database with rows: %v", err)
		}
		if !slices.Equal(dumpOf(t, s), before) {
			t.Error("a refused Load changed rows")
		}
	})
}

// TestDumpIsOfOneMoment dumps while sets change an environment and its history
// in one transaction each. They go on while a dump is under way.
func TestDumpIsOfOneMoment(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, s *Store) {
		const account = "wx00000000000000a1"
		changes := []cloud.Change{cloud.PutAccount{Account: cloud.Account{AppID: account}}, cloud.AddEnvironment{Account: account, ID: "env"}}
		if err := s.Apply(t.Context(), changes, nil); err != nil {
			t.Fatal(err)
		}
		version := int64(2)
		set := func() error {
			version += 2
			res, err := s.SetPermission(t.Context(), cloud.PermissionSet{Account: account, Env: "env", Version: version}, cloud.Record{At: 1})
			if err == nil && !res.Accepted {
				err = errors.New("the set was refused")
			}
			return err
		}
		for range 20 {
			seen, last := map[string]int64{}, ""
			err := s.Dump(t.Context(), func(table string, columns []string, values []any) error {
				if i := slices.Index(columns, "version"); i >= 0 {
					seen[table] = max(seen[table], values[i].(int64))
				}
				if table == last {
					return nil
				}
				last = table
				return set()
			})
			if err != nil {
				t.Fatal(err)
			}
			if seen["environments"] != seen["permission_history"] || seen["environments"] == 0 {
				t.Fatalf("versions %v", seen)
			}
		}
	})
}

// TestDumpTakesItsTime: neither the limits of reads nor those that the URL
// sets for changes end a dump whose taker is slow, and many rows are not held
// in memory.
func TestDumpTakesItsTime(t *testing.T) {
	t.Parallel()
	const many = 40_000
	rows := func(each func(string, []string, []any) error) error {
		for i := range int64(many) {
			if err := each("env_credentials", []string{"account", "env", "epoch"}, []any{"wx00000000000000a1", fmt.Sprintf("env-%0100d", i), i}); err != nil {
				return err
			}
			if i == many/2 {
				time.Sleep(2 * time.Second)
			}
		}
		return nil
	}
	s := openPostgres(t, testserver.PostgresURL(t)+"?statement_timeout=1s&idle_in_transaction_session_timeout=1s")
	if err := s.Load(t.Context(), rows); err != nil {
		t.Fatal(err)
	}
	n := 0
	err := s.Dump(t.Context(), func(string, []string, []any) error {
		if n++; n == 1 || n == many {
			time.Sleep(2 * time.Second)
		}
		return nil
	})
	if err != nil || n != many {
		t.Errorf("%d rows, %v", n, err)
	}
}

// TestManyDumps: dumps take no connection from those who read.
func TestManyDumps(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, s *Store) {
		if err := s.Load(t.Context(), odd); err != nil {
			t.Fatal(err)
		}
		var begun, all sync.WaitGroup
		release := make(chan struct{})
		for range 10 {
			begun.Add(1)
			first := true
			all.Go(func() {
				err := s.Dump(t.Context(), func(string, []string, []any) error {
					if first {
						first = false
						begun.Done()
						<-release
					}
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		begun.Wait()
		if _, err := s.Account(t.Context(), "none"); !errors.Is(err, cloud.ErrNotFound) {
			t.Error(err)
		}
		close(release)
		all.Wait()
	})
}

// TestDumpEnds with its taker's error, with its context, and without doomed
// code; a database of another schema is refused.
func TestDumpEnds(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, s *Store) {
		if err := s.Load(t.Context(), odd); err != nil {
			t.Fatal(err)
		}
		enough := errors.New("enough")
		if err := s.Dump(t.Context(), func(string, []string, []any) error { return enough }); err != enough {
			t.Errorf("ended with %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		err := s.Dump(ctx, func(string, []string, []any) error { cancel(); time.Sleep(50 * time.Millisecond); return nil })
		if err == nil {
			t.Error("it went on after its context had ended")
		}
		before := len(dumpOf(t, s))
		if err := s.writer.write(t.Context(), func(x *tx) error {
			_, err := x.exec("UPDATE code SET doomed_at = 1 WHERE sum = $1", "1plain")
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if n := len(dumpOf(t, s)); n != before-1 {
			t.Errorf("%d rows with one doomed, %d before", n, before)
		}
		if err := s.writer.write(t.Context(), func(x *tx) error {
			_, err := x.exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (10000, TRUE)")
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if err := s.Dump(t.Context(), func(string, []string, []any) error { return nil }); err == nil || !strings.Contains(err.Error(), "newer program") {
			t.Errorf("a newer schema: %v", err)
		}
	})
}
