package sqlstore

import (
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/pgtest"
	"github.com/opentcb/opentcb/internal/storetest"
)

func openPostgres(t testing.TB, address string) *Store {
	t.Helper()
	s, err := OpenPostgres(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

// TestStoreOnPostgres is the exam, at the isolation that Postgres has unless
// it is told otherwise, and at the strictest, where transactions that meet
// have to be run again.
func TestStoreOnPostgres(t *testing.T) {
	server := pgtest.Start(t)
	for _, isolation := range []string{"read committed", "serializable"} {
		t.Run(isolation, func(t *testing.T) {
			addresses := map[cloud.Store]string{}
			add := func(t *testing.T, address string) cloud.Store {
				s := openPostgres(t, address)
				addresses[s] = address
				return s
			}
			setting := "?default_transaction_isolation=" + url.PathEscape(isolation)
			storetest.Run(t, func(t *testing.T) cloud.Store { return add(t, server.Database()+setting) }, storetest.Hooks{
				Reopen: func(t *testing.T, s cloud.Store) cloud.Store {
					if err := s.Close(); err != nil {
						t.Fatal(err)
					}
					return add(t, addresses[s])
				},
			})
		})
	}
}

// TestMigrationsAtOnce starts ten on an empty database.
func TestMigrationsAtOnce(t *testing.T) {
	address := pgtest.Start(t).Database()
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			s, err := OpenPostgres(t.Context(), address)
			if err != nil {
				t.Error(err)
				return
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	s := openPostgres(t, address)
	var marks, steps int
	if err := s.reads.row("SELECT count(*), count(DISTINCT version_id) FROM goose_db_version", nil, &marks, &steps); err != nil || marks != steps {
		t.Errorf("%d marks of %d steps, %v: a step was taken twice", marks, steps, err)
	}
	if _, err := s.db.Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (10000, TRUE)"); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenPostgres(t.Context(), address); err == nil || !strings.Contains(err.Error(), "schema 10000") {
		t.Errorf("a newer schema: %v", err)
	}
}

// TestPostgresAway wants every verb to fail soon while the server is killed,
// stopped or frozen, as something that may pass, and to work again by itself.
func TestPostgresAway(t *testing.T) {
	server := pgtest.Start(t)
	s := openPostgres(t, server.Database())
	n := int64(0)
	works := func() error {
		n++
		if err := s.AppendRecords(t.Context(), []cloud.Record{{At: n, Action: "works"}}); err != nil {
			return err
		}
		_, err := s.Account(t.Context(), "wx0000000000000000")
		if err == cloud.ErrNotFound {
			err = nil
		}
		return err
	}
	for name, fault := range map[string]struct{ begin, end func() }{
		"killed": {server.Kill, server.Restart}, "stopped": {server.Stop, server.Restart}, "frozen": {server.Freeze, server.Thaw},
	} {
		if err := works(); err != nil {
			t.Fatalf("before it was %s: %v", name, err)
		}
		fault.begin()
		begin := time.Now()
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				unavailable(t, "a change while it is "+name, s.AppendRecords(t.Context(), []cloud.Record{{At: 1}}))
				_, err := s.Account(t.Context(), "wx0000000000000000")
				unavailable(t, "a read while it is "+name, err)
				unavailable(t, "ping while it is "+name, s.Ping(t.Context()))
			})
		}
		all.Wait()
		if took := time.Since(begin); took > 12*time.Second { // three verbs, one after the other
			t.Errorf("%s: the verbs took %v", name, took)
		}
		fault.end()
		var err error
		for range 100 {
			if err = works(); err == nil {
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
		if err != nil {
			t.Errorf("after it was %s: %v", name, err)
		}
	}
}

// TestPostgresHosts takes the one of several hosts that takes changes, also
// after another was promoted.
func TestPostgresHosts(t *testing.T) {
	primary := pgtest.Start(t)
	address := primary.Database()
	standby := primary.Standby()
	address = strings.Replace(address, primary.Address(), "127.0.0.1:1,"+standby.Address()+","+primary.Address(), 1)
	s := openPostgres(t, address)
	if err := s.AppendRecords(t.Context(), []cloud.Record{{At: 1, Action: "before"}}); err != nil {
		t.Fatal(err)
	}
	primary.Kill()
	standby.Promote()
	begin := time.Now()
	for {
		err := s.AppendRecords(t.Context(), []cloud.Record{{At: 2, Action: "after"}})
		if err == nil {
			break
		}
		unavailable(t, "a change before the failover", err)
		if time.Since(begin) > 10*time.Second {
			t.Fatalf("it does not find the new primary: %v", err)
		}
	}
	t.Logf("changes are answered again %v after the promotion", time.Since(begin).Round(time.Millisecond))
	var actions []string
	if err := s.Records(t.Context(), cloud.RecordFilter{Outcome: cloud.Outcome{Any: true}}, func(r cloud.Record) error {
		actions = append(actions, r.Action)
		return nil
	}); err != nil || fmt.Sprint(actions) != "[before after]" {
		t.Errorf("records %q, %v", actions, err)
	}
}

// TestPostgresAddress wants no error to show what an address holds.
func TestPostgresAddress(t *testing.T) {
	for _, address := range []string{
		"mysql://user:hunter2@h/d", "postgres://user:hunter2@h:notaport/d", "postgres://user:hunter2@127.0.0.1:1/d", "postgres://user:hunter2@h/d?sslmode=odd", "postgres://%zz:hunter2@h",
	} {
		_, err := OpenPostgres(t.Context(), address)
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("error %v", err)
		}
	}
}
