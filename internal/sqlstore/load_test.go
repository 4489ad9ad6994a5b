package sqlstore

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/opentcb/opentcb/internal/cloud"
)

// TestLoadIsWhole wants nothing of what a Load that failed had taken, and
// nothing of a Load into what is not empty.
func TestLoadIsWhole(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, s *Store) {
		broken := errors.New("broken")
		account := []string{"appid", "is_platform", "cloud", "open"}
		for name, rows := range map[string]give{
			"the source breaks off": func(each func(string, []string, []any) error) error {
				return errors.Join(odd(each), broken)
			},
			"a key comes twice": func(each func(string, []string, []any) error) error {
				return errors.Join(odd(each), odd(each))
			},
			"a column is missing": func(each func(string, []string, []any) error) error {
				return errors.Join(odd(each), each("accounts", account[:3], []any{"x", true, true}))
			},
			"no such column": func(each func(string, []string, []any) error) error {
				columns := []string{"appid", "open; DROP TABLE accounts"}
				return errors.Join(odd(each), each("accounts", columns, []any{"x", true}))
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
			"too few values": func(each func(string, []string, []any) error) error {
				return each("accounts", account, []any{"x"})
			},
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
