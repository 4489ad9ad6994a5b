// Package s3blob is [blob.Store] in a bucket that speaks S3.
package s3blob

import (
	"context"
	"errors"
	"time"

	"github.com/opentcb/opentcb/internal/blob"
)

// Store is a [blob.Store] in a bucket.
type Store struct{}

// Config says which bucket, and how to reach it.
type Config struct {
	Bucket, Prefix, Endpoint, Region string
	PathStyle                        bool
	Insecure                         bool
	AccessKey, SecretKey             string
	TempDir                          string
	Now                              func() time.Time
}

var errNotYet = errors.New("s3blob: not yet")

// Open opens a bucket.
func Open(ctx context.Context, cfg Config) (*Store, error) { return nil, errNotYet }

// ParseURL reads s3://BUCKET/PREFIX?endpoint=…&region=…&path-style=true.
func ParseURL(text string) (Config, error) { return Config{}, errNotYet }

// Create begins a draft.
func (s *Store) Create(ctx context.Context) (blob.Draft, error) { return nil, errNotYet }

// Open gives a blob.
func (s *Store) Open(ctx context.Context, sum blob.Sum) (blob.Blob, error) { return nil, errNotYet }

// Ping tries the bucket.
func (s *Store) Ping(ctx context.Context) error { return errNotYet }

// Presign gives a link.
func (s *Store) Presign(ctx context.Context, sum blob.Sum, expires time.Duration, filename string) (string, error) {
	return "", errNotYet
}

// List lists.
func (s *Store) List(ctx context.Context, each func(sum blob.Sum, size int64, modified time.Time) error) error {
	return errNotYet
}

// Remove removes.
func (s *Store) Remove(ctx context.Context, sum blob.Sum) error { return errNotYet }

// Close closes.
func (s *Store) Close() error { return nil }
