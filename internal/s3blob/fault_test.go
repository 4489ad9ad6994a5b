package s3blob

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/blob"
	"github.com/opentcb/opentcb/internal/stall"
	"github.com/opentcb/opentcb/internal/testserver"
)

// put stores data.
func put(t testing.TB, s *Store, data []byte) (blob.Sum, error) {
	t.Helper()
	d, err := s.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Discard()
	if _, err := d.Write(data); err != nil {
		t.Fatal(err)
	}
	return d.Sum(), d.Commit(t.Context())
}

func mustPut(t testing.TB, s *Store, data []byte) blob.Sum {
	t.Helper()
	sum, err := put(t, s, data)
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

// opens wants Open to end as told, nil for well.
func opens(t testing.TB, s *Store, sum blob.Sum, want error) {
	t.Helper()
	b, err := s.Open(t.Context(), sum)
	if err == nil {
		b.Close()
	}
	if !errors.Is(err, want) {
		t.Errorf("Open: %v, want %v", err, want)
	}
}

// fails wants a fault of storage that shows no secret, and that nothing hangs.
func fails(t testing.TB, cfg Config, name string, do func() error) {
	t.Helper()
	begun := time.Now()
	err := do()
	switch took := time.Since(begun); {
	case err == nil:
		t.Errorf("%s succeeded", name)
		return
	case took > time.Minute:
		t.Errorf("%s failed after %v", name, took)
	}
	for _, other := range []error{blob.ErrNotFound, blob.ErrCorrupt, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, other) {
			t.Errorf("%s: %v is no fault of storage", name, err)
		}
	}
	if text := err.Error(); strings.Contains(text, cfg.SecretKey) || strings.Contains(text, cfg.AccessKey) {
		t.Errorf("%s shows a key", name)
	}
}

// everyFails wants everything that needs the bucket to fail.
func everyFails(t testing.TB, s *Store, sum blob.Sum) {
	t.Helper()
	fails(t, s.cfg, "Ping", func() error { return s.Ping(t.Context()) })
	fails(t, s.cfg, "Open", func() error { _, err := s.Open(t.Context(), sum); return err })
	fails(t, s.cfg, "Commit", func() error { _, err := put(t, s, []byte("late")); return err })
	fails(t, s.cfg, "Remove", func() error { return s.Remove(t.Context(), sum) })
	fails(t, s.cfg, "List", func() error {
		return s.List(t.Context(), func(blob.Sum, int64, time.Time) error { return nil })
	})
}

// atRest wants as many goroutines as before, soon.
func atRest(t testing.TB, before int) {
	t.Helper()
	for until := time.Now().Add(time.Minute); runtime.NumGoroutine() > before; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(until) {
			all := make([]byte, 1<<16)
			t.Fatalf("%d goroutines, %d before\n%s", runtime.NumGoroutine(), before, all[:runtime.Stack(all, true)])
		}
	}
}

func TestOpenSaysWhatToDo(t *testing.T) {
	server := testserver.StartS3(t)
	good := config(t, server, server.Bucket())
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*Config)
		want   string
	}{
		"no bucket":         {func(c *Config) { c.Bucket = "missing" }, "make the bucket"},
		"wrong access key":  {func(c *Config) { c.AccessKey = "unknown-key" }, "credentials are refused: correct"},
		"wrong secret key":  {func(c *Config) { c.SecretKey = "guessed-secret" }, "does not fit"},
		"half credentials":  {func(c *Config) { c.AccessKey = "" }, "or neither"},
		"wrong region":      {func(c *Config) { c.Region = "elsewhere-7" }, "region"},
		"HTTPS to HTTP":     {func(c *Config) { c.Insecure = false }, "http or https"},
		"nobody there":      {func(c *Config) { c.Endpoint = "127.0.0.1:1" }, "can be reached"},
		"name that is none": {func(c *Config) { c.PathStyle, c.Endpoint = false, "s3.invalid" }, "can be reached"},
		"file for a folder": {func(c *Config) { c.Cache = file }, "choose another folder"},
	} {
		cfg := good
		c.change(&cfg)
		fails(t, cfgKeys(good), name, func() error {
			s, err := Open(t.Context(), cfg)
			if err == nil {
				s.Close()
				return nil
			}
			for _, want := range []string{c.want, cfg.Bucket, "cannot keep code"} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%s: no %q in: %v", name, want, err)
				}
			}
			if cfg.SecretKey != good.SecretKey && strings.Contains(err.Error(), cfg.SecretKey) {
				t.Errorf("%s: the key is shown", name)
			}
			return err
		})
	}
}

func cfgKeys(c Config) Config { return Config{AccessKey: c.AccessKey, SecretKey: c.SecretKey} }

func TestCredentialsOfTheEnvironment(t *testing.T) {
	server := testserver.StartS3(t)
	cfg := config(t, server, server.Bucket())
	cfg.AccessKey, cfg.SecretKey, cfg.Region = "", "", ""
	for _, name := range []string{
		"AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY", "AWS_SESSION_TOKEN",
		"AWS_PROFILE", "AWS_REGION",
	} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	file := filepath.Join(t.TempDir(), "credentials")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", file)
	_, err := Open(t.Context(), cfg)
	if !errors.Is(err, errNoCredentials) || !strings.Contains(err.Error(), "AWS_ACCESS_KEY_ID") {
		t.Errorf("without credentials: %v", err)
	}
	t.Setenv("AWS_REGION", testserver.Region)
	text := "[default]\naws_access_key_id = " + server.AccessKey + "\naws_secret_access_key = " + server.SecretKey + "\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	openStore(t, server, cfg)
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_ACCESS_KEY_ID", server.AccessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", server.SecretKey)
	openStore(t, server, cfg)
}

