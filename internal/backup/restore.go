package backup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sync/errgroup"

	"github.com/opentcb/opentcb/internal/blob"
	"github.com/opentcb/opentcb/internal/seal"
	"github.com/opentcb/opentcb/internal/sqlstore"
)

// commits is how many pieces of code are committed at once: each waits for a
// disk or a bucket.
const commits = 8

// Archive is an archive that was verified whole, and made under the master key.
type Archive struct {
	file     io.ReadSeeker
	verified *contents
}

// Open verifies an archive, as Verify does with the ring of its master key.
func Open(ctx context.Context, file io.ReadSeeker, ring *seal.Ring, progress Progress) (*Archive, error) {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	c, err := verify(ctx, file, progress)
	if err == nil {
		err = c.summary.check(ring)
	}
	if err != nil {
		return nil, err
	}
	return &Archive{file, c}, nil
}

// Summary returns what the archive holds.
func (a *Archive) Summary() Summary { return a.verified.summary }

// Restore fills an empty database with the archive's rows, and storage with
// its code. A database that is not empty (sqlstore.ErrNotEmpty), or is bound
// to another master key, is refused before anything is written. The code comes
// first and the rows last, in one transaction: whenever it fails the database
// is as empty as before, and Restore can be called again. progress may be nil.
func (a *Archive) Restore(ctx context.Context, store *sqlstore.Store, blobs blob.Store, progress Progress) error {
	key := a.verified.summary.MasterKey
	bound, err := store.KeyID(ctx)
	if err != nil {
		return err
	}
	if bound != "" && bound != key {
		return fmt.Errorf("the archive was made under the master key with the id %s, and the database is bound to the "+
			"one with the id %s: restore with the right one, into a database that was never used", key, bound)
	}
	if err := store.CheckEmpty(ctx); err != nil {
		return err
	}
	if err := a.restoreCode(ctx, blobs, progress); err != nil {
		return fmt.Errorf("restoring code: %w", err)
	}
	if err := store.BindKey(ctx, key); err != nil {
		return err
	}
	return store.Load(ctx, func(each func(table string, columns []string, values []any) error) error {
		c := &contents{row: each}
		_, err := a.again(ctx, c, "restoring rows", progress)
		if err == nil && !bytes.Equal(c.rowsSum, a.verified.rowsSum) {
			err = errChanged
		}
		return err
	})
}

var errChanged = errors.New("the archive was changed while it was restored: do not write to it, and restore it again")

// again reads the rows of the archive once more.
func (a *Archive) again(ctx context.Context, c *contents, step string, progress Progress) (entry, error) {
	if _, err := a.file.Seek(0, io.SeekStart); err != nil {
		return entry{}, err
	}
	c.r = newReader(ctx, a.file, step, progress)
	return c.readRows()
}

// restoreCode commits all code.
func (a *Archive) restoreCode(ctx context.Context, blobs blob.Store, progress Progress) error {
	workers, ctx := errgroup.WithContext(ctx)
	workers.SetLimit(commits)
	c := &contents{
		needed: a.verified.needed,
		code: func(sum blob.Sum, r io.Reader) error {
			draft, err := draftOf(ctx, blobs, sum, r)
			if err != nil {
				return err
			}
			workers.Go(func() error { return draft.Commit(ctx) })
			return nil
		},
	}
	e, err := a.again(ctx, c, "restoring code", progress)
	if err == nil {
		c.summary.Rows = a.verified.summary.Rows // they were skipped
		err = c.readCode(e)
	}
	if commitErr := workers.Wait(); commitErr != nil { // which made the reading end, too
		return commitErr
	}
	return err
}

// draftOf writes code to a draft, and compares it with its name: the file may
// have been changed since it was verified.
func draftOf(ctx context.Context, blobs blob.Store, sum blob.Sum, r io.Reader) (blob.Draft, error) {
	draft, err := blobs.Create(ctx)
	if err != nil {
		return nil, err
	}
	_, err = io.Copy(draft, r)
	if err == nil && draft.Sum() != sum {
		err = errChanged
	}
	if err != nil {
		return nil, errors.Join(err, draft.Discard())
	}
	return draft, nil
}
