package backup_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/backup"
	"github.com/opentcb/opentcb/internal/blob"
	"github.com/opentcb/opentcb/internal/s3blob"
	"github.com/opentcb/opentcb/internal/seal"
	"github.com/opentcb/opentcb/internal/sqlstore"
	"github.com/opentcb/opentcb/internal/testserver"
)

func TestMain(m *testing.M) { testserver.Main(m) }

// ring is of the master key of the tests.
var ring, _ = seal.NewRing(bytes.Repeat([]byte{7}, seal.MasterKeyBytes))

var keyID = ring.KeyID()

// storage is a database and code.
type storage struct {
	*sqlstore.Store
	blobs  blob.Store
	folder string // of the code, if it is one
}

// folder opens empty storage: SQLite and a folder.
func folder(t testing.TB) storage {
	t.Helper()
	dir := t.TempDir()
	store, err := sqlstore.OpenSQLite(t.Context(), filepath.Join(dir, "db"))
	must(t, err)
	t.Cleanup(func() { must(t, store.Close()) })
	blobs, err := blob.OpenDir(filepath.Join(dir, "code"), blob.Config{})
	must(t, err)
	t.Cleanup(func() { must(t, blobs.Close()) })
	return storage{store, blobs, filepath.Join(dir, "code")}
}

// cluster opens empty storage: Postgres and a bucket.
func cluster(t testing.TB) storage {
	t.Helper()
	bucket := testserver.StartS3(t)
	cfg, err := s3blob.ParseURL(bucket.URL(bucket.Bucket(), "code"))
	must(t, err)
	cfg.Cache = t.TempDir()
	blobs, err := s3blob.Open(t.Context(), cfg)
	must(t, err)
	t.Cleanup(func() { must(t, blobs.Close()) })
	store, err := sqlstore.OpenPostgres(t.Context(), testserver.PostgresURL(t), sqlstore.PostgresOptions{})
	must(t, err)
	t.Cleanup(func() { must(t, store.Close()) })
	return storage{store, blobs, ""}
}

// filled opens storage with that many rows in every table, and functions with
// code, each piece of which two functions have.
func filled(t testing.TB, s storage, rows int) storage {
	t.Helper()
	must(t, s.BindKey(t.Context(), keyID))
	var code []string
	for i := range (rows + 1) / 2 {
		code = append(code, s.put(t, bytes.Repeat([]byte(fmt.Sprintf("code %d\x00\xff", i)), 1+97*i)))
	}
	must(t, s.Load(t.Context(), func(each func(string, []string, []any) error) error {
		for _, table := range sqlstore.Tables() {
			for n := range rows {
				if err := each(table.Name, table.Names(), rowOf(table, n, code)); err != nil {
					return err
				}
			}
		}
		return nil
	}))
	return s
}

// rowOf makes a row with values at the edges of their kinds.
func rowOf(table sqlstore.Table, n int, code []string) []any {
	var row []any
	for i, c := range table.Columns {
		switch {
		case c.Name == "doomed_at":
			row = append(row, int64(0))
		case table.Name == "functions" && c.Name == "sum":
			row = append(row, append(code, "")[n/2])
		case c.Kind == sqlstore.Text && i < 2:
			row = append(row, fmt.Sprintf("%s-%05d", c.Name, n))
		case c.Kind == sqlstore.Text:
			row = append(row, []string{"小程序\"\\\n\u2028<&>", "", "plain"}[n%3])
		case c.Kind == sqlstore.Integer:
			row = append(row, []int64{math.MaxInt64, math.MinInt64, 1_790_000_000_000}[n%3])
		case c.Kind == sqlstore.Boolean:
			row = append(row, n%2 == 0)
		default:
			row = append(row, [][]byte{{}, {0, 255, '\n'}, bytes.Repeat([]byte{7}, 300)}[n%3])
		}
	}
	return row
}

// put stores code and returns its name.
func (s storage) put(t testing.TB, code []byte) string {
	t.Helper()
	draft, err := s.blobs.Create(t.Context())
	must(t, err)
	_, err = draft.Write(code)
	must(t, err)
	must(t, draft.Commit(t.Context()))
	return draft.Sum().String()
}

// archive backs everything up.
func (s storage) archive(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	must(t, backup.Write(t.Context(), onlyWriter{&b}, s.Store, s.blobs, info, nil))
	return b.Bytes()
}

var info = backup.Info{Program: "opentcb test", Made: time.Date(2026, 1, 31, 15, 4, 5, 0, time.UTC), Ring: ring}

// onlyWriter is a pipe: what is written is gone.
type onlyWriter struct{ io.Writer }

// restore restores an archive.
func (s storage) restore(ctx context.Context, archive []byte) error {
	a, err := backup.Open(ctx, bytes.NewReader(archive), ring, nil)
	if err != nil {
		return err
	}
	return a.Restore(ctx, s.Store, s.blobs, nil)
}

// state is every row and its code, as text, in an order of its own.
func (s storage) state(t testing.TB) []string {
	t.Helper()
	key, err := s.KeyID(t.Context())
	must(t, err)
	all := []string{"key " + key}
	must(t, s.Dump(t.Context(), func(table string, columns []string, values []any) error {
		all = append(all, fmt.Sprintf("%s %v %#v", table, columns, values))
		if i := slices.Index(columns, "sum"); table == "functions" && values[i] != "" {
			all = append(all, "code "+s.codeOf(t, values[i].(string)))
		}
		return nil
	}))
	slices.Sort(all)
	return all
}

func (s storage) codeOf(t testing.TB, name string) string {
	t.Helper()
	sum, err := blob.ParseSum(name)
	must(t, err)
	b, err := s.blobs.Open(t.Context(), sum)
	if errors.Is(err, blob.ErrNotFound) {
		return name + " is missing"
	}
	must(t, err)
	defer b.Close()
	h := sha256.New()
	_, err = io.Copy(h, b)
	must(t, err)
	return fmt.Sprintf("%s %x", name, h.Sum(nil))
}

// untouched wants storage to be as it was after a refusal.
func (s storage) untouched(t testing.TB, what string, before []string) {
	t.Helper()
	if after := s.state(t); !slices.Equal(after, before) {
		t.Errorf("%s: there were %d rows and pieces of code, now %d", what, len(before), len(after))
	}
	list := 0
	must(t, s.blobs.(blob.Collector).List(t.Context(), func(blob.Sum, int64, time.Time) error { list++; return nil }))
	if list > 0 && len(before) == 1 {
		t.Errorf("%s: left %d pieces of code", what, list)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
