package sqlstore

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"regexp"
	"sync"
	"sync/atomic"

	"github.com/pressly/goose/v3"

	"github.com/opentcb/opentcb/internal/cloud"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Store is cloud.Store on an SQL database. Reads run by themselves. Changes
// run through a writer, which commits those that come at the same time
// together.
type Store struct {
	engine
	writer     *writer
	bulkWriter *writer      // for changes of many rows, which may take long; the same one on SQLite
	closeOnce  func() error // closes the engine
	guard      *guard
	alone      *atomic.Uint64 // nil on SQLite
}

var _ cloud.Store = (*Store)(nil)

// engine is what differs between databases, besides how they are written to.
type engine interface {
	// read returns what runs the reads of a call. On Postgres they end with the
	// deadline of ctx.
	read(ctx context.Context) *statements
	// openSession opens a connection for one long transaction, to which the
	// time limits of reads and changes do not apply. The caller closes it.
	openSession(write bool) (*sql.DB, error)
	// sessionSettings are the statements that such a transaction begins with.
	sessionSettings() []string
	// loadRows is how many rows one statement of Load inserts at most, or one that
	// vouches for rows gives their MACs.
	loadRows() int
	// checkIntegrity gives what is damaged in the database itself to found, as
	// far as the database can tell.
	checkIntegrity(ctx context.Context, found func(what string) error) error
	// size returns the bytes of the database, and of its log; 0 for a log that is
	// the database's own affair.
	size(ctx context.Context) (database, log int64, err error)
	// pools are the connections, by what they are for.
	pools() map[string]*sql.DB
	// failures counts what the database could not do.
	failures() *faults
	// close closes all connections.
	close() error
}

func newStore(e engine, w, bulk *writer) *Store {
	s := &Store{engine: e, writer: w, bulkWriter: bulk, closeOnce: sync.OnceValue(e.close)}
	w.faults, bulk.faults = e.failures(), e.failures()
	s.setGuard(&guard{})
	return s
}

// migrate brings the schema to this program's version. It refuses a database
// that a newer program has changed. A migration and the note that it was done
// are not one transaction: after a kill it may run again, so it must say IF
// NOT EXISTS.
func migrate(ctx context.Context, dialect goose.Dialect, db *sql.DB, options ...goose.ProviderOption) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(dialect, db, files, options...)
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	current, target, err := p.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	if current > target {
		return fmt.Errorf("the database is of schema %d, newer than this program's %d: run the newer program",
			current, target)
	}
	if current == target {
		return nil
	}
	if err := markColumn(ctx, db, current); err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	return nil
}

// addsColumn is a migration that adds a column, which cannot say IF NOT EXISTS.
var addsColumn = regexp.MustCompile(`(?m)^ALTER TABLE (\w+) ADD COLUMN (\w+)`)

// markColumn marks the migration that comes next as done if it adds a column
// that is there: a process was killed between the two.
func markColumn(ctx context.Context, db *sql.DB, current int64) error {
	for _, name := range migrationNames() {
		version := versionOf(name)
		if version != current+1 {
			continue
		}
		text, err := migrations.ReadFile("migrations/" + name)
		if err != nil {
			return err
		}
		column := addsColumn.FindSubmatch(text)
		if column == nil {
			return nil
		}
		rows, err := db.QueryContext(ctx, fmt.Sprintf("SELECT %s FROM %s LIMIT 0", column[2], column[1]))
		if err != nil {
			return nil // it is not there; any other fault shows in the migration
		}
		if err := rows.Close(); err != nil {
			return err
		}
		_, err = db.ExecContext(ctx, "INSERT INTO goose_db_version (version_id, is_applied) VALUES ($1, TRUE)", version)
		return err
	}
	return nil
}

// KeyID returns the id of the master key that the database is bound to, ""
// before BindKey.
func (s *Store) KeyID(ctx context.Context) (string, error) {
	return s.read(ctx).meta("master_key")
}

// BindKey binds the database to the master key of that id. If it is bound to
// another, BindKey fails: nothing that is sealed would open.
func (s *Store) BindKey(ctx context.Context, keyID string) error {
	bound, err := s.KeyID(ctx)
	if err == nil && bound == "" {
		err = s.writer.write(ctx, func(t *tx) error {
			_, err := t.exec(`INSERT INTO meta (name, value) VALUES ('master_key', $1)
				ON CONFLICT (name) DO NOTHING`, keyID)
			return err
		})
		if err == nil {
			bound, err = s.KeyID(ctx) // another server may have been first
		}
	}
	if err != nil {
		return err
	}
	if bound != keyID {
		return fmt.Errorf("the database was made under the master key with the id %s, and the one given has the id %s: "+
			"give the right one, with --master-key-file, --master-key-command or the variable OPENTCB_MASTER_KEY",
			bound, keyID)
	}
	return nil
}

// Ping implements cloud.Store. It reads, and takes a transaction that writes
// as far as its lock.
func (s *Store) Ping(ctx context.Context) error {
	var one int
	if err := s.read(ctx).row("SELECT 1", nil, &one); err != nil {
		return err
	}
	return s.writer.write(ctx, func(t *tx) error { return t.lock("SELECT name FROM meta WHERE name = ''") })
}

// Alone returns how many changes were refused, or answered as not sure, since
// the database had no synchronous standby.
func (s *Store) Alone() uint64 {
	if s.alone == nil {
		return 0
	}
	return s.alone.Load()
}

// Close implements cloud.Store.
func (s *Store) Close() error {
	s.writer.close()
	s.bulkWriter.close()
	return s.closeOnce()
}
