package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/opentcb/opentcb/internal/blob"
	"github.com/opentcb/opentcb/internal/s3blob"
	"github.com/opentcb/opentcb/internal/seal"
	"github.com/opentcb/opentcb/internal/sqlstore"
)

// sharedRowLife is how old a cached row may be where other servers write to the
// same database: UT-15 gives them a second.
const sharedRowLife = 900 * time.Millisecond

// Storage is what a server keeps its state in: the data folder, the database,
// the code, and the keys that open what is sealed.
type Storage struct {
	Store *sqlstore.Store
	Blobs Blobs
	Ring  *seal.Ring

	data   *dataDir
	shared bool
	// presign returns an address in the bucket for a link to lead on to; nil if
	// the server serves its links itself.
	presign func(ctx context.Context, sum blob.Sum, life time.Duration, filename string) (string, error)
}

// Blobs is code storage with everything that an operator does with it.
type Blobs interface {
	blob.Collector
	io.Closer
}

// OpenStorage locks the data folder and opens the storage that the settings
// name. It binds a new database to the master key, and refuses any other key
// for an old one. Errors say what to do and show no secrets.
func OpenStorage(ctx context.Context, cfg Config) (*Storage, error) {
	s := &Storage{shared: cfg.Database != ""}
	if err := s.open(ctx, cfg); err != nil {
		return nil, errors.Join(onDisk(err), s.Close())
	}
	return s, nil
}

func (s *Storage) open(ctx context.Context, cfg Config) (err error) {
	if s.data, err = openData(cfg.Data, !cfg.Ephemeral); err != nil {
		return err
	}
	if s.data.isNew && !cfg.Ephemeral {
		cfg.Log.Info("new data folder", "path", s.data.path)
	}
	if cfg.Database == "" {
		err = s.openSQLite(ctx, cfg)
	} else if s.Store, err = s.openPostgres(ctx, cfg); err == nil {
		err = s.openKey(ctx, cfg)
	}
	if err != nil {
		return err
	}
	if err = s.Store.BindKey(ctx, s.Ring.KeyID()); err != nil {
		return err
	}
	if err = s.guard(ctx, cfg); err != nil {
		return err
	}
	openBlobs, err := cfg.blobs()
	if err != nil {
		return err
	}
	blobs, err := openBlobs(ctx, s)
	if err == nil {
		s.Blobs = blobs // a nil *blob.Dir is no nil Blobs
	}
	return err
}

// guard has rows that grant something vouched for under the master key. No other
// server uses a database in the data folder.
func (s *Storage) guard(ctx context.Context, cfg Config) error {
	which := sqlstore.VouchNone
	switch {
	case cfg.VouchRows:
		which = sqlstore.VouchAgain
	case cfg.Database == "":
		which = sqlstore.VouchOnce
	}
	enforced, vouched, err := s.Store.Guard(ctx, rowVoucher{s.Ring}, which)
	switch {
	case err != nil:
		return fmt.Errorf("vouching for the rows of the database: %w", err)
	case vouched > 0:
		cfg.Log.Warn("rows that had no right MAC were given one: from now on, rows that are altered outside of "+
			"the server are refused. This is said once, after an upgrade or by --vouch-rows", "rows", vouched)
	case !enforced:
		cfg.Log.Warn("rows that are altered outside of the server are not refused yet: when no server of an " +
			"earlier version runs any more, start one with --vouch-rows, once")
	}
	return nil
}

// rowVoucher vouches for rows.
type rowVoucher struct{ ring *seal.Ring }

func (v rowVoucher) Vouch(text []byte) string { return v.ring.Vouch(seal.Row, text) }

func (v rowVoucher) CheckVouch(text []byte, vouched string) error {
	return v.ring.CheckVouch(seal.Row, text, vouched)
}

// openKey reads the master key, or makes one for a database that has none.
func (s *Storage) openKey(ctx context.Context, cfg Config) error {
	bound := ""
	if s.Store != nil {
		var err error
		if bound, err = s.Store.KeyID(ctx); err != nil {
			return fmt.Errorf("the database: %w", err)
		}
	}
	master, err := s.data.masterKey(ctx, cfg, bound)
	if err == nil {
		s.Ring, err = seal.NewRing(master)
	}
	return err
}

