package sqlstore

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/testserver"
)

// TestCommitIsNotCancelled lets COMMITs wait for a standby that is not there.
// Every caller is told in time that it is not known; nobody sees what waits,
// however often it is asked for; and what comes of it is the same for all.
//
// Proves: CS-4, EN-13
func TestCommitIsNotCancelled(t *testing.T) {
	server := testserver.StartPostgres(t)
	address := server.Database()
	stores := []*Store{openInTime(t, address), openInTime(t, address), openInTime(t, address)}
	const platform, appid = "wx00000000000000c1", "wx00000000000000a1"
	must(t, stores[0].Apply(t.Context(), []cloud.Change{
		cloud.PutPlatform{Platform: cloud.Platform{AppID: platform}},
		cloud.PutAccount{Account: cloud.Account{AppID: appid, Cloud: true}},
		cloud.PutAuthorization{Platform: platform, AppID: appid, Sets: []int{49}},
	}, nil))
	server.Desert()
	add := func(s *Store, key string) (string, error) {
		return s.AddCodeSecret(t.Context(), platform, appid, key, cloud.Record{At: 1, Action: "key"})
	}
	for round := range 2 {
		for i, s := range stores {
			unavailableSoon(t, fmt.Sprint("a key of store ", i), func() error {
				_, err := add(s, fmt.Sprint("key of ", round, i))
				return err
			})
			if key, err := s.CodeSecret(t.Context(), platform, appid); !errors.Is(err, cloud.ErrNotFound) {
				t.Fatalf("store %d shows the key %q (%v), which no standby has", i, key, err)
			}
		}
	}
	server.Synchronous("")
	var first string
	for i, s := range stores {
		var key string
		var err error
		for range 100 {
			if key, err = add(s, "another"); err == nil {
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
		if first == "" {
			first = key
		}
		if err != nil || key != first {
			t.Errorf("store %d has %q, %v; the first has %q", i, key, err, first)
		}
	}
}

// TestWaitingCommitsAreBounded makes more changes than connections may wait,
// while each COMMIT waits: all are answered in time, reads go on, and the
// server has no more connections than it was told of.
func TestWaitingCommitsAreBounded(t *testing.T) {
	server := testserver.StartPostgres(t)
	s := openInTime(t, server.Database())
	server.Desert()
	change := func(at int64) {
		unavailableSoon(t, "a change", func() error {
			return s.AppendRecords(t.Context(), []cloud.Record{{At: at, Action: "waits"}})
		})
	}
	var all sync.WaitGroup
	for i := range int64(4 * (pgWorkers + pgWaiting)) {
		time.Sleep(20 * time.Millisecond)
		all.Go(func() { change(i) })
	}
	all.Wait()
	var conns, waiting int
	// One whose time was over before its COMMIT began is replaced, and a read is made again.
	for begin := time.Now(); waiting < pgWorkers+pgWaiting; change(100) {
		err := s.read(t.Context()).row(`SELECT count(*), count(*) FILTER (WHERE wait_event = 'SyncRep')
			FROM pg_stat_activity WHERE datname = current_database()`, nil, &conns, &waiting)
		if time.Since(begin) > time.Minute {
			t.Fatalf("%d connections, %d of which wait, %v", conns, waiting, err)
		}
	}
	if conns > pgReaders+pgWorkers+pgWaiting+2 || waiting > pgWorkers+pgWaiting {
		t.Errorf("%d connections, %d of which wait", conns, waiting)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestCommitLost closes the connection of a COMMIT that waits: its change is
// not known, and stays unseen.
func TestCommitLost(t *testing.T) {
	server := testserver.StartPostgres(t)
	address := server.Database()
	s, other := openPostgres(t, address), openPostgres(t, address)
	server.Desert()
	const appid = "wx00000000000000a1"
	answer := make(chan error, 1)
	go func() {
		answer <- s.Apply(t.Context(), []cloud.Change{cloud.PutAccount{Account: cloud.Account{AppID: appid}}}, nil)
	}()
	waits := func() (n int) {
		query := "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
		if err := other.read(t.Context()).row(query, nil, &n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	for waits() == 0 {
		time.Sleep(time.Millisecond)
	}
	s.engine.(*postgresDB).commits.close()
	unavailable(t, "a change whose connection broke", <-answer)
	time.Sleep(300 * time.Millisecond) // as long as a request to cancel would take
	if _, err := other.Account(t.Context(), appid); !errors.Is(err, cloud.ErrNotFound) || waits() != 1 {
		t.Errorf("another server shows what no standby has: %v", err)
	}
}

// TestBatchGivenAgain gives records again and again while their COMMIT waits for
// a standby: they are there once when it is over.
func TestBatchGivenAgain(t *testing.T) {
	server := testserver.StartPostgres(t)
	s := openInTime(t, server.Database())
	server.Desert()
	recs := []cloud.Record{{At: 1, RID: "one"}, {At: 2, RID: "two"}}
	for range 2 {
		unavailable(t, "records that wait for a standby", s.AppendRecords(t.Context(), recs))
		unavailable(t, "refusals that wait for a standby", s.AppendRefusals(t.Context(), recs))
	}
	server.Synchronous("")
	for begin := time.Now(); ; {
		err := errors.Join(s.AppendRecords(t.Context(), recs), s.AppendRefusals(t.Context(), recs))
		if err == nil {
			break
		}
		unavailable(t, "records, once more", err)
		if time.Since(begin) > 30*time.Second {
			t.Fatal(err)
		}
	}
	var audit, refused []cloud.Record
	err := errors.Join(
		s.Records(t.Context(), cloud.RecordFilter{}, func(r cloud.Record) error { audit = append(audit, r); return nil }),
		s.Refusals(t.Context(), 0, 10, func(r cloud.Record) error { refused = append(refused, r); return nil }))
	if err != nil || !slices.Equal(audit, recs) || len(refused) != len(recs) {
		t.Errorf("records %v, refusals %v, %v; want each once", audit, refused, err)
	}
}
