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

// TestDumpIsOfOneMoment dumps while sets change an environment and its history
// in one transaction each. They go on while a dump is under way.
func TestDumpIsOfOneMoment(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, s *Store) {
		const account = "wx00000000000000a1"
		changes := []cloud.Change{
			cloud.PutAccount{Account: cloud.Account{AppID: account}},
			cloud.AddEnvironment{Account: account, ID: "env"},
		}
		if err := s.Apply(t.Context(), changes, nil); err != nil {
			t.Fatal(err)
		}
		version := int64(2)
		set := func() error {
			version += 2
			set := cloud.PermissionSet{Account: account, Env: "env", Version: version}
			res, err := s.SetPermission(t.Context(), set, cloud.Record{At: 1})
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
			row := []any{"wx00000000000000a1", fmt.Sprintf("env-%0100d", i), i}
			if err := each("env_credentials", []string{"account", "env", "epoch"}, row); err != nil {
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
		err := s.Dump(ctx, func(string, []string, []any) error {
			cancel()
			time.Sleep(50 * time.Millisecond)
			return nil
		})
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
		err = s.Dump(t.Context(), func(string, []string, []any) error { return nil })
		if err == nil || !strings.Contains(err.Error(), "newer program") {
			t.Errorf("a newer schema: %v", err)
		}
	})
}
