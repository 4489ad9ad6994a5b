package s3blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/opentcb/opentcb/internal/blob"
	"github.com/opentcb/opentcb/internal/stall"
)

// Open opens the blob of that name, as [blob.Store] says. It reads from a copy
// in the cache, which it makes first, and verifies (DF-11), unless it did so
// within the last ten minutes and the bucket's object was not replaced or
// removed since: it asks the bucket each time. The blob has a method
// `File() *os.File`.
func (s *Store) Open(ctx context.Context, sum blob.Sum) (blob.Blob, error) {
	b, err := s.open(ctx, sum)
	if err != nil {
		return nil, fmt.Errorf("blob: open %s in %s: %w", sum, s.cfg, err)
	}
	return b, nil
}

func (s *Store) open(ctx context.Context, sum blob.Sum) (blob.Blob, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.cache.hold(sum)
	defer s.cache.release(sum)
	current, err := s.current(ctx, sum)
	if err != nil {
		return nil, err
	}
	if current {
		if b, err := s.cache.dir.Open(ctx, sum); !unsound(err) {
			return b, err
		}
	}
	if err := s.fetchOnce(ctx, sum); err != nil {
		return nil, err
	}
	b, err := s.cache.dir.Open(ctx, sum)
	if unsound(err) { // a fault of this machine, which says nothing about the bucket's object
		err = fmt.Errorf("the cache has lost a copy: %v", err)
	}
	return b, err
}

func unsound(err error) bool {
	return errors.Is(err, blob.ErrNotFound) || errors.Is(err, blob.ErrCorrupt)
}

// current reports whether there is a copy of the object that the bucket has
// now. If the object is gone there is none; fetching it will say why.
func (s *Store) current(ctx context.Context, sum blob.Sum) (bool, error) {
	from, ok := s.cache.source(sum)
	if !ok {
		return false, nil
	}
	w := s.watch(ctx)
	defer w.End()
	info, err := s.client.StatObject(w.Context(), s.cfg.Bucket, s.blobKey(sum), minio.StatObjectOptions{})
	if isStatus(err, http.StatusNotFound) {
		return false, nil
	}
	return err == nil && identify(info) == from, w.Judge(err)
}

// fetchOnce fetches an object into the cache. Concurrent callers share one
// fetch and its error: they do not wait one after the other for a bucket that
// is away. A caller whose own context ends leaves the fetch to the others.
func (s *Store) fetchOnce(ctx context.Context, sum blob.Sum) error {
	done := s.fetches.DoChan(sum.String(), func() (any, error) {
		err := s.fetch(s.life, sum)
		if unsound(err) {
			s.cache.forget(sum)
		}
		return nil, err
	})
	select {
	case result := <-done:
		return result.Err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Store) fetch(ctx context.Context, sum blob.Sum) error {
	at := s.cfg.Now()
	d, err := s.cache.dir.Create(ctx)
	if err != nil {
		return err
	}
	defer d.Discard()
	info, err := s.download(ctx, sum, d)
	if err != nil {
		return err
	}
	if d.Sum() != sum {
		return blob.ErrCorrupt
	}
	if err := d.Commit(ctx); err != nil {
		return err
	}
	s.cache.keep(sum, identify(info), at)
	return nil
}

// download writes the bytes of an object, whatever they are, and returns what
// the bucket says of it, with the size that it had.
func (s *Store) download(ctx context.Context, sum blob.Sum, to io.Writer) (minio.ObjectInfo, error) {
	w := s.watch(ctx)
	defer w.End()
	body, info, _, err := s.client.GetObject(w.Context(), s.cfg.Bucket, s.blobKey(sum), minio.GetObjectOptions{})
	if isCode(err, minio.NoSuchKey) {
		return info, blob.ErrNotFound
	}
	if err != nil {
		return info, w.Judge(err)
	}
	defer body.Close()
	info.Size, err = io.Copy(to, watched{body, w})
	return info, w.Judge(err)
}

// watched is a body each read of which is progress.
type watched struct {
	io.Reader
	watch *stall.Watch
}

func (r watched) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.watch.Moved(0)
	return n, err
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

// Presign returns a link by which anybody can download the blob from the bucket
// itself, as a zip of that filename, until it expires: from one second to seven
// days, in whole seconds. A link cannot be recalled, and ends earlier if the
// credentials it was made with do. Presign does not check that the blob exists
// or is sound: Open it first. It sends no request, except to renew expired
// credentials.
func (s *Store) Presign(ctx context.Context, sum blob.Sum, expires time.Duration, filename string) (string, error) {
	w := s.watch(ctx)
	defer w.End()
	// FormatMediaType quotes what would end the name, or encodes it.
	disposition := mime.FormatMediaType("attachment", map[string]string{"filename": filename})
	if filename == "" || disposition == "" {
		return "", errors.New("blob: a link needs the name of a file")
	}
	link, err := s.client.PresignedGetObject(w.Context(), s.cfg.Bucket, s.blobKey(sum), expires, url.Values{
		"response-content-type":        {"application/zip"},
		"response-content-disposition": {disposition},
	})
	if err != nil {
		return "", fmt.Errorf("blob: make a link: %w", w.Judge(err))
	}
	return link.String(), nil
}
