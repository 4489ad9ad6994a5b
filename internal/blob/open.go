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
	"sync"
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

const (
	// trustFor is how long a verification is trusted for a file that looks
	// untouched: bits that rot silently are found after this (DF-11).
	trustFor = 10 * time.Minute
	// settleFor is how long a file must have been left alone before it was
	// hashed, for its timestamps to change with the next write: a write within
	// the same tick of the file system's clock as the one before leaves them as
	// they are. Ticks are 10 ms at most on nearly all file systems, and up to 2 s
	// on those that stamp in whole hundredths of a second. Until then a file is
	// hashed each time it is opened.
	settleFor       = 50 * time.Millisecond
	settleForCoarse = 2500 * time.Millisecond
	coarse          = int64(10 * time.Millisecond)
	// maxRemembered bounds the memory of verifications, to about 3 MB.
	maxRemembered = 1 << 14
)

// identity is how a file looks as long as nobody touches it. The ctime cannot
// be set, only the clock can, so it changes with every write. The zero identity
// means that nothing is known.
type identity struct {
	dev, inode   uint64
	size         int64
	mtime, ctime int64 // nanoseconds since 1970
}

// settled reports whether a write at or after now would change the identity.
func (id identity) settled(now time.Time) bool {
	left := settleFor
	if id.ctime%coarse == 0 {
		left = settleForCoarse
	}
	return id != identity{} && id.ctime < now.Add(-left).UnixNano()
}

// memory is which files were verified. An entry that is lost costs another hash.
type memory struct {
	mu *sync.Mutex
	of map[Sum]verification
}

type verification struct {
	of identity
	at time.Time
}

func newMemory() memory {
	return memory{mu: new(sync.Mutex), of: make(map[Sum]verification)}
}

func (m memory) trusts(sum Sum, id identity, now time.Time) bool {
	m.mu.Lock()
	v, ok := m.of[sum]
	m.mu.Unlock()
	age := now.Sub(v.at)
	return ok && v.of == id && age >= 0 && age < trustFor
}

func (m memory) remember(sum Sum, v verification) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, there := m.of[sum]; !there && len(m.of) >= maxRemembered {
		for some := range m.of {
			delete(m.of, some)
			break
		}
	}
	m.of[sum] = v
}

func (m memory) forget(sum Sum) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.of, sum)
}
