package blob

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"os"
)

// dirDraft is a [Draft] in the tmp folder of a [Dir].
type dirDraft struct {
	dir  *Dir
	name string
	file *os.File // locked, so that no starting process takes it for an orphan
	hash hash.Hash
	size int64
	over bool  // committed or given up: file is closed
	err  error // why it cannot be committed
}

// Create begins a draft in the tmp folder.
func (d *Dir) Create(ctx context.Context) (Draft, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	w, err := d.create()
	if err != nil {
		return nil, fmt.Errorf("blob: begin a draft: %w", err)
	}
	return w, nil
}

func (d *Dir) create() (*dirDraft, error) {
	for {
		name := draftFolder + "/" + draftName()
		f, err := d.root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, fileMode)
		if err != nil {
			return nil, err
		}
		if lock(f) && d.has(name) {
			return &dirDraft{dir: d, name: name, file: f, hash: sha256.New()}, nil
		}
		f.Close() // a process that just started took it for an orphan before it was locked
	}
}

func (d *Dir) has(name string) bool {
	_, err := d.root.Lstat(name)
	return err == nil
}

func (w *dirDraft) Write(p []byte) (int, error) {
	n, err := w.file.Write(p)
	w.hash.Write(p[:n])
	w.size += int64(n)
	if err != nil {
		err = fmt.Errorf("blob: write a draft: %w", err)
		w.err = errors.Join(w.err, err)
	}
	return n, err
}

func (w *dirDraft) ReadAt(p []byte, off int64) (int, error) { return w.file.ReadAt(p, off) }

func (w *dirDraft) Size() int64 { return w.size }

func (w *dirDraft) Sum() Sum { return Sum(w.hash.Sum(nil)) }

func (w *dirDraft) Commit(ctx context.Context) error {
	if w.over {
		return w.err
	}
	if w.err == nil {
		w.err = w.commit(ctx)
	}
	// After a rename drop finds nothing to remove and only closes. A draft that
	// cannot be removed does not undo the commit; the next start removes it.
	if err := w.drop(); w.err != nil {
		w.err = fmt.Errorf("blob: commit: %w", errors.Join(w.err, err))
	}
	return w.err
}

// commit makes a blob durable, in this order: the folder's name, the bytes, the
// blob's name. If it fails after the rename the whole blob stays under its name:
// another commit of the same bytes may have succeeded by it.
func (w *dirDraft) commit(ctx context.Context) error {
	d, sum := w.dir, w.Sum()
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := d.makeFolder(sum); err != nil {
		return err
	}
	if !d.keeps(ctx, sum) || !d.touch(sum) {
		if err := w.rename(ctx, sum); err != nil {
			return err
		}
	}
	return d.syncFolder(d.root.Open, sum.folder())
}

func (w *dirDraft) rename(ctx context.Context, sum Sum) error {
	if err := w.dir.sync(w.file); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return w.dir.root.Rename(w.name, sum.name())
}

// keeps reports whether sound bytes are stored under sum, durable but for their
// name. It reads them all, because the commit is about to succeed by them. The
// draft replaces what cannot be read.
func (d *Dir) keeps(ctx context.Context, sum Sum) bool {
	f, err := d.root.Open(sum.name())
	if err != nil {
		return false
	}
	defer f.Close()
	got, err := sumOf(ctx, f)
	return err == nil && got == sum && d.sync(f) == nil
}

func (w *dirDraft) Discard() error {
	if w.over {
		return nil
	}
	w.err = fmt.Errorf("blob: draft was discarded: %w", fs.ErrClosed)
	if err := w.drop(); err != nil {
		return fmt.Errorf("blob: discard a draft: %w", err)
	}
	return nil
}

// drop removes the draft's file and then lets go of its lock, in this order.
func (w *dirDraft) drop() error {
	w.over = true
	err := w.dir.root.Remove(w.name)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, w.file.Close())
}
