package blob

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"time"
)

// chunk is how much is read and hashed at once.
const chunk = 128 << 10

// dirBlob is a [Blob] of a [Dir].
type dirBlob struct {
	dir     *Dir
	sum     Sum
	file    *os.File
	info    fs.FileInfo // of when the bytes were verified
	settled bool        // if they are touched, info changes
}

func (b *dirBlob) Read(p []byte) (int, error) { return b.file.Read(p) }

func (b *dirBlob) Seek(off int64, whence int) (int64, error) { return b.file.Seek(off, whence) }

func (b *dirBlob) Close() error { return b.file.Close() }

// File returns the file itself, at the blob's position, for callers that can
// send a file faster than read it. It is closed with the blob.
func (b *dirBlob) File() *os.File { return b.file }

func (b *dirBlob) Size() int64 { return b.info.Size() }

// Open opens the blob of that name, as [Store] says. It hashes the file, unless
// it did so within the last ten minutes and the file was not touched since. The
// blob has a method `File() *os.File`.
func (d *Dir) Open(ctx context.Context, sum Sum) (Blob, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	f, err := d.root.Open(sum.name())
	if errors.Is(err, fs.ErrNotExist) {
		err = ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("blob: open %s: %w", sum, err)
	}
	b := &dirBlob{dir: d, sum: sum, file: f}
	if err := b.verify(ctx); err != nil {
		f.Close()
		return nil, fmt.Errorf("blob: open %s: %w", sum, err)
	}
	return b, nil
}

func (b *dirBlob) verify(ctx context.Context) error {
	info, err := b.file.Stat()
	if err != nil {
		return err
	}
	if b.dir.verified.trusts(b.sum, identify(info), b.dir.now()) {
		b.info, b.settled = info, true
		return nil
	}
	return b.rehash(ctx, info)
}

// rehash reads all bytes; info is from before. If the file had settled by
// then, every write since, also one during the reading, has changed its ctime.
func (b *dirBlob) rehash(ctx context.Context, info fs.FileInfo) error {
	at, id := b.dir.now(), identify(info)
	// The file system stamps with the host's clock, not with the one we were given.
	settled := id.settled(time.Now())
	if !info.Mode().IsRegular() {
		return ErrCorrupt
	}
	got, err := sumOf(ctx, io.NewSectionReader(b.file, 0, math.MaxInt64))
	if err != nil {
		return err
	}
	if got != b.sum {
		b.dir.verified.forget(b.sum)
		return ErrCorrupt
	}
	b.info, b.settled = info, settled
	if settled {
		b.dir.verified.remember(b.sum, verification{of: id, at: at})
	}
	return nil
}

// Intact looks at the file's timestamps. If they changed it hashes the bytes
// again: a chmod, a backup's hard link, or a repair or removal of the blob
// changes them, too.
func (b *dirBlob) Intact() error {
	info, err := b.file.Stat()
	if err == nil && b.settled && identify(info) == identify(b.info) {
		return nil
	}
	if err == nil {
		err = b.rehash(context.Background(), info)
	}
	if err != nil {
		return fmt.Errorf("blob: %s: %w", b.sum, err)
	}
	return nil
}

// sumOf returns the sum of all of r. It stops when ctx ends.
func sumOf(ctx context.Context, r io.Reader) (Sum, error) {
	h, buf := sha256.New(), make([]byte, chunk)
	for {
		if err := ctx.Err(); err != nil {
			return Sum{}, err
		}
		n, err := r.Read(buf)
		h.Write(buf[:n])
		if err == io.EOF {
			return Sum(h.Sum(nil)), nil
		}
		if err != nil {
			return Sum{}, err
		}
	}
}
