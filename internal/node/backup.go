package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"sync"

	"github.com/opentcb/opentcb/internal/backup"
	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/seal"
	"github.com/opentcb/opentcb/internal/sqlstore"
)

// Version returns the program's name and version, such as "opentcb v1.2.3".
func Version() string {
	version := "(devel)"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		version = info.Main.Version
	}
	return "opentcb " + version
}

// backupOf returns a function that writes an archive of everything in storage.
// It makes one at a time, since each reads all rows and all code, and returns
// Conflict meanwhile. made is called after each.
func backupOf(
	s *Storage, svc *cloud.Service, cfg Config, made func(),
) func(ctx context.Context, c cloud.Caller, w io.Writer) error {
	var making sync.Mutex
	return func(ctx context.Context, c cloud.Caller, w io.Writer) error {
		if !making.TryLock() {
			return &cloud.Error{Kind: cloud.Conflict, Detail: "a backup is being made already: wait for its end"}
		}
		defer making.Unlock()
		if err := svc.RecordBackup(ctx, c); err != nil {
			return err
		}
		err := backup.Write(ctx, w, s.Store, s.Blobs, backup.Info{
			Program: Version(), Made: cfg.Now(), Ring: s.Ring,
		}, nil)
		if ce, ok := errors.AsType[*backup.CodeError](err); ok {
			return &cloud.Error{Kind: cloud.Internal, Detail: ce.What, Err: err}
		}
		if err != nil {
			return err
		}
		cfg.Log.Info("a backup was made")
		if err := s.Store.NoteBackup(ctx, cfg.Now().UnixMilli()); err != nil {
			cfg.Log.Warn("it was not noted when a backup was made", "err", err) // it is whole nonetheless
		}
		made()
		return nil
	}
}

// Restore fills the empty storage that the settings name with an archive, and
// returns what the archive held. It verifies the whole archive before it opens
// any of that storage. The settings must give the master key that the archive
// was made under; no other is made. No server may run on the data folder.
// progress may be nil.
func Restore(
	ctx context.Context, cfg Config, file io.ReadSeeker, progress backup.Progress,
) (s backup.Summary, err error) {
	first, err := backup.ReadManifest(ctx, file)
	if err != nil {
		return s, err
	}
	ring, err := archiveKey(ctx, cfg, first.MasterKey)
	if err != nil { // before the long wait
		return s, err
	}
	archive, err := backup.Open(ctx, file, ring, progress)
	if err != nil {
		return s, err
	}
	if archive.Summary().MasterKey != first.MasterKey {
		return s, errors.New("the archive was changed while it was read: restore it again")
	}
	cfg.restoring = true
	storage, err := OpenStorage(ctx, cfg)
	if err != nil {
		return s, err
	}
	defer func() {
		if closed := storage.Close(); err == nil {
			err = closed
		}
	}()
	s = archive.Summary()
	err = archive.Restore(ctx, storage.Store, storage.Blobs, progress)
	if err == nil && s.Schema < sqlstore.VouchedSchema {
		_, err = storage.Store.VouchNew(ctx) // the archive is vouched for
	}
	return s, err
}

// VerifyBackup verifies an archive. If the settings give a master key, it was
// made under that key, or is refused; and if they give none, authentic is false.
// No key is made. progress may be nil.
func VerifyBackup(
	ctx context.Context, cfg Config, in io.Reader, progress backup.Progress,
) (s backup.Summary, authentic bool, err error) {
	var ring *seal.Ring
	if cfg.MasterKey != "" || cfg.MasterKeyCommand != "" || cfg.MasterKeyFile != "" {
		if file := cfg.MasterKeyFile; file != "" {
			if _, err := os.Stat(file); err != nil { // it would be made
				return s, false, fmt.Errorf("--master-key-file: %w", err)
			}
		}
		folder := dataDir{path: cfg.Data}
		master, err := folder.masterKey(ctx, cfg, "")
		if err != nil {
			return s, false, err
		}
		if ring, err = seal.NewRing(master); err != nil {
			return s, false, err
		}
	}
	s, err = backup.Verify(ctx, in, ring, progress)
	return s, err == nil && ring != nil, err
}

// archiveKey returns the master key with that id. It is an error if the settings
// give another or none; it makes no key.
func archiveKey(ctx context.Context, cfg Config, id string) (*seal.Ring, error) {
	if id == "" {
		return nil, fmt.Errorf("%w: it names no master key", backup.ErrBroken)
	}
	folder := dataDir{path: cfg.Data}
	master, err := folder.masterKey(ctx, cfg, id)
	if err != nil {
		return nil, fmt.Errorf("%w (an archive does not hold the master key that it needs: copy it from the server that was backed up)",
			err)
	}
	ring, err := seal.NewRing(master)
	if err != nil {
		return nil, err
	}
	if ring.KeyID() != id {
		return nil, fmt.Errorf("the archive needs the master key with the id %s, and the one given has the id %s: copy the right one from the server that was backed up",
			id, ring.KeyID())
	}
	return ring, nil
}
