package s3blob

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/opentcb/opentcb/internal/blob"
	"github.com/opentcb/opentcb/internal/stall"
)

// List calls each for every blob, as [blob.Collector] says. The time is that of
// the last commit by the bucket's clock.
func (s *Store) List(ctx context.Context, each func(sum blob.Sum, size int64, modified time.Time) error) error {
	w := stall.New(ctx, s.cfg.patience, time.Time{}, nil) // there may be millions
	defer w.End()
	options := minio.ListObjectsOptions{Prefix: s.key(""), Recursive: true}
	for info := range s.client.ListObjectsIter(w.Context(), s.cfg.Bucket, options) {
		if info.Err != nil {
			return fmt.Errorf("blob: list %s: %w", s.cfg, w.Judge(info.Err))
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if sum, ok := s.sumOf(info.Key); ok {
			w.Pause() // the time that each takes is not the bucket's
			if err := each(sum, info.Size, info.LastModified); err != nil {
				return err
			}
		}
		w.Moved(0)
	}
	return ctx.Err()
}

// sumOf reads what blobKey writes.
func (s *Store) sumOf(key string) (blob.Sum, bool) {
	sum, err := blob.ParseSum(key[strings.LastIndexByte(key, '/')+1:])
	return sum, err == nil && s.blobKey(sum) == key
}

// Remove removes a blob, as [blob.Collector] says, and this server's copy of it.
func (s *Store) Remove(ctx context.Context, sum blob.Sum) error {
	w := s.watch(ctx)
	defer w.End()
	err := s.client.RemoveObject(w.Context(), s.cfg.Bucket, s.blobKey(sum), minio.RemoveObjectOptions{})
	if err != nil && !isCode(err, minio.NoSuchKey) {
		return fmt.Errorf("blob: remove %s in %s: %w", sum, s.cfg, w.Judge(err))
	}
	s.cache.forget(sum)
	return nil
}

// Check reads the stored bytes anew, as [blob.Collector] says. It neither uses
// the cache nor fills it.
func (s *Store) Check(ctx context.Context, sum blob.Sum) (int64, error) {
	h := sha256.New()
	info, err := s.download(ctx, sum, h)
	if err == nil && blob.Sum(h.Sum(nil)) != sum {
		err = blob.ErrCorrupt
	}
	if err != nil {
		return 0, fmt.Errorf("blob: check %s in %s: %w", sum, s.cfg, err)
	}
	return info.Size, nil
}
