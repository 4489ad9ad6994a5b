package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/opentcb/opentcb/internal/blob"
	"github.com/opentcb/opentcb/internal/s3blob"
	"github.com/opentcb/opentcb/internal/seal"
	"github.com/opentcb/opentcb/internal/sqlstore"
)

// sharedRowLife is how old a row in memory may be where other servers write
// to the same database: UT-15 gives them a second.
const sharedRowLife = 900 * time.Millisecond

// Storage is what a server keeps its state in: the data folder, the database,
// the code, and the keys that open what is sealed.
type Storage struct {
	Store *sqlstore.Store
	Blobs Blobs
	Ring  *seal.Ring

	data    *dataDir
	shared  bool
	presign func(ctx context.Context, sum blob.Sum, life time.Duration, filename string) (string, error) // nil: links are served here
}

// Blobs is code storage with everything that an operator does with it.
type Blobs interface {
	blob.Collector
	io.Closer
}

// OpenStorage locks the data folder and opens the storage that the settings
// name. The database is tied to the master key, and refused under any other.
// Its errors say what to do and show no secrets.
func OpenStorage(ctx context.Context, cfg Config) (*Storage, error) {
	s := &Storage{shared: cfg.Database != ""}
	if err := s.open(ctx, cfg); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Storage) open(ctx context.Context, cfg Config) (err error) {
	if s.data, err = openData(cfg.Data); err != nil {
		return err
	}
	if s.Store, err = s.openDatabase(ctx, cfg); err != nil {
		return err
	}
	bound, err := s.Store.KeyID(ctx)
	if err != nil {
		return fmt.Errorf("the database: %w", err)
	}
	master, err := s.data.masterKey(ctx, cfg, bound)
	if err != nil {
		return err
	}
	if s.Ring, err = seal.NewRing(master); err != nil {
		return err
	}
	if err = s.Store.BindKey(ctx, s.Ring.KeyID()); err != nil {
		return err
	}
	blobs, err := s.openBlobs(ctx, cfg)
	if err == nil {
		s.Blobs = blobs
	}
	return err
}

func (s *Storage) openDatabase(ctx context.Context, cfg Config) (*sqlstore.Store, error) {
	if cfg.Database == "" {
		return sqlstore.OpenSQLite(ctx, s.data.file(databaseFile))
	}
	return sqlstore.OpenPostgres(ctx, cfg.Database)
}

func (s *Storage) openBlobs(ctx context.Context, cfg Config) (Blobs, error) {
	scheme, _, _ := strings.Cut(cfg.Blobs, ":")
	switch scheme {
	case "":
		return blob.OpenDir(s.data.file(codeFolder), blob.WithClock(cfg.Now))
	case "file":
		folder, err := blobFolder(cfg.Blobs)
		if err != nil {
			return nil, err
		}
		return blob.OpenDir(folder, blob.WithClock(cfg.Now))
	case "s3":
		bucket, err := s3blob.ParseURL(cfg.Blobs)
		if err != nil {
			return nil, fmt.Errorf("--blobs: %w", err)
		}
		bucket.TempDir, bucket.Now = s.data.file(copiesFolder), cfg.Now
		store, err := s3blob.Open(ctx, bucket)
		if err == nil && cfg.BlobRedirect {
			s.presign = store.Presign
		}
		return store, err
	}
	return nil, errBlobs // not repeated: it may hold credentials
}

var errBlobs = errors.New("--blobs must be file:///DIR, or s3://BUCKET/PREFIX?endpoint=https://HOST")

// blobFolder reads file:///DIR.
func blobFolder(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host != "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || !filepath.IsAbs(u.Path) {
		return "", errBlobs
	}
	return filepath.Clean(u.Path), nil
}

// CheckStorage refuses settings of storage that cannot be, without opening
// anything.
func CheckStorage(cfg Config) error {
	var faults []error
	if cfg.Database != "" && !strings.HasPrefix(cfg.Database, "postgres://") && !strings.HasPrefix(cfg.Database, "postgresql://") {
		faults = append(faults, errors.New("--database must be postgres://USER:PASSWORD@HOST:PORT/DATABASE"))
	}
	scheme, _, _ := strings.Cut(cfg.Blobs, ":")
	switch scheme {
	case "":
		if cfg.Database != "" {
			faults = append(faults, errors.New("--database needs --blobs: code in the data folder of one server would be missing on the others; give a folder that all share (file:///DIR) or a bucket (s3://…)"))
		}
	case "file":
		_, err := blobFolder(cfg.Blobs)
		faults = append(faults, err)
	case "s3":
		if _, err := s3blob.ParseURL(cfg.Blobs); err != nil {
			faults = append(faults, fmt.Errorf("--blobs: %w", err))
		}
	default:
		faults = append(faults, errBlobs)
	}
	if cfg.BlobRedirect && scheme != "s3" {
		faults = append(faults, errors.New("--blob-redirect needs --blobs s3://…: only a bucket can serve links"))
	}
	given := 0
	for _, from := range []string{cfg.MasterKey, cfg.MasterKeyFile, cfg.MasterKeyCommand} {
		if from != "" {
			given++
		}
	}
	if given > 1 {
		faults = append(faults, errors.New("give the master key once: --master-key-file, --master-key-command or the variable OPENTCB_MASTER_KEY"))
	}
	return errors.Join(faults...)
}

// rowLife is how old a row in memory may be; 0 for any age.
func (s *Storage) rowLife() time.Duration {
	if s.shared {
		return sharedRowLife
	}
	return 0
}

// Close closes whatever is open, in the opposite order.
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
