package sqlstore

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/testserver"
)

// BenchmarkSetPermission measures synced sets, each on an environment of its
// own, by one writer and by many that share commits.
func BenchmarkSetPermission(b *testing.B) {
	benchmarkSet(b, func(b *testing.B) *Store { return open(b, newFile(b)) })
}

func BenchmarkSetPermissionOnPostgres(b *testing.B) {
	benchmarkSet(b, func(b *testing.B) *Store { return openPostgres(b, testserver.PostgresURL(b)) })
}

func benchmarkSet(b *testing.B, open func(*testing.B) *Store) {
	for _, writers := range []int{1, 64} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			s := open(b)
			var changes []cloud.Change
			for i := range writers {
				account := fmt.Sprintf("wx%016x", i)
				changes = append(changes, cloud.PutAccount{Account: cloud.Account{AppID: account, Cloud: true}},
					cloud.AddEnvironment{Account: account, ID: "env-" + account})
			}
			if err := s.Apply(b.Context(), changes, nil); err != nil {
				b.Fatal(err)
			}
			var next atomic.Int64
			b.SetParallelism(writers) // times GOMAXPROCS, which share the environments
			b.ResetTimer()
			if writers == 1 {
				for n := int64(1); b.Loop(); n++ {
					setOnce(b, s, "wx0000000000000000", 2*n)
				}
				return
			}
			b.RunParallel(func(pb *testing.PB) {
				account := fmt.Sprintf("wx%016x", next.Add(1)%int64(writers))
				for pb.Next() {
					setOnce(b, s, account, 2*next.Add(1)+int64(2*writers))
				}
			})
		})
	}
}

func setOnce(b *testing.B, s *Store, account string, version int64) {
	set := cloud.PermissionSet{
		Account: account, Env: "env-" + account, Version: version,
		Open: true, Whitelist: []string{"/wxa/msg_sec_check"},
	}
	rec := cloud.Record{
		At: 1_790_000_000_000, RID: "00000001-00000002-00000003", Platform: account,
		Action: "usecloudaccesstoken", Target: "env",
	}
	if _, err := s.SetPermission(b.Context(), set, rec); err != nil {
		b.Error(err)
	}
}