// openSQLite opens the database of the data folder, or makes it, with the id of
// the master key in it from the beginning. It refuses to make an empty world
// where there was another.
func (s *Storage) openSQLite(ctx context.Context, cfg Config) (err error) {
	file, options := s.data.file(databaseFile), sqlstore.SQLiteOptions{NoSync: cfg.Ephemeral}
	info, err := os.Stat(file)
	missing := errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0
	if missing {
		if err := s.data.checkUnused(cfg); err != nil {
			return err
		}
		if err := s.openKey(ctx, cfg); err != nil {
			return err
		}
		if !cfg.Ephemeral { // which is bound to the key when it is open, as one on Postgres is
			if err := sqlstore.CreateSQLite(ctx, file, s.Ring.KeyID()); err != nil {
				return err
			}
		}
	}
	if s.Store, err = options.Open(ctx, file); err != nil || missing {
		return err
	}
	bound, err := s.Store.KeyID(ctx)
	if err != nil {
		return fmt.Errorf("the database: %w", err)
	}
	if bound == "" && !cfg.restoring && (s.data.has(masterKeyFile) || s.data.has(codeFolder)) {
		return fmt.Errorf("%s is empty, and there is a master key or code beside it: "+
			"put the right database there, or restore a backup (opentcb help restore). "+
			"If this folder was never used, remove the file", file)
	}
	return s.openKey(ctx, cfg)
}

// openPostgres opens the shared database. An old primary is also refused by a
// server that has restarted since it saw the new one, so that is kept.
func (s *Storage) openPostgres(ctx context.Context, cfg Config) (*sqlstore.Store, error) {
	kept, err := s.data.readSecret(timelineFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	store, err := sqlstore.OpenPostgres(ctx, cfg.Database, sqlstore.PostgresOptions{
		RequireStandby: cfg.RequireStandby,
		Lineage:        string(kept),
		KeepLineage: func(text string) {
			if err := s.data.writeSecret(timelineFile, []byte(text)); err != nil {
				cfg.Log.Error("the database's timeline cannot be kept: after a restart this server may use an older primary",
					"err", err)
			}
		},
	})
	if errors.Is(err, sqlstore.ErrOldPrimary) {
		err = fmt.Errorf("%w. If that primary is the right one after all, restored by hand, remove %s",
			err, s.data.file(timelineFile))
	}
	return store, err
}

// blobs reads --blobs and returns what opens that storage. Other kinds of code
// storage are to be added here.
func (c Config) blobs() (open func(ctx context.Context, s *Storage) (Blobs, error), err error) {
	scheme, _, _ := strings.Cut(c.Blobs, ":")
	switch scheme {
	case "":
		return func(_ context.Context, s *Storage) (Blobs, error) {
			return blob.OpenDir(s.data.file(codeFolder), blob.Config{Now: c.Now, NoSync: c.Ephemeral})
		}, nil
	case "file":
		if runtime.GOOS == "windows" {
			return nil, errors.New("--blobs file:///DIR: on Windows servers cannot share a folder, for there are no locks " +
				"that hold on a network drive: give a bucket (s3://…), or leave --blobs out")
		}
		u, err := url.Parse(c.Blobs)
		if err != nil || u.Host != "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || !filepath.IsAbs(u.Path) {
			return nil, errBlobs
		}
		return func(context.Context, *Storage) (Blobs, error) {
			return blob.OpenDir(filepath.Clean(u.Path), blob.Config{Now: c.Now})
		}, nil
	case "s3":
		bucket, err := s3blob.ParseURL(c.Blobs)
		if err != nil {
			return nil, fmt.Errorf("--blobs: %w", err)
		}
		return func(ctx context.Context, s *Storage) (Blobs, error) {
			bucket.Cache, bucket.Now = s.data.file(copiesFolder), c.Now
			store, err := s3blob.Open(ctx, bucket)
			if err == nil && c.BlobRedirect {
				s.presign = store.Presign
			}
			return store, err
		}, nil
	}
	return nil, errBlobs
}

// errBlobs does not repeat what was given: it may hold credentials.
var errBlobs = errors.New("--blobs must be file:///DIR, or s3://BUCKET/PREFIX?endpoint=https://HOST")

// rowLife returns how old a cached row may be; 0 is any age.
func (s *Storage) rowLife() time.Duration {
	if s.shared {
		return sharedRowLife
	}
	return 0
}

// Close closes whatever is open, in the reverse order of opening.
func (s *Storage) Close() error {
	var errs []error
	if s.Blobs != nil {
		errs = append(errs, s.Blobs.Close())
	}
	if s.Store != nil {
		errs = append(errs, s.Store.Close())
	}
	if s.data != nil {
		errs = append(errs, s.data.Close())
	}
	return errors.Join(errs...)
}
