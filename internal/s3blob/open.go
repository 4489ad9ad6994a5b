package s3blob

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/opentcb/opentcb/internal/blob"
)

// trustFor is how long a verification is believed of an object that looks
// untouched: bits that rot silently in the bucket are found after this (DF-11).
const trustFor = 10 * time.Minute

// object is a [blob.Blob]: a reader of a verified copy.
type object struct {
	*io.SectionReader
	copies *copies
	copy   *verified
	closed bool
}

// ModTime is when the blob was stored, to the second.
func (o *object) ModTime() time.Time { return o.copy.id.modified }

// Intact is nil: what is read is the copy that was verified, in a file that
// nobody else can reach. What became of the bucket's object is for the next
// Open (DF-11).
func (o *object) Intact() error { return nil }

func (o *object) Close() error {
	if o.closed {
		return nil
	}
	o.closed = true
	return o.copies.release(o.copy)
}

// Open gives the blob of that name. It fetches all of it to a local file and
// hashes it on the way, unless it did so within the last ten minutes and the
// bucket's object was not replaced since.
func (s *Store) Open(ctx context.Context, sum blob.Sum) (blob.Blob, error) {
	v, err := s.verified(ctx, sum)
	if err != nil {
		return nil, fmt.Errorf("blob: open %s in %s: %w", sum, s.cfg, err)
	}
	return &object{SectionReader: io.NewSectionReader(v.file, 0, v.id.size), copies: s.copies, copy: v}, nil
}

func (s *Store) verified(ctx context.Context, sum blob.Sum) (*verified, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if v := s.copies.get(sum, s.cfg.Now()); v != nil {
		same, err := s.unchanged(ctx, sum, v.id)
		if same {
			return v, nil
		}
		s.copies.release(v)
		if err != nil {
			return nil, err
		}
		s.copies.forget(sum, v)
	}
	return s.copies.fetch(ctx, sum, s.fetch)
}

// unchanged says whether the bucket's object is still the one that was
// verified. One that is gone has changed; fetching it will say why.
func (s *Store) unchanged(ctx context.Context, sum blob.Sum, id identity) (bool, error) {
	w := newWatch(ctx, s.cfg.patience)
	defer w.end()
	info, err := s.client.StatObject(w.ctx, s.cfg.Bucket, s.blobKey(sum), minio.StatObjectOptions{})
	if isStatus(err, 404) {
		return false, nil
	}
	return err == nil && identify(info) == id, w.judge(err)
}

// fetch brings an object to a local file, and verifies it (DF-11).
func (s *Store) fetch(ctx context.Context, sum blob.Sum) (v *verified, err error) {
	w := newWatch(ctx, s.cfg.patience)
	defer w.end()
	at := s.cfg.Now()
	body, info, _, err := s.client.GetObject(w.ctx, s.cfg.Bucket, s.blobKey(sum), minio.GetObjectOptions{})
	if isCode(err, minio.NoSuchKey) {
		return nil, blob.ErrNotFound
	}
	if err != nil {
		return nil, w.judge(err)
	}
	defer body.Close()
	f, err := newScratch(s.cfg.TempDir, "copy")
	if err != nil {
		return nil, err
	}
	n, got, err := pour(f, body, w)
	if err == nil && got != sum {
		err = blob.ErrCorrupt
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	id := identify(info)
	id.size = n
	return &verified{file: f, id: id, at: at}, nil
}

// chunk is how much is read at once.
const chunk = 128 << 10

// pour copies and hashes, and gives size and sum of what was copied.
func pour(to io.Writer, from io.Reader, w *watch) (int64, blob.Sum, error) {
	h, buf, size := sha256.New(), make([]byte, chunk), int64(0)
	for {
		n, err := from.Read(buf)
		w.moved(0)
		if _, err := to.Write(buf[:n]); err != nil {
			return size, blob.Sum{}, err
		}
		h.Write(buf[:n])
		size += int64(n)
		if err == io.EOF {
			return size, blob.Sum(h.Sum(nil)), nil
		}
		if err != nil {
			return size, blob.Sum{}, w.judge(err)
		}
	}
}

// identity tells one object under a name from another.
type identity struct {
	etag     string
	size     int64
	modified time.Time // UTC; to the second
}

func identify(info minio.ObjectInfo) identity {
	return identity{etag: info.ETag, size: info.Size, modified: info.LastModified.UTC()}
}
