package testserver

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"
)

// TestS3 stores, reads, and reads again after a crash.
func TestS3(t *testing.T) {
	for _, domain := range []string{"", "s3.test"} {
		s := StartS3Domain(t, domain)
		bucket, client, data := s.Bucket(), s.Client(), []byte("some bytes")
		options := minio.PutObjectOptions{DisableContentSha256: true}
		_, err := client.PutObject(t.Context(), bucket, "a/b", bytes.NewReader(data), int64(len(data)), options)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			object, err := client.GetObject(t.Context(), bucket, "a/b", minio.GetObjectOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(object); err != nil || !bytes.Equal(got, data) {
				t.Errorf("%q, %v", got, err)
			}
			object.Close()
			s.Restart()
		}
		if url := s.URL(bucket, "p"); strings.Contains(url, s.SecretKey) || !strings.Contains(url, "sk%2F") {
			t.Error("the URL is not encoded")
		}
	}
}
