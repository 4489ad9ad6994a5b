package s3blob

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/opentcb/opentcb/internal/blob"
)

// draft is a [blob.Draft] in a local file.
type draft struct {
	store *Store
	file  *scratch
	hash  hash.Hash
	size  int64
	over  bool  // committed or given up: file is closed
	err   error // why it cannot be committed
}

// Create begins a draft, which stays on this machine until it is committed.
func (s *Store) Create(ctx context.Context) (blob.Draft, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	f, err := newScratch(s.cfg.TempDir, "draft")
	if err != nil {
		return nil, fmt.Errorf("blob: begin a draft: %w", err)
	}
	return &draft{store: s, file: f, hash: sha256.New()}, nil
}

func (d *draft) Write(p []byte) (int, error) {
	n, err := d.file.Write(p)
	d.hash.Write(p[:n])
	d.size += int64(n)
	if err != nil {
		err = fmt.Errorf("blob: write a draft: %w", err)
		d.err = errors.Join(d.err, err)
	}
	return n, err
}

func (d *draft) ReadAt(p []byte, off int64) (int, error) { return d.file.ReadAt(p, off) }

func (d *draft) Size() int64 { return d.size }

func (d *draft) Sum() blob.Sum { return blob.Sum(d.hash.Sum(nil)) }

// Commit sends the bytes whether or not they are stored already. To tell
// whether what is stored is sound it would have to be read, which moves as
// many bytes; and this way the object is young again, so that a collection
// that saw it unreferenced before leaves it alone now.
func (d *draft) Commit(ctx context.Context) error {
	if d.over {
		return d.err
	}
	if d.err == nil {
		sum := d.Sum()
		d.err = d.store.put(ctx, d.store.blobKey(sum), d.file, d.size, sum)
	}
	d.over = true
	err := d.file.Close()
	if d.err != nil {
		d.err = fmt.Errorf("blob: commit to %s: %w", d.store.cfg, errors.Join(d.err, err))
	}
	return d.err
}

func (d *draft) Discard() error {
	if d.over {
		return nil
	}
	d.over = true
	d.err = fmt.Errorf("blob: draft was discarded: %w", fs.ErrClosed)
	if err := d.file.Close(); err != nil {
		return fmt.Errorf("blob: discard a draft: %w", err)
	}
	return nil
}

const (
	// putTries is how often a PUT is sent whose connection broke: the bucket
	// may have closed one that rested.
	putTries = 2
	// putPause is between them.
	putPause = 200 * time.Millisecond
)

// put stores an object in a single PUT: it is there whole or not at all, and
// durable when put returns nil. S3 and its like take up to 5 GiB that way.
func (s *Store) put(ctx context.Context, key string, data io.ReaderAt, size int64, sum blob.Sum) error {
	for try := 1; ; try++ {
		err := s.putOnce(ctx, key, data, size, sum)
		if err == nil || try == putTries || !mayPass(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(putPause):
		}
	}
}

func (s *Store) putOnce(ctx context.Context, key string, data io.ReaderAt, size int64, sum blob.Sum) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	w := newWatch(ctx, s.cfg.patience)
	defer w.end()
	// A checksum that is known beforehand signs the body in the request's head.
	// Without it and the option the client would sign in chunks over plain HTTP,
	// and add trailers, which COS refuses.
	_, err := s.client.PutObject(w.ctx, s.cfg.Bucket, key,
		&upload{section: io.NewSectionReader(data, 0, size), watch: w}, size, "", sum.String(),
		minio.PutObjectOptions{DisableContentSha256: true, ContentType: "application/octet-stream"})
	return w.judge(err)
}

// upload is the body of one PUT. It cannot seek: the client would send it
// again while the connection that broke may still be reading it.
type upload struct {
	section *io.SectionReader
	watch   *watch
}

func (u *upload) Read(p []byte) (int, error) {
	n, err := u.section.Read(p)
	var more time.Duration
	if at, _ := u.section.Seek(0, io.SeekCurrent); at == u.section.Size() {
		more = time.Duration(at) * time.Second / storeRate // all is sent, to be made safe
	}
	u.watch.moved(more)
	return n, err
}
