package blob

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"
)

var _ Collector = (*Dir)(nil)

// List calls each for every blob, as [Collector] says. The time is that of the
// last commit by the file system's clock.
func (d *Dir) List(ctx context.Context, each func(sum Sum, size int64, modified time.Time) error) error {
	for first := range 256 {
		folder := Sum{byte(first)}.folder()
		entries, err := fs.ReadDir(d.root.FS(), folder)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("blob: list: %w", err)
		}
		for _, entry := range entries {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := list(folder, entry, each); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

// list skips what is no blob, and what has gone since the folder was read.
func list(folder string, entry fs.DirEntry, each func(Sum, int64, time.Time) error) error {
	sum, err := ParseSum(entry.Name())
	if err != nil || sum.folder() != folder || !entry.Type().IsRegular() {
		return nil
	}
	info, err := entry.Info()
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("blob: list: %w", err)
	}
	return each(sum, info.Size(), info.ModTime())
}

// Remove removes a blob, as [Collector] says. A power cut may bring it back.
func (d *Dir) Remove(ctx context.Context, sum Sum) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	d.verified.forget(sum)
	if err := d.root.Remove(sum.name()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("blob: remove %s: %w", sum, err)
	}
	return nil
}

// Check reads the stored bytes anew, as [Collector] says.
func (d *Dir) Check(ctx context.Context, sum Sum) (int64, error) {
	d.verified.forget(sum)
	b, err := d.Open(ctx, sum)
	if err != nil {
		return 0, err
	}
	return b.Size(), b.Close()
}

// touch makes a blob that is committed again as young as a new one, so that a
// collection that found it unreferenced before keeps it.
func (d *Dir) touch(sum Sum) bool {
	return d.root.Chtimes(sum.name(), time.Time{}, time.Now()) == nil
}
