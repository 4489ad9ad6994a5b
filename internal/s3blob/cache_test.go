package s3blob

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/blob"
	"github.com/opentcb/opentcb/internal/testserver"
)

// reads wants a blob to be there and to have these bytes.
func reads(t testing.TB, s *Store, sum blob.Sum, want []byte) {
	t.Helper()
	b, err := s.Open(t.Context(), sum)
	if err != nil {
		t.Error(err)
		return
	}
	defer b.Close()
	if got, err := io.ReadAll(b); err != nil || !bytes.Equal(got, want) || b.Intact() != nil {
		t.Errorf("read %d bytes, %v, %v", len(got), err, b.Intact())
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
		group.Go(func() { reads(t, s.Store, sum, data) })
	}
	group.Wait()
	opens(t, s.Store, sum, nil)
	if n := read.Load(); n > int64(len(data))*3/2 {
		t.Errorf("%d bytes came for a blob of %d", n, len(data))
	}
}

// TestCallerLeavesTheFetchToTheOthers has the caller whose fetch it is give up
// while others wait for it, and another that gives up waiting.
func TestCallerLeavesTheFetchToTheOthers(t *testing.T) {
	server := testserver.StartS3(t)
	var read atomic.Int64
	var halt atomic.Bool
	begun, resume := make(chan struct{}, 100), make(chan struct{})
	cfg := config(t, server, server.Bucket())
	cfg.dial = tap(func([]byte) {}, func(p []byte) {
		read.Add(int64(len(p)))
		if halt.Load() {
			begun <- struct{}{}
			<-resume
		}
	})
	s := openStore(t, server, cfg)
	data := bytes.Repeat([]byte("kept"), 1<<19)
	sum := mustPut(t, s.Store, data)
	read.Store(0)
	halt.Store(true)
	first, leave := context.WithCancel(t.Context())
	var group sync.WaitGroup
	wants := func(ctx context.Context, want error) {
		group.Go(func() {
			if _, err := s.Open(ctx, sum); !errors.Is(err, want) {
				t.Errorf("Open: %v, want %v", err, want)
			}
		})
	}
	wants(first, context.Canceled)
	<-begun
	for range 5 {
		group.Go(func() { reads(t, s.Store, sum, data) })
	}
	hasty, stop := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer stop()
	wants(hasty, context.DeadlineExceeded)
	<-hasty.Done()
	leave()
	time.Sleep(50 * time.Millisecond) // for the one who leaves to have left
	halt.Store(false)
	close(resume)
	group.Wait()
	if n := read.Load(); n > int64(len(data))*3/2 {
		t.Errorf("%d bytes came for a blob of %d", n, len(data))
	}
	if len(s.cache.held) != 0 {
		t.Errorf("held: %v", s.cache.held)
	}
}

