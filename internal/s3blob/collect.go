package s3blob

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/opentcb/opentcb/internal/blob"
)

// List calls each for every blob, in the order of their names, with its bytes
// and when it was last committed, by the bucket's clock. It stops at the first
// error, which it returns. It does not verify. Blobs that come or go meanwhile
// may be left out or told. Other objects are passed over.
func (s *Store) List(ctx context.Context, each func(sum blob.Sum, size int64, modified time.Time) error) error {
	w := newWatch(ctx, s.cfg.patience)
	defer w.end()
	w.until = time.Time{} // there may be millions
	options := minio.ListObjectsOptions{Prefix: s.key(""), Recursive: true}
	for info := range s.client.ListObjectsIter(w.ctx, s.cfg.Bucket, options) {
		if info.Err != nil {
			return fmt.Errorf("blob: list %s: %w", s.cfg, w.judge(info.Err))
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if sum, ok := s.sumOf(info.Key); ok {
			w.pause() // the time that each takes is not the bucket's
			if err := each(sum, info.Size, info.LastModified); err != nil {
				return err
			}
		}
		w.moved(0)
	}
	return ctx.Err()
}

// sumOf reads what blobKey writes.
func (s *Store) sumOf(key string) (blob.Sum, bool) {
	sum, err := blob.ParseSum(key[strings.LastIndexByte(key, '/')+1:])
	return sum, err == nil && s.blobKey(sum) == key
}

// Remove removes a blob; one that is not there is removed already. Who is
// reading it reads on. That nobody needs it is the caller's to know.
func (s *Store) Remove(ctx context.Context, sum blob.Sum) error {
	w := newWatch(ctx, s.cfg.patience)
	defer w.end()
	err := s.client.RemoveObject(w.ctx, s.cfg.Bucket, s.blobKey(sum), minio.RemoveObjectOptions{})
	if err != nil && !isCode(err, minio.NoSuchKey) {
		return fmt.Errorf("blob: remove %s in %s: %w", sum, s.cfg, w.judge(err))
	}
	return nil
}

// Check reads the stored bytes anew, as [blob.Collector] says. No local copy
// is made, nor asked.
func (s *Store) Check(ctx context.Context, sum blob.Sum) (int64, error) {
	size, got, err := s.read(ctx, sum)
	if err == nil && got != sum {
		err = blob.ErrCorrupt
	}
	if err != nil {
		return 0, fmt.Errorf("blob: check %s in %s: %w", sum, s.cfg, err)
	}
	return size, nil
}

func (s *Store) read(ctx context.Context, sum blob.Sum) (int64, blob.Sum, error) {
	w := newWatch(ctx, s.cfg.patience)
	defer w.end()
	body, _, _, err := s.client.GetObject(w.ctx, s.cfg.Bucket, s.blobKey(sum), minio.GetObjectOptions{})
	if isCode(err, minio.NoSuchKey) {
		return 0, blob.Sum{}, blob.ErrNotFound
	}
	if err != nil {
		return 0, blob.Sum{}, w.judge(err)
	}
	defer body.Close()
	return pour(io.Discard, body, w)
}
