package s3blob

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/blob"
	"github.com/opentcb/opentcb/internal/testserver"
)

// Proves: DF-11 for bytes that rot in the bucket and leave no trace in what it
// tells of them.
func TestSilentRotIsFoundInTenMinutes(t *testing.T) {
	server := testserver.StartS3(t)
	var ahead atomic.Int64
	cfg := config(t, server, server.Bucket())
	cfg.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	s := openStore(t, server, cfg)
	sum := mustPut(t, s.Store, []byte("rots silently"))
	opens(t, s.Store, sum, nil)
	name := server.File(cfg.Bucket, s.blobKey(sum))
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(
		os.WriteFile(name, []byte("ROTS silently"), 0o600), os.Chtimes(name, info.ModTime(), info.ModTime()))
	if err != nil {
		t.Fatal(err)
	}
	ahead.Store(int64(trustFor - time.Minute))
	b, err := s.Open(t.Context(), sum)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if got, err := io.ReadAll(b); string(got) != "rots silently" || err != nil {
		t.Errorf("read %q, %v: not the copy that was verified", got, err)
	}
	ahead.Store(int64(trustFor))
	opens(t, s.Store, sum, blob.ErrCorrupt)
	ahead.Store(0)
	opens(t, s.Store, sum, blob.ErrCorrupt)
	mustPut(t, s.Store, []byte("rots silently"))
	opens(t, s.Store, sum, nil)
	ahead.Store(int64(-time.Hour)) // a clock set back makes nothing trusted for longer
	if _, ok := s.cache.source(sum); ok {
		t.Error("a verification of the future is believed")
	}
}

// TestVirtualHost uses a bucket that is addressed as BUCKET.DOMAIN.
func TestVirtualHost(t *testing.T) {
	server := testserver.StartS3Domain(t, "s3.test")
	before := runtime.NumGoroutine()
	cfg := config(t, server, server.Bucket())
	cfg.PathStyle, cfg.Endpoint, cfg.dial = false, server.Host(), server.Dial
	s := openStore(t, server, cfg)
	data := []byte("addressed by name")
	sum := mustPut(t, s.Store, data)
	opens(t, s.Store, sum, nil)
	opens(t, s.Store, blob.Sum{7}, blob.ErrNotFound)
	listed := 0
	err := s.List(t.Context(), func(blob.Sum, int64, time.Time) error { listed++; return nil })
	if err != nil || listed != 1 {
		t.Errorf("List: %d, %v", listed, err)
	}
	link, err := s.Presign(t.Context(), sum, time.Minute, "f.zip")
	if err != nil || !strings.HasPrefix(link, "http://"+cfg.Bucket+"."+server.Host()+"/") {
		t.Fatalf("%s, %v", link, err)
	}
	client := &http.Client{Transport: &http.Transport{DialContext: server.Dial, DisableKeepAlives: true}}
	if answer, body := get(t, client, link); answer.StatusCode != http.StatusOK || !bytes.Equal(body, data) {
		t.Errorf("%s: %s", answer.Status, body)
	}
	if err := s.Remove(t.Context(), sum); err != nil {
		t.Error(err)
	}
	s.Close()
	atRest(t, before)
}

func get(t *testing.T, client *http.Client, link string) (*http.Response, []byte) {
	t.Helper()
	answer, err := client.Get(link)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, body
}

func TestPresign(t *testing.T) {
	server := testserver.StartS3(t)
	s := openStore(t, server, config(t, server, server.Bucket()))
	data := []byte("a zip's bytes")
	sum := mustPut(t, s.Store, data)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	short, err := s.Presign(t.Context(), sum, time.Second, "f.zip")
	if err != nil {
		t.Fatal(err)
	}
	made := time.Now()
	link, err := s.Presign(t.Context(), sum, time.Hour, `my "function" 函数.zip`)
	if err != nil || strings.Contains(link, server.SecretKey) {
		t.Fatal(err)
	}
	answer, body := get(t, client, link)
	if answer.StatusCode != http.StatusOK || !bytes.Equal(body, data) ||
		answer.Header.Get("Content-Type") != "application/zip" ||
		!strings.HasPrefix(answer.Header.Get("Content-Disposition"), "attachment; filename*=utf-8''my%20%22function%22%20") {
		t.Errorf("%s %v: %s", answer.Status, answer.Header, body)
	}
	for _, altered := range []string{
		strings.Replace(link, "X-Amz-Expires=3600", "X-Amz-Expires=36000", 1),
		strings.Replace(link, sum.String(), blob.Sum{7}.String(), 1),
	} {
		if answer, _ := get(t, client, altered); altered == link || answer.StatusCode != http.StatusForbidden {
			t.Errorf("an altered link: %s", answer.Status)
		}
	}
	for _, expires := range []time.Duration{0, -1, 8 * 24 * time.Hour} {
		if _, err := s.Presign(t.Context(), sum, expires, "f.zip"); err == nil {
			t.Errorf("a link of %v was made", expires)
		}
	}
	if _, err := s.Presign(t.Context(), sum, time.Minute, ""); err == nil {
		t.Error("a link without a name was made")
	}
	time.Sleep(time.Until(made.Add(2100 * time.Millisecond)))
	if answer, _ := get(t, client, short); answer.StatusCode != http.StatusForbidden {
		t.Errorf("a link that expired: %s", answer.Status)
	}
}
