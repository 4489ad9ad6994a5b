//go:build linux

package soaktest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/node"
	"github.com/opentcb/opentcb/internal/testserver"
	"github.com/opentcb/opentcb/tcb"
)

// contents is how many different pieces of code are uploaded, again and again:
// few, so that what is being collected comes back.
const contents = 60

// TestCollectionBesideUploads collects without grace, without a pause and from
// two clients, while code is uploaded, replaced and uploaded again: no code is
// lost, no function names code that is not there, and every checksum is right.
func TestCollectionBesideUploads(t *testing.T) {
	t.Run("SQLite and a folder", func(t *testing.T) {
		s := start(t, launch{data: filepath.Join(t.TempDir(), "data"), world: newWorld(t, 8)})
		collectBesideUploads(t, s, length(10_000, 100_000))
	})
	t.Run("Postgres and a bucket", func(t *testing.T) {
		bucket, database := testserver.StartS3(t), testserver.StartPostgres(t)
		s := start(t, launch{
			data: filepath.Join(t.TempDir(), "data"), world: newWorld(t, 8),
			args: []string{"--database", database.Database(), "--blobs", bucket.URL(bucket.Bucket(), "code")},
		})
		collectBesideUploads(t, s, length(600, 20_000))
	})
}

func collectBesideUploads(t *testing.T, s *server, uploads int) {
	clients := login(t, s, 8)
	operator := s.operator()
	var collected, again atomic.Int64
	ctx, stop := context.WithCancel(t.Context())
	var collectors sync.WaitGroup
	for range 2 {
		collectors.Go(func() {
			for ctx.Err() == nil {
				report, err := operator.Collect(t.Context(), 0, false, func(admin.CodeLine) error { return nil })
				if err != nil {
					t.Errorf("collection: %v", err)
					return
				}
				collected.Add(report.Found)
			}
		})
	}
	var uploaders sync.WaitGroup
	for n, c := range clients {
		uploaders.Go(func() {
			refused, err := uploadOften(c, n, uploads/len(clients))
			again.Add(refused)
			if err != nil {
				t.Errorf("client %d: %v", n, err)
			}
		})
	}
	uploaders.Wait()
	stop()
	collectors.Wait()
	report, err := operator.Scrub(t.Context(), func(l admin.CodeLine) error {
		if l.Finding != nil {
			t.Errorf("after all: %+v", *l.Finding)
		}
		return nil
	})
	must(t, "scrub", err)
	t.Logf("%d uploads, %d of them told to try again, %d pieces of code collected meanwhile, %d left", uploads, again.Load(), collected.Load(), report.Seen)
	if collected.Load() < int64(uploads/50) {
		t.Errorf("only %d pieces were collected: the two hardly met", collected.Load())
	}
}

// uploadOften uploads to a function of the client's own, over and over, and
// downloads what it uploaded. It says how often it was told to try again.
func uploadOften(c *client, n, uploads int) (again int64, err error) {
	env := envid(n, 0)
	key, err := c.codeSecret()
	if err != nil {
		return 0, err
	}
	if err := c.createFunction(env, "often"); err != nil {
		return 0, err
	}
	for i := 0; i < uploads; i++ {
		code := newZip(rand.Uint64N(contents), 3000)
		err := c.upload(env, "often", key, code)
		if code, ok := refused(err); ok && code == tcb.SystemError || err != nil && strings.Contains(err.Error(), "InternalError") {
			again++
			continue
		}
		if err != nil {
			return again, fmt.Errorf("upload %d: %w", i, err)
		}
		if sum, err := c.download(env, "often"); err != nil || sum != sumOf(code) {
			return again, fmt.Errorf("download after upload %d: %q, %w; want %s", i, sum, err, sumOf(code))
		}
	}
	return again, nil
}

// operator is the operator's client.
func (s *server) operator() *admin.Client {
	token, err := os.ReadFile(filepath.Join(s.data, node.AdminTokenFile))
	must(s.t, "admin token", err)
	return &admin.Client{URL: s.admin, Token: strings.TrimSpace(string(token))}
}
