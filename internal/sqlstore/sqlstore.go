package sqlstore

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"

	"github.com/opentcb/opentcb/internal/cloud"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Store is cloud.Store on an SQL database.
type Store struct {
	db      *sql.DB // readers
	reads   statements
	conn    *sql.Conn // the writer's, on SQLite
	w       *writer
	bulk    *writer      // changes of many rows, which may take their time; w on SQLite
	release func() error // closes the connections; once

	// apart opens a connection for one long transaction, which has the times of
	// neither reads nor changes. The caller closes it.
	apart func(write bool) (*sql.DB, error)
}

var _ cloud.Store = (*Store)(nil)

// migrate brings the schema to this version's. A database that a newer
// version has changed already is refused. A step and its mark are not one
// transaction, so a step that was done before a kill may be done again: it
// must say IF NOT EXISTS.
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
		return fmt.Errorf("the database is of schema %d, newer than this program's %d: run the newer program", current, target)
	}
	if current == target {
		return nil
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	return nil
}

// read is what reads for a call: until the call's deadline, if it has one.
func (s *Store) read(ctx context.Context) *statements {
	if p, ok := s.reads.run.(*pooled); ok {
		if until, limited := ctx.Deadline(); limited {
			return &statements{&pooled{p.db, until}, s.reads.fault}
		}
	}
	return &s.reads
}

// KeyID returns the id of the master key that the database is tied to; "" if
// it is tied to none yet.
func (s *Store) KeyID(ctx context.Context) (string, error) {
	var id string
	err := s.read(ctx).row("SELECT value FROM meta WHERE name = 'master_key'", nil, &id)
	if errors.Is(err, cloud.ErrNotFound) {
		return "", nil
	}
	return id, err
}

// BindKey ties the database to the master key of that id at first use, and
// fails from then on if another is given: nothing sealed would open.
func (s *Store) BindKey(ctx context.Context, keyID string) error {
	bound, err := s.KeyID(ctx)
	if err == nil && bound == "" {
		err = s.w.write(ctx, func(t *tx) error {
			_, err := t.exec("INSERT INTO meta (name, value) VALUES ('master_key', $1) ON CONFLICT (name) DO NOTHING", keyID)
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
		return fmt.Errorf("the database was made under the master key with the id %s, and the one given has the id %s: give the right one, with --master-key-file, --master-key-command or the variable OPENTCB_MASTER_KEY", bound, keyID)
	}
	return nil
}

// Ping reads, and takes the right to write.
func (s *Store) Ping(ctx context.Context) error {
	var one int
	if err := s.read(ctx).row("SELECT 1", nil, &one); err != nil {
		return err
	}
	return s.w.write(ctx, func(t *tx) error { return t.lock("SELECT name FROM meta WHERE name = ''") })
}

// Close waits for the changes under way and closes the database.
func (s *Store) Close() error {
	s.w.close()
	s.bulk.close()
	return s.release()
}
