package testserver

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// Region is the region of every S3 server.
const Region = "test-1"

// S3 is an S3 server of the test's own, over HTTP.
type S3 struct {
	// Endpoint is 127.0.0.1:PORT.
	Endpoint string
	// AccessKey and SecretKey are credentials that may do everything. The
	// secret key has a character that a URL encodes.
	AccessKey, SecretKey string
	// Domain is under which buckets are addressed as BUCKET.DOMAIN, "" if they
	// are addressed by path. No DNS has it; it stands for 127.0.0.1.
	Domain string

	t      testing.TB
	path   string // of the program
	folder string
	cmd    *exec.Cmd
	log    *os.File
	client *minio.Client
}

// StartS3 starts a server, which the test kills at its end. On a machine where
// the server cannot be had the test is skipped, or fails where OPENTCB_TEST_ALL
// is set.
func StartS3(t testing.TB) *S3 { return StartS3Domain(t, "") }

// StartS3Domain starts a server that addresses buckets under a domain, and not
// by path.
func StartS3Domain(t testing.TB, domain string) *S3 {
	t.Helper()
	s := &S3{
		t: t, Domain: domain, path: gateway(t), folder: t.TempDir(),
		AccessKey: "AK" + rand.Text(), SecretKey: "sk/" + rand.Text(),
	}
	for _, name := range []string{"objects", "about"} {
		if err := os.Mkdir(filepath.Join(s.folder, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if s.log, err = os.Create(filepath.Join(s.folder, "log")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Kill()
		s.log.Close()
	})
	for range 5 { // somebody else may take the port
		port, err := freePort()
		if err != nil {
			t.Fatal(err)
		}
		s.Endpoint = fmt.Sprintf("127.0.0.1:%d", port)
		if err = s.start(); err == nil {
			s.client = s.newClient()
			return s
		}
	}
	t.Fatal(err)
	return nil
}

func (s *S3) start() error {
	args := []string{"--port", s.Endpoint, "--region", Region, "--health", "/healthy", "--keep-alive", "--quiet"}
	if s.Domain != "" {
		args = append(args, "--virtual-domain", s.Domain)
	}
	args = append(args, "posix", "--sidecar", filepath.Join(s.folder, "about"), filepath.Join(s.folder, "objects"))
	s.cmd = exec.Command(s.path, args...)
	s.cmd.Dir = s.folder
	s.cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY_ID="+s.AccessKey, "ROOT_SECRET_ACCESS_KEY="+s.SecretKey)
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	if err := s.cmd.Start(); err != nil {
		return err
	}
	for until := time.Now().Add(10 * time.Second); time.Now().Before(until); time.Sleep(20 * time.Millisecond) {
		if s.answers() {
			return nil
		}
	}
	s.Kill()
	text, _ := os.ReadFile(s.log.Name())
	return fmt.Errorf("%s does not answer:\n%s", s.path, text)
}

func (s *S3) answers() bool {
	client := http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Get("http://" + s.Endpoint + "/healthy")
	if err != nil {
		return false
	}
	answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

// Kill ends the server at once, as a crash does.
func (s *S3) Kill() {
	if s.cmd == nil {
		return
	}
	s.cmd.Process.Kill()
	s.cmd.Wait()
	s.cmd = nil
}

// Restart starts a server that was killed, on the same port and objects.
func (s *S3) Restart() {
	s.t.Helper()
	s.Kill()
	if err := s.start(); err != nil {
		s.t.Fatal(err)
	}
}

// Client returns a client of the server that may do everything.
func (s *S3) Client() *minio.Client { return s.client }

func (s *S3) newClient() *minio.Client {
	s.t.Helper()
	transport := &http.Transport{DialContext: s.Dial, DisableKeepAlives: true} // tests count connections
	endpoint, lookup := s.Endpoint, minio.BucketLookupPath
	if s.Domain != "" {
		endpoint, lookup = s.Host(), minio.BucketLookupDNS
	}
	c, err := minio.New(endpoint, &minio.Options{
		Creds:  credentials.NewStaticV4(s.AccessKey, s.SecretKey, ""),
		Region: Region, BucketLookup: lookup, Transport: transport, MaxRetries: 1,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// Host returns DOMAIN:PORT.
func (s *S3) Host() string {
	_, port, _ := net.SplitHostPort(s.Endpoint)
	return net.JoinHostPort(s.Domain, port)
}

// Dial connects to the server, whatever the address.
func (s *S3) Dial(ctx context.Context, network, _ string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, network, s.Endpoint)
}

// Bucket makes an empty bucket and returns its name.
func (s *S3) Bucket() string {
	s.t.Helper()
	name := fmt.Sprintf("bucket-%x", time.Now().UnixNano())
	if err := s.Client().MakeBucket(s.t.Context(), name, minio.MakeBucketOptions{Region: Region}); err != nil {
		s.t.Fatal(err)
	}
	return name
}

// URL returns s3://…, with credentials, of a bucket that is addressed by path.
func (s *S3) URL(bucket, prefix string) string {
	u := url.URL{
		Scheme: "s3", Host: bucket, Path: "/" + prefix, User: url.UserPassword(s.AccessKey, s.SecretKey),
		RawQuery: url.Values{"endpoint": {"http://" + s.Endpoint}, "region": {Region}, "path-style": {"true"}}.Encode(),
	}
	return u.String()
}

// File returns the path of the file in which the server keeps an object.
func (s *S3) File(bucket, key string) string {
	return filepath.Join(s.folder, "objects", bucket, filepath.FromSlash(key))
}

// Replace puts other bytes in the place of an object.
func (s *S3) Replace(bucket, key string, data []byte) {
	s.t.Helper()
	_, err := s.Client().PutObject(s.t.Context(), bucket, key, bytes.NewReader(data), int64(len(data)),
		minio.PutObjectOptions{})
	if err != nil {
		s.t.Fatal(err)
	}
}
