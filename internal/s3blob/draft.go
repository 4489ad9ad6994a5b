package s3blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/opentcb/opentcb/internal/blob"
	"github.com/opentcb/opentcb/internal/stall"
)

// draft is a [blob.Draft] in the folder of the cache.
type draft struct {
	blob.Draft
	store *Store
	over  bool  // committed or discarded
	err   error // why it cannot be committed
}

// Create begins a draft, which stays on this machine until it is committed.
func (s *Store) Create(ctx context.Context) (blob.Draft, error) {
	d, err := s.cache.dir.Create(ctx)
	if err != nil {
		return nil, err
	}
	return &draft{Draft: d, store: s}, nil
}

func (d *draft) Write(p []byte) (int, error) {
	n, err := d.Draft.Write(p)
	d.err = errors.Join(d.err, err)
	return n, err
}

// Commit sends the bytes whether or not they are stored already. To find out
// whether what is stored is sound it would have to read it, which moves as
// many bytes; and this way the object is young again, so that a collection
// that saw it unreferenced before leaves it now.
func (d *draft) Commit(ctx context.Context) error {
	if d.over {
		return d.err
	}
	d.over = true
	if d.err == nil {
		sum := d.Sum()
		d.err = d.store.put(ctx, d.store.blobKey(sum), d.Draft, d.Size(), sum)
	}
	// A draft that cannot be removed does not undo the commit; the next start
	// removes it.
	if err := d.Draft.Discard(); d.err != nil {
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
	return d.Draft.Discard()
}

const (
	// putTries is how often a PUT is sent whose connection broke: the bucket
	// may have closed one that rested.
	putTries = 2
	// putPause is between them.
	putPause = 200 * time.Millisecond
	// storeRate is the least rate, in bytes per second, at which a bucket is
	// expected to make safe what it was sent, before it answers.
	storeRate = 8 << 20
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
	w := s.watch(ctx)
	defer w.End()
	// A checksum that is known beforehand signs the body in the request's head.
	// Without it and the option the client would sign in chunks over plain HTTP,
	// and add trailers, which COS refuses.
	_, err := s.client.PutObject(w.Context(), s.cfg.Bucket, key,
		&upload{section: io.NewSectionReader(data, 0, size), watch: w}, size, "", sum.String(),
		minio.PutObjectOptions{DisableContentSha256: true, ContentType: "application/octet-stream"})
	return w.Judge(err)
}

// upload is the body of one PUT. It cannot seek: the client would send it
// again while the connection that broke may still be reading it.
type upload struct {
	section *io.SectionReader
	watch   *stall.Watch
}

func (u *upload) Read(p []byte) (int, error) {
	n, err := u.section.Read(p)
	var more time.Duration
	if at, _ := u.section.Seek(0, io.SeekCurrent); at == u.section.Size() {
		more = time.Duration(at) * time.Second / storeRate // all is sent, to be made safe
	}
	u.watch.Moved(more)
	return n, err
}