// copies returns the names of the copies in the folder, and their bytes.
func (s stored) copies(t *testing.T) (names map[blob.Sum]bool, size int64) {
	t.Helper()
	names = map[blob.Sum]bool{}
	err := s.cache.dir.List(t.Context(), func(sum blob.Sum, n int64, _ time.Time) error {
		names[sum], size = true, size+n
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names, size
}

// TestCopiesAreBounded has room for three copies of ten, and keeps those that
// were used last.
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
	defer held.Close()
	for _, sum := range sums[:9] {
		opens(t, s.Store, sums[0], nil)
		opens(t, s.Store, sum, nil)
		if kept, size := s.copies(t); size > cfg.room || size != s.cache.bytes || len(kept) != len(s.cache.copies) {
			t.Fatalf("%d copies of %d bytes, known are %d of %d", len(kept), size, len(s.cache.copies), s.cache.bytes)
		}
	}
	if kept, _ := s.copies(t); !kept[sums[0]] || !kept[sums[8]] || kept[sums[9]] {
		t.Error("kept are not those that were used last")
	}
	if got, err := io.ReadAll(held); err != nil || len(got) != 1000 || held.Intact() != nil {
		t.Errorf("a copy that was being read: %d bytes, %v, %v", len(got), err, held.Intact())
	}
	large := make([]byte, 3001)
	reads(t, s.Store, mustPut(t, s.Store, large), large)
	if _, size := s.copies(t); size > cfg.room {
		t.Errorf("%d bytes after a blob that is too large for the room", size)
	}
}

// TestEvictionLeavesWhatIsBeingRead has many read more than there is room for.
func TestEvictionLeavesWhatIsBeingRead(t *testing.T) {
	server := testserver.StartS3(t)
	cfg := config(t, server, server.Bucket())
	cfg.room = 1500
	s := openStore(t, server, cfg)
	var group sync.WaitGroup
	for i := range 8 {
		data := bytes.Repeat([]byte{byte(i)}, 1000+i%2*1000)
		sum := mustPut(t, s.Store, data)
		for range 3 {
			group.Go(func() {
				for range 10 {
					reads(t, s.Store, sum, data)
				}
			})
		}
	}
	group.Wait()
	if _, size := s.copies(t); size > cfg.room || size != s.cache.bytes || len(s.cache.held) != 0 {
		t.Errorf("%d bytes, known are %d; held: %v", size, s.cache.bytes, s.cache.held)
	}
}

// TestStartEmptiesTheCache starts on a folder that a killed process left.
func TestStartEmptiesTheCache(t *testing.T) {
	server := testserver.StartS3(t)
	cfg := config(t, server, server.Bucket())
	s := openStore(t, server, cfg)
	data := []byte("left behind")
	sum := mustPut(t, s.Store, data)
	reads(t, s.Store, sum, data)
	name := sum.String()
	copied := filepath.Join(cfg.Cache, name[:2], name)
	draft := filepath.Join(cfg.Cache, "tmp", "draft-ABCDEFGHIJKLMNOPQRSTUVWXYZ")
	notes := filepath.Join(cfg.Cache, "notes.txt")
	if err := errors.Join(
		os.WriteFile(copied, []byte("half of"), 0o600), os.WriteFile(draft, []byte("half"), 0o600),
		os.WriteFile(notes, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	again := openStore(t, server, cfg)
	for _, path := range []string{copied, draft} {
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is still there: %v", path, err)
		}
	}
	if _, err := os.Stat(notes); err != nil {
		t.Errorf("not ours to remove: %v", err)
	}
	reads(t, again.Store, sum, data)
	reads(t, s.Store, sum, data)
}

// TestDamagedCopy damages and removes copies on this machine: it has nothing
// to do with the bucket's objects, which are fetched again.
func TestDamagedCopy(t *testing.T) {
	server := testserver.StartS3(t)
	cfg := config(t, server, server.Bucket())
	s := openStore(t, server, cfg)
	data := []byte("rots on this machine")
	sum := mustPut(t, s.Store, data)
	reads(t, s.Store, sum, data)
	path := filepath.Join(cfg.Cache, sum.String()[:2], sum.String())
	for _, damage := range []func() error{
		func() error { return os.WriteFile(path, []byte("ROTS on this machine"), 0o600) },
		func() error { return os.Remove(path) },
		func() error { return os.RemoveAll(filepath.Dir(path)) },
	} {
		if err := damage(); err != nil {
			t.Fatal(err)
		}
		reads(t, s.Store, sum, data)
	}
	if err := os.RemoveAll(filepath.Join(cfg.Cache, "tmp")); err != nil {
		t.Fatal(err)
	}
	reads(t, s.Store, sum, data) // from the copy
	unread := mustPut(t, openStore(t, server, config(t, server, cfg.Bucket)).Store, []byte("not read yet"))
	fails(t, cfg, "Open", func() error { _, err := s.Open(t.Context(), unread); return err })
	fails(t, cfg, "Create", func() error { _, err := s.Create(t.Context()); return err })
	fails(t, cfg, "Ping", func() error { return s.Ping(t.Context()) })
}
