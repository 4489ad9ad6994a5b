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
	"time"

	"github.com/minio/minio-go/v7"
	"golang.org/x/sync/singleflight"

	"github.com/opentcb/opentcb/internal/blob"
	"github.com/opentcb/opentcb/internal/stall"
)

// Config is which bucket to use, and how to reach it. Bucket and Cache are needed.
// [ParseURL] makes one from text, without Cache. Printed with %v it shows no credentials.
type Config struct {
	Bucket string // has to exist
	// Prefix is where in the bucket the blobs are: "" or "a/b", no slash at
	// either end. Deployments that share a bucket have prefixes of their own.
	Prefix string
	// Endpoint is HOST or HOST:PORT, "" for AWS.
	Endpoint string
	// Region is what requests are signed for. "" is AWS_REGION, else
	// AWS_DEFAULT_REGION, else the one in the endpoint's name, else us-east-1.
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
	// Cache is the folder of local files, which one Store uses at a time: drafts
	// under way, and verified copies (256 MiB of them, and those being read). It
	// is needed, and should be a disk, not memory. It is made if it is not there.
	Cache string
	// Now is the clock by which verifications grow old, nil for time.Now.
	Now func() time.Time

	dial     dialer        // nil for the default; tests use names that no DNS has
	patience time.Duration // 0 for the default
	room     int64         // bytes of copies; 0 for the default
}

type dialer func(ctx context.Context, network, address string) (net.Conn, error)

const (
	// patience is how long the bucket may do nothing for us, and how long
	// something that moves few bytes may take in all.
	patience = 5 * time.Second
	// longest bounds the transfer of one object that trickles.
	longest = 15 * time.Minute
)

// Store is a [blob.Store] and a [blob.Collector] in a bucket.
type Store struct {
	cfg       Config
	client    minio.Core
	transport *http.Transport
	cache     *cache
	fetches   singleflight.Group
	life      context.Context // of fetches, which belong to no one caller
	close     context.CancelFunc
}

var _ blob.Collector = (*Store)(nil)

// Open opens a bucket, and writes and reads a small object in it, so that a
// bucket that cannot be used is found at start and not at the first upload. It
// empties the folder of the cache. The error says what to do, and shows no
// credentials. The caller closes the Store.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	s, err := open(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("blob: cannot keep code in %s: %w; %s", cfg, err, advice(err))
	}
	if s.cache, err = openCache(ctx, s.cfg); err != nil {
		s.transport.CloseIdleConnections()
		return nil, fmt.Errorf("blob: no local files for code in %s: %w", cfg, err)
	}
	s.life, s.close = context.WithCancel(context.Background())
	return s, nil
}

func open(ctx context.Context, cfg Config) (*Store, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.patience == 0 {
		cfg.patience = patience
	}
	if cfg.room == 0 {
		cfg.room = cacheRoom
	}
	transport := newTransport(cfg)
	client, err := newClient(cfg, transport)
	if err != nil {
		return nil, err
	}
	s := &Store{cfg: cfg, transport: transport, client: minio.Core{Client: client}}
	if err := s.ping(ctx); err != nil {
		transport.CloseIdleConnections()
		return nil, err
	}
	return s, nil
}

// Close lets go of connections and of the cache. Drafts and blobs that are open
// must not be used any more.
func (s *Store) Close() error {
	s.close()
	s.transport.CloseIdleConnections()
	return s.cache.dir.Close()
}

// watch starts to watch a request: the bucket has to answer in time.
func (s *Store) watch(ctx context.Context) *stall.Watch {
	return stall.New(ctx, s.cfg.patience, time.Now().Add(longest), nil)
}

// Ping writes a small object and reads it back, and tries the local folder. It
// takes a few seconds at most, like everything that moves few bytes.
func (s *Store) Ping(ctx context.Context) error {
	err := s.ping(ctx)
	if err == nil {
		err = s.cache.dir.Ping(ctx)
	}
	if err != nil {
		return fmt.Errorf("blob: %s: %w", s.cfg, err)
	}
	return nil
}

// pingText is the same for all, so that pings that cross do no harm.
const pingText = "opentcb keeps code here\n"

func (s *Store) ping(ctx context.Context) error {
	w := s.watch(ctx)
	defer w.End()
	text := []byte(pingText)
	if err := s.put(w.Context(), s.key("ping"), bytes.NewReader(text), int64(len(text)), sha256.Sum256(text)); err != nil {
		return w.Judge(fmt.Errorf("writing: %w", err))
	}
	body, _, _, err := s.client.GetObject(w.Context(), s.cfg.Bucket, s.key("ping"), minio.GetObjectOptions{})
	if err != nil {
		return w.Judge(fmt.Errorf("reading back: %w", err))
	}
	defer body.Close()
	got, err := io.ReadAll(io.LimitReader(body, 2*int64(len(text))))
	if err == nil && !bytes.Equal(got, text) {
		err = errors.New("the bucket does not give back what was written")
	}
	return w.Judge(err)
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
