package node

import (
	"cmp"
	"context"
	"strings"
	"sync"
	"time"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/sqlstore"
)

// measurePause is the least time between two measurements of what is stored. One
// that takes long is made less often: at most a hundredth of the time goes into it.
const measurePause = time.Minute

// usage measures how large what is stored is, now and then, so that whoever asks
// for the metrics does not wait for it.
type usage struct {
	store *sqlstore.Store
	end   context.CancelFunc
	ended chan struct{}
	again chan struct{} // measure now

	mu  sync.Mutex
	now measured
}

// measured is what was found.
type measured struct {
	measured bool
	at       time.Time // when
	sizes    sqlstore.Sizes
	counts   sqlstore.Counts
	backup   int64 // when the last one was made, Unix milliseconds; 0: never
}

func newUsage(s *Storage) *usage {
	ctx, end := context.WithCancel(context.Background())
	u := &usage{store: s.Store, end: end, ended: make(chan struct{}), again: make(chan struct{}, 1)}
	go u.run(ctx)
	return u
}

func (u *usage) run(ctx context.Context) {
	defer close(u.ended)
	for {
		begin := time.Now()
		u.measure(ctx)
		wait := time.NewTimer(max(measurePause, 100*time.Since(begin)))
		select {
		case <-wait.C:
		case <-u.again:
		case <-ctx.Done():
			wait.Stop()
			return
		}
		wait.Stop()
	}
}

// measure measures. What cannot be read stays as it was.
func (u *usage) measure(ctx context.Context) {
	at := time.Now()
	sizes, errSizes := u.store.Sizes(ctx)
	counts, errCounts := u.store.Count(ctx)
	backup, errBackup := u.store.LastBackup(ctx)
	u.mu.Lock()
	defer u.mu.Unlock()
	if errSizes == nil && errCounts == nil {
		u.now.at, u.now.sizes, u.now.counts, u.now.measured = at, sizes, counts, true
	}
	if errBackup == nil {
		u.now.backup = backup
	}
}

// last returns what was measured last.
func (u *usage) last() measured {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.now
}

// measureAgain asks for a measurement, since much may be otherwise.
func (u *usage) measureAgain() {
	select {
	case u.again <- struct{}{}:
	default:
	}
}

func (u *usage) close() {
	u.end()
	<-u.ended
}

// kinds returns what database and code are kept in.
func (n *Node) kinds() (database, code string) {
	database, _, _ = strings.Cut(cmp.Or(n.cfg.Database, "sqlite"), "://")
	code, _, _ = strings.Cut(cmp.Or(n.cfg.Blobs, "folder"), ":")
	return database, code
}

// status tells how the server is. It waits for nothing: what has to be measured was
// measured before.
func (n *Node) status() admin.Status {
	rules, now := n.stack.Load().cloud.Usage(), n.usage.last()
	st := admin.Status{
		Version: strings.TrimPrefix(Version(), "opentcb "), Schema: sqlstore.SchemaVersion(),
		KeyIDs: []string{n.storage.Ring.KeyID()}, StartedAt: n.started.UTC(),
		UptimeSeconds: int64(time.Since(n.started).Seconds()), TestMode: n.cfg.TestMode,
		Intercept: n.InterceptURL(), InterceptCA: n.interceptCA(),
		AuditBacklog: rules.Records, AuditBacklogLimit: rules.RecordsMax,
	}
	st.Database, st.Code = n.kinds()
	if now.backup != 0 {
		st.LastBackup = time.UnixMilli(now.backup).UTC()
	}
	if now.measured {
		c, z := now.counts, now.sizes
		st.Stored = &admin.Stored{
			MeasuredAt: now.at.UTC(), Platforms: c.Platforms, MiniPrograms: c.MiniPrograms, Environments: c.Environments,
			Functions: c.Functions, Authorizations: c.Authorizations, AuthorizationsInForce: c.InForce,
			DatabaseBytes: z.Database, DatabaseLogBytes: z.Log, CodeBytes: z.Code,
		}
	}
	return st
}
