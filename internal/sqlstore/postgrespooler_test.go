package sqlstore

import (
	"strings"
	"sync"
	"testing"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/storetest"
	"github.com/opentcb/opentcb/internal/testserver"
)

// ignoring lets PgBouncer forget the settings of a connection that it would
// refuse otherwise.
const ignoring = "ignore_startup_parameters = lock_timeout, idle_in_transaction_session_timeout, " +
	"default_transaction_isolation"

// bouncer returns the URL of a database through a PgBouncer. In transaction mode
// it has fewer sessions than a store has connections.
func bouncer(t *testing.T, mode, settings string) string {
	server := testserver.StartPostgres(t)
	size := "default_pool_size = 12"
	if mode == "session" {
		size = "default_pool_size = 100"
	}
	pooler := server.Pooler(mode, settings, size)
	return strings.Replace(server.Database(), server.Address(), pooler, 1)
}

// TestStoreThroughPooler is the exam, through a PgBouncer that lends a session
// for one transaction.
func TestStoreThroughPooler(t *testing.T) {
	address := bouncer(t, "transaction", ignoring)
	storetest.Run(t, func(t *testing.T) cloud.Store { return vouching(t, emptied(t, address)) }, storetest.Hooks{
		Reopen: func(t *testing.T, s cloud.Store) cloud.Store {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			return vouching(t, openPostgres(t, address))
		},
	})
}

// TestPoolerModes lets two servers at once start, change, read, dump and
// restore, in the modes of a PgBouncer that have transactions.
func TestPoolerModes(t *testing.T) {
	for _, c := range []struct{ mode, settings string }{
		{"transaction", ""}, {"session", ""}, {"session", ignoring},
	} {
		t.Run(c.mode+" "+c.settings, func(t *testing.T) {
			address := bouncer(t, c.mode, c.settings)
			if err := openPostgres(t, address).Load(t.Context(), odd); err != nil {
				t.Fatal(err)
			}
			var all sync.WaitGroup
			for range 2 {
				s := openPostgres(t, address)
				for range 20 {
					all.Go(func() {
						for n := range int64(5) {
							err := s.AppendRecords(t.Context(), []cloud.Record{{At: n, Action: "some"}})
							if err == nil {
								_, err = s.KeyID(t.Context())
							}
							if err == nil {
								err = s.Ping(t.Context())
							}
							if err != nil {
								t.Error(err)
								return
							}
						}
					})
				}
				err := s.Dump(t.Context(), func(string, []string, []any) error { return nil })
				if err != nil {
					t.Error(err)
				}
			}
			all.Wait()
			limit := ""
			err := openPostgres(t, address).writer.write(t.Context(), func(x *tx) error {
				return x.row("SHOW idle_in_transaction_session_timeout", nil, &limit)
			})
			if err != nil || limit != "5s" {
				t.Errorf("a server that vanishes holds rows for %s, %v; want 5s", limit, err)
			}
		})
	}
}

// TestPoolerInTheWay wants a start that cannot succeed to say why, and what
// helps.
func TestPoolerInTheWay(t *testing.T) {
	for _, c := range []struct{ mode, query, want string }{
		{"statement", "", "set its pool_mode to transaction or session"},
		{"transaction", "?search_path=other", "take search_path out of the URL"},
	} {
		_, err := OpenPostgres(t.Context(), bouncer(t, c.mode, "")+c.query, PostgresOptions{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("a pooler in %s mode, %s: %v; want advice %q", c.mode, c.query, err, c.want)
		}
	}
}

// A synchronous standby is looked for twice in one session.
func TestStandbyThroughPooler(t *testing.T) {
	_, err := OpenPostgres(t.Context(), bouncer(t, "transaction", ""), PostgresOptions{RequireStandby: true})
	if err == nil || !strings.Contains(err.Error(), "addresses of the database itself") {
		t.Errorf("--require-standby through a pooler: %v", err)
	}
}

// A pooler that has come between under a running server makes its prepared
// statements fail: they may be tried again, on a connection that knows of it.
func TestLostPreparedStatement(t *testing.T) {
	s := openPostgres(t, testserver.PostgresURL(t))
	for _, c := range []struct {
		state string
		run   []string
	}{
		{"26000", []string{"EXECUTE missing"}}, {"42P05", []string{"PREPARE a AS SELECT 1", "PREPARE a AS SELECT 1"}},
	} {
		err := s.writer.write(t.Context(), func(x *tx) error {
			for _, query := range c.run {
				if _, err := x.exec(query); err != nil {
					return err
				}
			}
			return nil
		})
		unavailable(t, c.state, err)
		if err == nil || !strings.Contains(err.Error(), c.state) {
			t.Errorf("%v, want SQLSTATE %s", err, c.state)
		}
	}
}
