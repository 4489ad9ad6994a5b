package sqlstore

import (
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/testserver"
)

// TestServersInEachOthersWay lets servers set environments of the same two
// accounts, each set of which flips the account's switch for all: every one is
// carried out, in its turn, and none waits for another in a circle.
//
// Proves: UT-8, UT-9
func TestServersInEachOthersWay(t *testing.T) {
	for _, isolation := range []string{"read committed", "serializable"} {
		t.Run(isolation, func(t *testing.T) {
			address := testserver.PostgresURL(t) + "?lock_timeout=10s&default_transaction_isolation=" +
				url.PathEscape(isolation)
			servers := []*Store{openPostgres(t, address), openPostgres(t, address), openPostgres(t, address)}
			accounts, envs := []string{"wx00000000000000a1", "wx00000000000000a2"}, []string{"one", "two"}
			var world []cloud.Change
			for _, a := range accounts {
				world = append(world, cloud.PutAccount{Account: cloud.Account{AppID: a}})
				for _, e := range envs {
					world = append(world, cloud.AddEnvironment{Account: a, ID: a + e})
				}
			}
			if err := servers[0].Apply(t.Context(), world, nil); err != nil {
				t.Fatal(err)
			}
			const each = 4
			var all sync.WaitGroup
			for _, s := range servers {
				for _, a := range accounts {
					for _, e := range envs {
						all.Go(func() {
							for range each {
								flip(t, s, a, a+e)
							}
						})
					}
				}
			}
			all.Wait()
			n := int64(len(servers) * len(envs) * each)
			for _, a := range accounts {
				for _, e := range envs {
					env, err := servers[1].Environment(t.Context(), a, a+e)
					if err != nil || env.Version != cloud.FirstVersion+2*n || !env.Open {
						t.Errorf("%+v, %v; want version %d after %d flips", env, err, cloud.FirstVersion+2*n, n)
					}
				}
			}
			var circles int
			err := servers[0].read(t.Context()).row(
				"SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()", nil, &circles)
			if err != nil || circles > 0 {
				t.Errorf("%d times servers waited for each other in a circle, %v", circles, err)
			}
		})
	}
}

// flip sets an environment with the version and against the switch that it
// has, until that is accepted.
func flip(t *testing.T, s *Store, account, env string) {
	for t.Context().Err() == nil {
		now, err := s.Environment(t.Context(), account, env)
		if err != nil {
			t.Error(err)
			return
		}
		set := cloud.PermissionSet{Account: account, Env: env, Open: !now.Open, Version: now.Version}
		res, err := s.SetPermission(t.Context(), set, cloud.Record{At: 1})
		if err != nil {
			t.Error(err)
			return
		}
		if res.Accepted {
			return
		}
	}
}

// TestReadsWhileOthersChange: at the strictest isolation a read may be ended
// for the sake of the changes beside it, even after its last row; nobody who
// reads hears of that.
func TestReadsWhileOthersChange(t *testing.T) {
	s := openPostgres(t, testserver.PostgresURL(t)+"?default_transaction_isolation=serializable")
	end := time.Now().Add(3 * time.Second)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for n := int64(1); time.Now().Before(end); n++ {
				if i%2 == 0 {
					recs := []cloud.Record{{At: n, RID: "a"}, {At: n + 1, RID: "b"}}
					if err := s.AppendRefusals(t.Context(), recs); err != nil {
						t.Error(err)
						return
					}
					continue
				}
				if err := s.Prune(t.Context(), 1<<40, nil); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}
