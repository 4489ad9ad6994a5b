package s3blob

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
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
	if err := errors.Join(os.WriteFile(name, []byte("ROTS silently"), 0o600), os.Chtimes(name, info.ModTime(), info.ModTime())); err != nil {
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
	if v := s.copies.get(sum, s.cfg.Now()); v != nil {
		t.Error("a verification of the future is believed")
	}
}

// TestFetchedOnce reads one blob at the same time and again: its bytes come
// from the bucket once.
func TestFetchedOnce(t *testing.T) {
	server := testserver.StartS3(t)
	var read atomic.Int64
	cfg := config(t, server, server.Bucket())
	cfg.dial = tap(func([]byte) {}, func(p []byte) { read.Add(int64(len(p))) })
	s := openStore(t, server, cfg)
	data := bytes.Repeat([]byte("once"), 1<<19)
	sum := mustPut(t, s.Store, data)
	read.Store(0)
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			b, err := s.Open(t.Context(), sum)
			if err != nil {
				t.Error(err)
				return
			}
			defer b.Close()
			if got, err := io.ReadAll(b); err != nil || !bytes.Equal(got, data) {
				t.Errorf("read %d bytes, %v", len(got), err)
			}
		})
	}
	group.Wait()
	opens(t, s.Store, sum, nil)
	if n := read.Load(); n > int64(len(data))*3/2 {
		t.Errorf("%d bytes came for a blob of %d", n, len(data))
	}
}

// TestWhoWaitsOutlivesWhoFetches gives up the fetch that others wait for.
func TestWhoWaitsOutlivesWhoFetches(t *testing.T) {
	c := newCopies(1 << 20)
	ctx, cancel := context.WithCancel(t.Context())
	begun, sum := make(chan struct{}), blob.Sum{1}
	var group sync.WaitGroup
	group.Go(func() {
		_, err := c.fetch(ctx, sum, func(ctx context.Context, _ blob.Sum) (*verified, error) {
			close(begun)
			<-ctx.Done()
			return nil, ctx.Err()
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("who fetched: %v", err)
		}
	})
	<-begun
	folder := t.TempDir()
	for range 5 {
		group.Go(func() {
			v, err := c.fetch(t.Context(), sum, func(context.Context, blob.Sum) (*verified, error) {
				f, err := newScratch(folder, "copy")
				return &verified{file: f, at: time.Now()}, err
			})
			if err != nil {
				t.Errorf("who waited: %v", err)
				return
			}
			if err := c.release(v); err != nil {
				t.Error(err)
			}
		})
	}
	hasty, stop := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer stop()
	if _, err := c.fetch(hasty, sum, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("who left: %v", err)
	}
	cancel()
	group.Wait()
	v := c.kept[sum]
	if v == nil || v.users != 1 || len(c.coming) != 0 {
		t.Fatalf("kept %+v, coming %d", v, len(c.coming))
	}
	if err := c.close(); err != nil || v.users != 0 {
		t.Errorf("close: %v, %d users", err, v.users)
	}
}

// TestCopiesAreBounded has room for three copies of ten, and keeps those that
// were asked for last.
func TestCopiesAreBounded(t *testing.T) {
	server := testserver.StartS3(t)
	cfg := config(t, server, server.Bucket())
	cfg.room = 3000
	s := openStore(t, server, cfg)
	var sums []blob.Sum
	for i := range 10 {
		sums = append(sums, mustPut(t, s.Store, bytes.Repeat([]byte{byte(i)}, 1000)))
	}
	held, err := s.Open(t.Context(), sums[9])
	if err != nil {
		t.Fatal(err)
	}
	for _, sum := range sums[:9] {
		opens(t, s.Store, sums[0], nil)
		opens(t, s.Store, sum, nil)
		if s.copies.bytes > cfg.room || int64(len(s.copies.kept))*1000 != s.copies.bytes {
			t.Fatalf("%d copies of %d bytes", len(s.copies.kept), s.copies.bytes)
		}
	}
	if s.copies.kept[sums[0]] == nil || s.copies.kept[sums[8]] == nil || s.copies.kept[sums[9]] != nil {
		t.Error("kept are not those that were asked for last")
	}
	if got, err := io.ReadAll(held); err != nil || len(got) != 1000 {
		t.Errorf("a copy that was being read: %d bytes, %v", len(got), err)
	}
	large := mustPut(t, s.Store, make([]byte, 3001))
	opens(t, s.Store, large, nil)
	if s.copies.kept[large] != nil || len(s.copies.kept) != 3 {
		t.Error("a blob too large for the room took it")
	}
	if err := errors.Join(held.Close(), held.Close(), s.Close()); err != nil {
		t.Error(err)
	}
	if s.copies.bytes != 0 || openCopies(t, cfg.TempDir) != 0 {
		t.Errorf("%d bytes, %d files after Close", s.copies.bytes, openCopies(t, cfg.TempDir))
	}
}

func openCopies(t *testing.T, folder string) (n int) {
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if link, _ := os.Readlink("/proc/self/fd/" + f.Name()); strings.HasPrefix(link, folder) {
			n++
		}
	}
	return n
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
	if err := s.List(t.Context(), func(blob.Sum, int64, time.Time) error { listed++; return nil }); err != nil || listed != 1 {
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
	if answer.StatusCode != http.StatusOK || !bytes.Equal(body, data) || answer.Header.Get("Content-Type") != "application/zip" ||
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
