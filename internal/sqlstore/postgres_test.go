package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/storetest"
	"github.com/opentcb/opentcb/internal/testserver"
)

// openPostgres opens a store that waits longer than in service: of how long the
// machine takes it makes nothing.
func openPostgres(t testing.TB, address string) *Store {
	t.Helper()
	return openWith(t, address, PostgresOptions{slack: time.Minute})
}

// openInTime opens a store that waits as long as in service, for tests in which
// the database does not answer.
func openInTime(t testing.TB, address string) *Store {
	t.Helper()
	return openWith(t, address, PostgresOptions{})
}

func openWith(t testing.TB, address string, o PostgresOptions) *Store {
	t.Helper()
	s, err := OpenPostgres(t.Context(), address, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil { // again: it says the same
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

// TestStoreOnPostgres is the exam, at the isolation that Postgres has by
// default, and at the strictest, where transactions that meet
// have to be run again.
func TestStoreOnPostgres(t *testing.T) {
	for _, isolation := range []string{"read committed", "serializable"} {
		t.Run(isolation, func(t *testing.T) {
			t.Parallel()
			address := testserver.PostgresURL(t) + "?default_transaction_isolation=" + url.PathEscape(isolation)
			if err := openPostgres(t, address).Close(); err != nil {
				t.Fatal(err)
			}
			storetest.Run(t, func(t *testing.T) cloud.Store { return vouching(t, emptied(t, address)) }, storetest.Hooks{
				Reopen: func(t *testing.T, s cloud.Store) cloud.Store {
					if err := s.Close(); err != nil {
						t.Fatal(err)
					}
					return vouching(t, openPostgres(t, address))
				},
			})
		})
	}
}

// emptied opens a database whose rows are deleted: that is quicker than to make
// another.
func emptied(t *testing.T, address string) *Store {
	t.Helper()
	s := openPostgres(t, address)
	err := s.writer.write(t.Context(), func(x *tx) error {
		for _, table := range Tables() {
			if _, err := x.exec("DELETE FROM " + table.Name); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestMigrationsAtOnce starts ten on an empty database.
func TestMigrationsAtOnce(t *testing.T) {
	address := testserver.PostgresURL(t)
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			s, err := OpenPostgres(t.Context(), address, PostgresOptions{})
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
	const query = "SELECT count(*), count(DISTINCT version_id) FROM goose_db_version"
	if err := s.read(t.Context()).row(query, nil, &marks, &steps); err != nil || marks != steps {
		t.Errorf("%d marks of %d steps, %v: a step was taken twice", marks, steps, err)
	}
	_, err := readers(s).Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (10000, TRUE)")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenPostgres(t.Context(), address, PostgresOptions{}); err == nil || !strings.Contains(err.Error(), "schema 10000") {
		t.Errorf("a newer schema: %v", err)
	}
}

// unavailableSoon wants that error while what is in the way still is, and that
// nothing hangs: how soon is the machine's.
func unavailableSoon(t *testing.T, what string, do func() error) {
	t.Helper()
	begin := time.Now()
	unavailable(t, what, do())
	if took := time.Since(begin); took > time.Minute {
		t.Errorf("%s: answered after %v", what, took)
	}
}

// A read whose time is over while a row is being read may be tried again: it is
// no bug of the server's.
func TestTimeOverWithinARow(t *testing.T) {
	s := openPostgres(t, testserver.PostgresURL(t))
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	unavailable(t, "a row that takes long", s.read(ctx).rows("SELECT 'name'", nil, func(r *sql.Rows) error {
		<-ctx.Done()
		var name string
		for err := error(nil); ; err = r.Scan(&name) { // the rows are closed at some moment from now on
			if err != nil {
				return err
			}
		}
	}))
}

// TestPostgresAway wants every verb to fail soon while the server is killed,
// stopped or frozen, as something that may pass, and to work again by itself.
func TestPostgresAway(t *testing.T) {
	server := testserver.StartPostgres(t)
	s := openInTime(t, server.Database())
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
		"killed":  {server.Kill, server.Restart},
		"stopped": {server.Stop, server.Restart},
		"frozen":  {server.Freeze, server.Thaw},
	} {
		if err := works(); err != nil {
			t.Fatalf("before it was %s: %v", name, err)
		}
		fault.begin()
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				unavailableSoon(t, "a change while it is "+name, func() error {
					return s.AppendRecords(t.Context(), []cloud.Record{{At: 1}})
				})
				unavailableSoon(t, "a read while it is "+name, func() error {
					_, err := s.Account(t.Context(), "wx0000000000000000")
					return err
				})
				unavailableSoon(t, "ping while it is "+name, func() error { return s.Ping(t.Context()) })
			})
		}
		all.Wait()
		fault.end()
		var err error
		for range 600 {
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
	primary := testserver.StartPostgres(t)
	address := primary.Database()
	standby := primary.Standby()
	address = strings.Replace(address, primary.Address(), "127.0.0.1:1,"+standby.Address()+","+primary.Address(), 1)
	s := openInTime(t, address)
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
		if time.Since(begin) > time.Minute {
			t.Fatalf("it does not find the new primary: %v", err)
		}
	}
	t.Logf("changes are answered again %v after the promotion", time.Since(begin).Round(time.Millisecond))
	var actions []string
	if err := s.Records(t.Context(), cloud.RecordFilter{}, func(r cloud.Record) error {
		actions = append(actions, r.Action)
		return nil
	}); err != nil || fmt.Sprint(actions) != "[before after]" {
		t.Errorf("records %q, %v", actions, err)
	}
}

// TestPostgresAddress wants no error to show what an address holds.
func TestPostgresAddress(t *testing.T) {
	there := testserver.PostgresURL(t)
	for _, address := range []string{
		"mysql://user:" + testserver.Password + "@h/d", "postgres://user:" + testserver.Password + "@h:notaport/d",
		"postgres://user:" + testserver.Password + "@127.0.0.1:1/d",
		"postgres://user:" + testserver.Password + "@h/d?sslmode=odd",
		"postgres://user:" + testserver.Password + "@h/d?sslrootcert=/no/such/file&sslmode=verify-full",
		"postgres://%zz:" + testserver.Password + "@h", "postgres://user:a/" + testserver.Password + "@h/d",
		there + "_missing", strings.Replace(there, "opentcb:", "somebody:", 1),
		there + "?no_such_setting=" + testserver.Password,
	} {
		_, err := OpenPostgres(t.Context(), address, PostgresOptions{})
		if err == nil || strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), testserver.Password) {
			t.Errorf("error %v", err)
		}
	}
}

// TestGivenUpStandby: a server that has to wait no longer for its standby
// commits, with no more than a warning. That is no success: the change
// would be lost with the server (UT-16).
func TestGivenUpStandby(t *testing.T) {
	server := testserver.StartPostgres(t)
	s, restored := openPostgres(t, server.Database()), openPostgres(t, server.Database())
	server.Desert()
	for what, change := range map[string]func() error{
		"a change":  func() error { return s.AppendRecords(t.Context(), []cloud.Record{{At: 1}}) },
		"a restore": func() error { return restored.Load(t.Context(), odd) },
	} {
		answer := make(chan error)
		go func() { answer <- change() }()
		for waits := true; waits; {
			select {
			case err := <-answer:
				unavailable(t, what+" that no standby has", err)
				if !strings.Contains(fmt.Sprint(err), "made sure") {
					t.Errorf("%s ended otherwise: %v", what, err)
				}
				waits = false
			case <-time.After(50 * time.Millisecond):
				server.Exec("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
			}
		}
	}
}

// TestVanishedWriter: rows that a server held when it vanished are free again
// soon.
func TestVanishedWriter(t *testing.T) {
	address := testserver.PostgresURL(t)
	var limit string
	err := openPostgres(t, address).read(t.Context()).row("SHOW idle_in_transaction_session_timeout", nil, &limit)
	if err != nil || limit != "5s" {
		t.Errorf("a server that vanishes holds rows for %s, %v; want 5s", limit, err)
	}
	s := openInTime(t, address+"?idle_in_transaction_session_timeout=2s")
	const account = "wx00000000000000a1"
	changes := []cloud.Change{
		cloud.PutAccount{Account: cloud.Account{AppID: account}}, cloud.AddEnvironment{Account: account, ID: "env"},
	}
	if err := s.Apply(t.Context(), changes, nil); err != nil {
		t.Fatal(err)
	}
	vanished, err := readers(s).Begin()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := vanished.Exec("UPDATE accounts SET open = open"); err != nil {
		t.Fatal(err)
	}
	set := func() error {
		set := cloud.PermissionSet{Account: account, Env: "env", Version: 2}
		_, err := s.SetPermission(t.Context(), set, cloud.Record{At: 1})
		return err
	}
	unavailableSoon(t, "a set while the row is held", set)
	for begin := time.Now(); set() != nil; {
		if time.Since(begin) > time.Minute {
			t.Fatal("the row is still held")
		}
	}
}

// A text that no row can hold is a row that is not there, as on SQLite.
func TestTextThatPostgresCannotHold(t *testing.T) {
	s := openPostgres(t, testserver.PostgresURL(t))
	for _, id := range []string{"a\x00b", "\xff"} {
		if _, err := s.EnvironmentAccount(t.Context(), id); !errors.Is(err, cloud.ErrNotFound) {
			t.Errorf("environment %q: %v, want ErrNotFound", id, err)
		}
	}
}
