// Package s3blob is [blob.Store] in a bucket that speaks S3: AWS, COS, Ceph,
// SeaweedFS and their like. Any number of servers may share a bucket.
//
//	<prefix>/<first 2 hex>/<64 hex>   blobs
//	<prefix>/ping                     what Ping writes and reads
//
// An object is written by a single PUT, so that it is there whole or not at
// all. What is read from the bucket is written to a local file and hashed
// before the first byte of it is given away; the file is kept for the next
// reader (copies.go).
//
//	store.go   the bucket: opening, Ping, Close
//	url.go     s3://… as a Config
//	client.go  connections, credentials and the region
//	fault.go   what is wrong, and what to do
//	watch.go   patience with a bucket that does not get on
//	draft.go   a draft on its way to being a blob
//	open.go    a blob on its way out: fetched, verified, read
//	copies.go  the local files of verified blobs
//	scratch.go local files that leave nothing behind
//	collect.go what collection of unreferenced code needs
//	presign.go links that the bucket serves itself
package s3blob

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/opentcb/opentcb/internal/blob"
)

// Config says which bucket, and how to reach it. Only Bucket is needed.
// [ParseURL] makes one from text. Printed with %v it shows no credentials.
type Config struct {
	Bucket string // has to exist
	// Prefix is where in the bucket the blobs are: "" or "a/b", no slash at
	// either end. Deployments that share a bucket have prefixes of their own.
	Prefix string
	// Endpoint is HOST or HOST:PORT, "" for AWS.
	Endpoint string
	// Region is what requests are signed for. "" is AWS_REGION, else
	// AWS_DEFAULT_REGION, else what the endpoint's name tells, else us-east-1.
	Region string
	// PathStyle asks for HOST/BUCKET/… rather than BUCKET.HOST/….
	PathStyle bool
	// Insecure uses HTTP rather than HTTPS.
	Insecure bool
	// AccessKey and SecretKey are the credentials. Both "" takes the first of:
	// AWS_ACCESS_KEY_ID with AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN; the
	// shared credentials file; the role of the machine or container (unless
	// AWS_EC2_METADATA_DISABLED is true).
	AccessKey, SecretKey string
	// TempDir is the folder of local files: drafts under way, and verified
	// copies (256 MiB of them, and those being read). It should be a disk, not
	// memory. "" is the system's. It is made if it is not there.
	TempDir string
	// Now is the clock by which verifications grow old, nil for time.Now.
	Now func() time.Time

	dial     func(ctx context.Context, network, address string) (net.Conn, error) // for tests of names that no DNS has
	patience time.Duration                                                        // 0 for the default
	room     int64                                                                // bytes of copies; 0 for the default
}

// Store is a [blob.Store] and a [blob.Collector] in a bucket.
type Store struct {
	cfg       Config
	client    minio.Core
	transport *http.Transport
	copies    *copies
}

var _ blob.Collector = (*Store)(nil)

// Open opens a bucket, and writes and reads a small object in it: a bucket that
// cannot be used is found at start, not at the first upload. The error says
// what to do, and shows no credentials. The caller closes the Store.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	s, err := open(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("blob: cannot keep code in %s: %w; %s", cfg, err, advice(err))
	}
	return s, nil
}

func open(ctx context.Context, cfg Config) (*Store, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.TempDir == "" {
		cfg.TempDir = os.TempDir()
	}
	if cfg.patience == 0 {
		cfg.patience = patience
	}
	if cfg.room == 0 {
		cfg.room = copiesRoom
	}
	s := &Store{cfg: cfg, transport: newTransport(cfg), copies: newCopies(cfg.room)}
	if err := s.prepare(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Store) prepare(ctx context.Context) error {
	if err := tryFolder(s.cfg.TempDir); err != nil {
		return fmt.Errorf("%w: %w", errFolder, err)
	}
	client, err := newClient(s.cfg, s.transport)
	if err != nil {
		return err
	}
	s.client = minio.Core{Client: client}
	return s.ping(ctx)
}

// Close lets go of connections and copies. Drafts and blobs that are open must
// not be used any more.
func (s *Store) Close() error {
	s.transport.CloseIdleConnections()
	return s.copies.close()
}

// Ping writes a small object and reads it back. It takes a few seconds at
// most, like everything that moves few bytes.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.ping(ctx); err != nil {
		return fmt.Errorf("blob: %s: %w", s.cfg, err)
	}
	return nil
}

// pingText is the same for all, so that pings that cross do no harm.
const pingText = "opentcb keeps code here\n"

func (s *Store) ping(ctx context.Context) error {
	w := newWatch(ctx, s.cfg.patience)
	defer w.end()
	text := []byte(pingText)
	if err := s.put(w.ctx, s.key("ping"), bytes.NewReader(text), int64(len(text)), sha256.Sum256(text)); err != nil {
		return w.judge(fmt.Errorf("writing: %w", err))
	}
	body, _, _, err := s.client.GetObject(w.ctx, s.cfg.Bucket, s.key("ping"), minio.GetObjectOptions{})
	if err != nil {
		return w.judge(fmt.Errorf("reading back: %w", err))
	}
	defer body.Close()
	got, err := io.ReadAll(io.LimitReader(body, 2*int64(len(text))))
	if err == nil && !bytes.Equal(got, text) {
		err = errors.New("the bucket does not give back what was written")
	}
	return w.judge(err)
}

// key is the name of an object.
func (s *Store) key(name string) string {
	if s.cfg.Prefix == "" {
		return name
	}
	return s.cfg.Prefix + "/" + name
}

func (s *Store) blobKey(sum blob.Sum) string {
	name := sum.String()
	return s.key(name[:2] + "/" + name)
}
