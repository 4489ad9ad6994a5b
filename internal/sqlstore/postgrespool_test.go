package sqlstore

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/testserver"
)

// TestTooFewConnections lets three servers want more connections than there
// are: every read and change waits for one that is free.
func TestTooFewConnections(t *testing.T) {
	server := testserver.StartPostgres(t, testserver.Setting("max_connections", "20"))
	address := server.Database()
	var all sync.WaitGroup
	end := time.Now().Add(3 * time.Second)
	for range 3 {
		s := openPostgres(t, address)
		for i := range int64(20) {
			all.Go(func() {
				for time.Now().Before(end) {
					err := s.AppendRecords(t.Context(), []cloud.Record{{At: i, Action: "some"}})
					if err == nil {
						_, err = s.Account(t.Context(), "wx0000000000000000")
					}
					if !errors.Is(err, cloud.ErrNotFound) {
						t.Errorf("with too few connections: %v", err)
						return
					}
				}
			})
		}
	}
	all.Wait()
}

// TestPauseBetweenAttempts counts the connections that a store makes to a
// server that takes none.
func TestPauseBetweenAttempts(t *testing.T) {
	server := testserver.StartPostgres(t)
	s := openInTime(t, server.Database())
	server.Kill()
	there, err := net.Listen("tcp", server.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer there.Close()
	var attempts atomic.Int64
	go func() {
		for {
			conn, err := there.Accept()
			if err != nil {
				return
			}
			attempts.Add(1)
			conn.Close()
		}
	}()
	began := time.Now()
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for time.Since(began) < time.Second {
				_, err := s.Account(t.Context(), "wx0000000000000000")
				unavailable(t, "a read", err)
				unavailable(t, "a change", s.AppendRecords(t.Context(), []cloud.Record{{At: 1}}))
			}
		})
	}
	all.Wait()
	if most := int64(time.Since(began)/(100*time.Millisecond)) + 2; attempts.Load() > most {
		t.Errorf("%d attempts to connect, want %d at most", attempts.Load(), most)
	}
}