// TestServerGone proves that a bucket that is away is a fault of storage that
// passes, whether or not a copy of the blob is at hand.
func TestServerGone(t *testing.T) {
	server := testserver.StartS3(t)
	before := runtime.NumGoroutine()
	s := openStore(t, server, config(t, server, server.Bucket()))
	read, unread := mustPut(t, s.Store, []byte("read before")), mustPut(t, s.Store, []byte("not read"))
	opens(t, s.Store, read, nil)
	server.Kill()
	everyFails(t, s.Store, read)
	fails(t, s.cfg, "Open", func() error { _, err := s.Open(t.Context(), unread); return err })
	server.Restart()
	opens(t, s.Store, read, nil)
	opens(t, s.Store, unread, nil)
	mustPut(t, s.Store, []byte("after"))
	s.Close()
	atRest(t, before)
}

// TestBucketGone proves that code is not told to be missing when all of it is.
func TestBucketGone(t *testing.T) {
	server := testserver.StartS3(t)
	s := openStore(t, server, config(t, server, server.Bucket()))
	sum := mustPut(t, s.Store, []byte("data"))
	opens(t, s.Store, sum, nil)
	if err := os.RemoveAll(server.File(s.cfg.Bucket, "")); err != nil {
		t.Fatal(err)
	}
	fails(t, s.cfg, "Open", func() error { _, err := s.Open(t.Context(), sum); return err })
	fails(t, s.cfg, "Open", func() error { _, err := s.Open(t.Context(), blob.Sum{7}); return err })
}

// TestServerHangs has a server that takes connections and says nothing.
func TestServerHangs(t *testing.T) {
	server := testserver.StartS3(t)
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	before := runtime.NumGoroutine()
	var hang atomic.Bool
	var tries atomic.Int64
	cfg := config(t, server, server.Bucket())
	cfg.patience = 700 * time.Millisecond
	cfg.dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		if hang.Load() {
			address = silent.Addr().String()
			tries.Add(1)
		}
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	s := openStore(t, server, cfg)
	sum := mustPut(t, s.Store, []byte("data"))
	hang.Store(true)
	s.transport.CloseIdleConnections()
	everyFails(t, s.Store, sum)
	tries.Store(0)
	var group sync.WaitGroup
	for range 50 { // many who want the same do not wait one after the other
		group.Go(func() {
			if _, err := s.Open(t.Context(), sum); !errors.Is(err, stall.ErrStalled) {
				t.Errorf("Open: %v", err)
			}
		})
	}
	if group.Wait(); tries.Load() > 25 {
		t.Errorf("%d tries for 50 who wait", tries.Load())
	}
	hang.Store(false)
	opens(t, s.Store, sum, nil)
	s.Close()
	atRest(t, before)
}

// TestServerDiesMidway kills the server while bytes are on their way in, and
// while they are on their way out.
func TestServerDiesMidway(t *testing.T) {
	server := testserver.StartS3(t)
	before := runtime.NumGoroutine()
	var fuse atomic.Int64 // bytes until the server dies
	burn := func(p []byte) {
		if left := fuse.Add(-int64(len(p))); left <= 0 && left > -int64(len(p)) {
			server.Kill()
		}
	}
	fuse.Store(1 << 40)
	cfg := config(t, server, server.Bucket())
	cfg.dial = tap(burn, burn)
	s := openStore(t, server, cfg)
	data := make([]byte, 24<<20) // more than the sockets' buffers hold

	fuse.Store(3 << 20)
	var sum blob.Sum
	fails(t, cfg, "Commit", func() (err error) { sum, err = put(t, s.Store, data); return err })
	fuse.Store(1 << 40)
	server.Restart()
	opens(t, s.Store, sum, blob.ErrNotFound)
	mustPut(t, s.Store, data)

	fuse.Store(3 << 20)
	fails(t, cfg, "Open", func() error { _, err := s.Open(t.Context(), sum); return err })
	fuse.Store(1 << 40)
	server.Restart()
	opens(t, s.Store, sum, nil)
	if n := s.drafts(t); n != 0 {
		t.Errorf("%d drafts are left", n)
	}
	s.Close()
	atRest(t, before)
}

// TestNoChunkedSigning looks at what goes over the wire to plain HTTP: COS and
// others refuse bodies in signed chunks, and trailers.
func TestNoChunkedSigning(t *testing.T) {
	server := testserver.StartS3(t)
	var mu sync.Mutex
	var sent strings.Builder
	cfg := config(t, server, server.Bucket())
	cfg.dial = tap(func(p []byte) {
		mu.Lock()
		defer mu.Unlock()
		sent.Write(p)
	}, func([]byte) {})
	s := openStore(t, server, cfg)
	sum := mustPut(t, s.Store, []byte("the body"))
	mu.Lock()
	defer mu.Unlock()
	text := strings.ToLower(sent.String())
	if !strings.Contains(text, "x-amz-content-sha256: "+sum.String()) {
		t.Error("the checksum of the body is not in the head")
	}
	for _, bad := range []string{
		"streaming-", "aws-chunked", "trailer", "transfer-encoding", "x-amz-checksum", "x-amz-sdk-checksum",
	} {
		if strings.Contains(text, bad) {
			t.Errorf("%s was sent", bad)
		}
	}
}
