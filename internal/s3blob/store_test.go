package s3blob

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/minio/minio-go/v7"

	"github.com/opentcb/opentcb/internal/blob"
	"github.com/opentcb/opentcb/internal/blobtest"
	"github.com/opentcb/opentcb/internal/testserver"
)

// stored is a Store that knows its server.
type stored struct {
	*Store
	server *testserver.S3
}

func config(t testing.TB, server *testserver.S3, bucket string) Config {
	return Config{
		Bucket: bucket, Prefix: "some/where", Endpoint: server.Endpoint, Region: testserver.Region,
		PathStyle: true, Insecure: true,
		AccessKey: server.AccessKey, SecretKey: server.SecretKey, Cache: t.TempDir(),
	}
}

func openStore(t testing.TB, server *testserver.S3, cfg Config) stored {
	t.Helper()
	s, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return stored{s, server}
}

// alter replaces the object, as somebody with the bucket's credentials could.
func (s stored) alter(t *testing.T, sum blob.Sum, change func([]byte) []byte) {
	t.Helper()
	client := s.server.Client()
	object, err := client.GetObject(t.Context(), s.cfg.Bucket, s.blobKey(sum), minio.GetObjectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer object.Close()
	data, err := io.ReadAll(object)
	if err != nil {
		t.Fatal(err)
	}
	data = change(data)
	options := minio.PutObjectOptions{DisableContentSha256: true}
	body, size := bytes.NewReader(data), int64(len(data))
	if _, err := client.PutObject(t.Context(), s.cfg.Bucket, s.blobKey(sum), body, size, options); err != nil {
		t.Fatal(err)
	}
}

// drafts counts the local files of drafts, and what is in the bucket that is
// neither blob nor ping.
func (s stored) drafts(t *testing.T) int {
	t.Helper()
	local, err := os.ReadDir(filepath.Join(s.cfg.Cache, "tmp"))
	if err != nil {
		t.Fatal(err)
	}
	n, client := len(local), s.server.Client()
	for info := range client.ListObjectsIter(t.Context(), s.cfg.Bucket, minio.ListObjectsOptions{Recursive: true}) {
		if _, isBlob := s.sumOf(info.Key); info.Err != nil || !isBlob && info.Key != s.key("ping") {
			n++
		}
	}
	for info := range client.ListIncompleteUploads(t.Context(), s.cfg.Bucket, "", true) {
		t.Errorf("an upload is left: %s, %v", info.Key, info.Err)
	}
	return n
}

func examine(t *testing.T, open func(t *testing.T) blob.Store) {
	blobtest.Run(t, open, blobtest.Hooks{
		Reopen: func(t *testing.T, s blob.Store) blob.Store {
			return openStore(t, s.(stored).server, s.(stored).cfg)
		},
		Alter: func(t *testing.T, s blob.Store, sum blob.Sum, change func([]byte) []byte) {
			s.(stored).alter(t, sum, change)
		},
		Drafts: func(t *testing.T, s blob.Store) int { return s.(stored).drafts(t) },
	})
}

func TestStorePassesTheExam(t *testing.T) {
	server := testserver.StartS3(t)
	examine(t, func(t *testing.T) blob.Store { return openStore(t, server, config(t, server, server.Bucket())) })
}
