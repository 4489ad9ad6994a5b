package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"strconv"
	"sync/atomic"

	"github.com/opentcb/opentcb/internal/cloud"
)

// faults counts reads and changes that the database could not do, though it may do
// them later. A nil one counts nothing.
type faults struct{ n atomic.Uint64 }

// note counts an error, which it returns.
func (f *faults) note(err error) error {
	if f != nil && err != nil && errors.Is(err, cloud.ErrUnavailable) {
		f.n.Add(1)
	}
	return err
}

// Faults returns how many reads and changes the database could not do.
func (s *Store) Faults() uint64 { return s.failures().n.Load() }

// Pools returns the use of the connections, by what they are for.
func (s *Store) Pools() map[string]sql.DBStats {
	all := map[string]sql.DBStats{}
	for name, db := range s.pools() {
		all[name] = db.Stats()
	}
	return all
}

// Sizes are how large what is kept is, in bytes.
type Sizes struct {
	Database int64
	Log      int64 // 0 where it is the database's own affair
	Code     int64 // of functions, each piece once
}

// Sizes measures. It reads every function, so it takes as long as there are many.
func (s *Store) Sizes(ctx context.Context) (z Sizes, err error) {
	if z.Database, z.Log, err = s.size(ctx); err != nil {
		return z, err
	}
	err = s.read(ctx).row(`SELECT CAST(COALESCE(SUM(size), 0) AS BIGINT)
		FROM (SELECT MAX(size) AS size FROM functions WHERE sum <> '' GROUP BY sum) AS pieces`, nil, &z.Code)
	return z, err
}

// Counts are how many there are of what is kept.
type Counts struct {
	Platforms, MiniPrograms, Environments, Functions, Authorizations, InForce int64
	Pushes                                                                    int64 // that wait, or are under way
}

// Count counts. It takes as long as there is much.
func (s *Store) Count(ctx context.Context) (c Counts, err error) {
	var accounts int64
	err = s.read(ctx).row(`SELECT (SELECT count(*) FROM accounts WHERE is_platform), (SELECT count(*) FROM accounts),
		(SELECT count(*) FROM environments), (SELECT count(*) FROM functions), (SELECT count(*) FROM authorizations),
		(SELECT count(*) FROM authorizations WHERE in_force), (SELECT count(*) FROM pushes WHERE state < 3)`, nil,
		&c.Platforms, &accounts, &c.Environments, &c.Functions, &c.Authorizations, &c.InForce, &c.Pushes)
	c.MiniPrograms = accounts - c.Platforms
	return c, err
}

// NoteBackup notes when everything was backed up, in Unix milliseconds.
func (s *Store) NoteBackup(ctx context.Context, at int64) error {
	return s.writer.write(ctx, func(t *tx) error {
		_, err := t.exec(putMeta, "last_backup", strconv.FormatInt(at, 10))
		return err
	})
}

// LastBackup returns when everything was backed up last, in Unix milliseconds; 0 if
// it never was.
func (s *Store) LastBackup(ctx context.Context) (int64, error) {
	text, err := s.read(ctx).meta("last_backup")
	if err != nil || text == "" {
		return 0, err
	}
	return strconv.ParseInt(text, 10, 64)
}

func (d *sqliteDB) size(context.Context) (database, log int64, err error) {
	info, err := os.Stat(d.file)
	if err != nil {
		return 0, 0, err
	}
	wal, err := os.Stat(d.file + "-wal")
	if errors.Is(err, fs.ErrNotExist) {
		return info.Size(), 0, nil
	}
	if err != nil {
		return 0, 0, err
	}
	return info.Size(), wal.Size(), nil
}

func (d *sqliteDB) pools() map[string]*sql.DB {
	return map[string]*sql.DB{"read": d.readers, "write": d.writers}
}

func (d *sqliteDB) failures() *faults { return &d.faults }

func (p *postgresDB) size(ctx context.Context) (database, log int64, err error) {
	err = p.read(ctx).row("SELECT pg_database_size(current_database())", nil, &database)
	return database, 0, err
}

func (p *postgresDB) pools() map[string]*sql.DB {
	return map[string]*sql.DB{"read": p.readers.DB, "write": p.writers.DB, "bulk": p.bulk.DB}
}

func (p *postgresDB) failures() *faults { return &p.faults }
