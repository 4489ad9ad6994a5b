package cloud

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

// QuotaCounts is what one server has counted of a platform's calls since
// Limits.CountedFrom: by the interface, and all together under "".
type QuotaCounts struct {
	Platform    string
	Server      string
	CountedFrom int64
	At          int64 // when this was written, Unix milliseconds
	Counts      map[string]QuotaCount
}

// QuotaCount is how many calls there were on one day and in one minute.
type QuotaCount struct {
	Day      int64 `json:"day"` // how many days before it, in UTC+8
	OfDay    int64 `json:"of_day"`
	Minute   int64 `json:"minute"` // how many minutes before it
	OfMinute int64 `json:"of_minute"`
}

// QuotaCountStore keeps what each server has counted. Nobody else writes a server's
// counts, so servers do not wait for each other, and what is written twice counts
// once.
type QuotaCountStore interface {
	// PutQuotaCounts replaces what a server has counted of platforms. Of platforms
	// whose calls are counted from another time nothing is written.
	PutQuotaCounts(ctx context.Context, counts []QuotaCounts) error
	// QuotaCounts returns what all servers have counted of platforms and written
	// since a time (Unix milliseconds).
	QuotaCounts(ctx context.Context, platforms []string, since int64) ([]QuotaCounts, error)
}

const (
	// metersPause is the time between two exchanges with the store. What one server
	// writes the others read at their next one: within a second both are done (QU-2).
	metersPause  = 400 * time.Millisecond
	metersAtOnce = 200            // platforms in one exchange
	countsKept   = 25 * time.Hour // counts of before are of no day that goes on
)

// meters are those of all platforms that are bounded and call. Their goroutine
// exchanges what is counted with the store. They are safe for concurrent use.
type meters struct {
	s      *Service
	server string // tells this server's counts from others', and from those of before its start

	mu sync.RWMutex
	of map[string]*meter

	writes sync.Mutex // one exchange at a time
	stop   chan struct{}
	done   chan struct{}
}

func newMeters(s *Service) *meters {
	ms := &meters{
		s: s, server: s.randomToken(), of: map[string]*meter{}, stop: make(chan struct{}), done: make(chan struct{}),
	}
	go ms.run()
	return ms
}

func (ms *meters) run() {
	defer close(ms.done)
	tick := time.NewTicker(metersPause)
	defer tick.Stop()
	failed := false
	for {
		select {
		case <-ms.stop:
			return
		case <-tick.C:
		}
		err := ms.exchange(context.Background())
		if err != nil && !failed {
			ms.s.log.Error("counts of calls wait for the store", "err", err)
		}
		failed = err != nil
	}
}

func (ms *meters) close() error {
	close(ms.stop)
	<-ms.done
	return ms.exchange(context.Background())
}

// exchange writes what was counted, and reads what others have. It forgets meters
// that nobody asks for.
func (ms *meters) exchange(ctx context.Context) error {
	ms.writes.Lock()
	defer ms.writes.Unlock()
	ms.mu.RLock()
	all := slices.SortedFunc(maps.Values(ms.of), func(a, b *meter) int { return cmp.Compare(a.platform, b.platform) })
	ms.mu.RUnlock()
	for chunk := range slices.Chunk(all, metersAtOnce) {
		if err := ms.exchangeSome(ctx, chunk, ms.s.now()); err != nil {
			return err
		}
	}
	return nil
}

func (ms *meters) exchangeSome(ctx context.Context, some []*meter, now int64) error {
	var news []QuotaCounts
	var platforms []string
	for _, m := range some {
		platforms = append(platforms, m.platform)
		if counts := m.counts(now); !maps.Equal(counts, m.written) {
			news = append(news, QuotaCounts{m.platform, ms.server, m.from, now, counts})
		} else if m.isIdle(now) {
			ms.forget(m, now)
		}
	}
	if len(news) > 0 {
		if err := ms.s.store.PutQuotaCounts(ctx, news); err != nil {
			return err
		}
	}
	for _, n := range news {
		i := slices.IndexFunc(some, func(m *meter) bool { return m.platform == n.Platform })
		some[i].written = n.Counts
	}
	if !ms.s.shared { // nobody else counts
		return nil
	}
	return ms.hear(ctx, some, platforms, now, false)
}

// hear has meters take over what other servers have counted, and new ones what this
// server has.
func (ms *meters) hear(ctx context.Context, some []*meter, platforms []string, now int64, isNew bool) error {
	rows, err := ms.s.store.QuotaCounts(ctx, platforms, now-countsKept.Milliseconds())
	if err != nil {
		return err
	}
	for _, m := range some {
		var own, others []QuotaCounts
		for _, r := range rows {
			switch {
			case r.Platform != m.platform || r.CountedFrom != m.from:
			case r.Server == ms.server:
				own = append(own, r)
			default:
				others = append(others, r)
			}
		}
		if m.hear(others, now); isNew {
			m.resume(own, now)
		}
	}
	return nil
}

// forget forgets a meter, unless a call has asked for it meanwhile.
func (ms *meters) forget(m *meter, now int64) {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	if ms.of[m.platform] == m && m.isIdle(now) {
		delete(ms.of, m.platform)
	}
}

// get returns the meter of a platform, whose limits are not nil. One that is new
// begins with what was counted before and elsewhere.
func (ms *meters) get(ctx context.Context, p Platform, now int64) (*meter, error) {
	ms.mu.RLock()
	m := ms.of[p.AppID]
	if m != nil {
		m.ask(now)
	}
	ms.mu.RUnlock()
	if m != nil && m.from >= p.Limits.CountedFrom {
		return m, nil
	}
	fresh := newMeter(p)
	fresh.ask(now)
	if err := ms.hear(ctx, []*meter{fresh}, []string{p.AppID}, now, true); err != nil {
		return nil, storeError("quotas", err)
	}
	ms.mu.Lock()
	defer ms.mu.Unlock()
	if m = ms.of[p.AppID]; m != nil && m.from >= fresh.from {
		return m, nil // another call was first
	}
	ms.of[p.AppID] = fresh
	return fresh, nil
}

// meter returns the meter of a platform whose limits are not nil.
func (s *Service) meter(ctx context.Context, p Platform, now int64) (*meter, error) {
	return s.meters.get(ctx, p, now)
}

// countCall counts a call, and returns an error if it is beyond a quota.
func (s *Service) countCall(ctx context.Context, p Platform, iface string, now int64) error {
	m, err := s.meter(ctx, p, now)
	if err != nil {
		return err
	}
	return m.count(iface, now)
}
