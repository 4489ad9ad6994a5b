package sqlstore

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"os"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"github.com/pressly/goose/v3"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/testserver"
)

// released is the last migration of the first released schema.
const released = 15

// TestReleasedMigrations: what is released is not changed any more. A step has
// been done, or will be, on databases that nobody here knows.
func TestReleasedMigrations(t *testing.T) {
	want, err := os.ReadFile("testdata/released.txt")
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for _, name := range migrationNames()[:released] {
		text, err := migrations.ReadFile("migrations/" + name)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&got, "%x  %s\n", sha256.Sum256(text), name)
	}
	if got.String() != string(want) {
		t.Errorf("released migrations have changed: write another one instead\n got\n%s\nwant\n%s", got.String(), want)
	}
}

// additive is what a migration may do while servers of the version before are
// running: they must find everything that they know as it was.
var additive = regexp.MustCompile(`(?s)^(CREATE TABLE IF NOT EXISTS|CREATE (UNIQUE )?INDEX IF NOT EXISTS|` +
	`ALTER TABLE \w+ ADD COLUMN \w+ \w+ NOT NULL DEFAULT) [^;]*;$`)

// TestMigrationsAreAdditive: servers of two versions work side by side during
// a rolling upgrade. Each migration is one statement, for databases without
// transactional schema changes.
func TestMigrationsAreAdditive(t *testing.T) {
	comment := regexp.MustCompile(`(?m)--.*$`)
	for _, name := range migrationNames() {
		text, err := migrations.ReadFile("migrations/" + name)
		if err != nil {
			t.Fatal(err)
		}
		statement := strings.TrimSpace(comment.ReplaceAllString(string(text), ""))
		if !additive.MatchString(statement) {
			t.Errorf("%s is not one statement that only adds:\n%s", name, statement)
		}
	}
}

// nextVersion are migrations as a later version may bring them.
var nextVersion = map[string]string{
	"80001_more.sql":   "ALTER TABLE functions ADD COLUMN runtime TEXT NOT NULL DEFAULT '';",
	"80002_other.sql":  "CREATE TABLE IF NOT EXISTS other (id TEXT NOT NULL PRIMARY KEY);",
	"80003_column.sql": "ALTER TABLE environments ADD COLUMN region TEXT NOT NULL DEFAULT 'here';",
	"80004_index.sql":  "CREATE INDEX IF NOT EXISTS environments_region ON environments (region);",
}

// TestRollingUpgrade lets servers of this version work while the next version
// changes the schema beneath them, and afterwards beside it. One that starts
// later is refused.
func TestRollingUpgrade(t *testing.T) {
	files := fstest.MapFS{}
	for _, name := range migrationNames() {
		text, err := migrations.ReadFile("migrations/" + name)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = &fstest.MapFile{Data: text}
	}
	for name, text := range nextVersion {
		files[name] = &fstest.MapFile{Data: []byte("-- +goose NO TRANSACTION\n-- +goose Up\n" + text)}
	}
	address := testserver.PostgresURL(t)
	servers := []*Store{openPostgres(t, address), openPostgres(t, address)}
	changes := []cloud.Change{cloud.PutAccount{Account: cloud.Account{AppID: "wx00000000000000a1", Cloud: true}}}
	for i := range servers {
		changes = append(changes, cloud.AddEnvironment{Account: "wx00000000000000a1", ID: fmt.Sprintf("env-%d", i)})
	}
	if err := servers[0].Apply(t.Context(), changes, nil); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	answered := make([]atomic.Int64, len(servers))
	for i, s := range servers {
		wg.Go(func() {
			for version := int64(cloud.FirstVersion); ctx.Err() == nil; version += 2 {
				set := cloud.PermissionSet{
					Account: "wx00000000000000a1", Env: fmt.Sprintf("env-%d", i),
					Open: true, Whitelist: []string{"/wxa/*"}, Version: version,
				}
				res, err := s.SetPermission(t.Context(), set, cloud.Record{At: 1, Action: "set"})
				if err != nil || !res.Accepted {
					t.Errorf("server %d, version %d: %+v, %v", i, version, res, err)
					return
				}
				answered[i].Add(1)
			}
		})
	}
	db, err := sql.Open("pgx", address)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	p, err := goose.NewProvider(goose.DialectPostgres, db, files)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	during := answered[0].Load()
	for range 20 { // and some more beside the new schema
		if _, err := servers[0].Environment(t.Context(), "wx00000000000000a1", "env-1"); err != nil {
			t.Error(err)
		}
	}
	stop()
	wg.Wait()
	t.Logf("sets while the schema changed: %d, in all %v", during, []int64{answered[0].Load(), answered[1].Load()})
	for i, s := range servers {
		e, err := s.Environment(t.Context(), "wx00000000000000a1", fmt.Sprintf("env-%d", i))
		if err != nil || e.Version != cloud.FirstVersion+2*answered[i].Load() {
			t.Errorf("server %d: %+v, %v after %d sets", i, e, err, answered[i].Load())
		}
	}
	if s, err := OpenPostgres(t.Context(), address, PostgresOptions{}); err == nil {
		s.Close()
		t.Error("a server of the version before starts on the newer schema")
	} else if !strings.Contains(err.Error(), "run the newer program") {
		t.Error(err)
	}
}
