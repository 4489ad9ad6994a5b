package cloud

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"syscall"
	"time"
)

// Health is whether the server can work right now. Reasons are for the operator:
// they name no path of the host, and the log has more.
type Health struct {
	Unavailable []string // why the interfaces cannot be answered
	Degraded    []string // what else does not work
}

const (
	// healthTime is how long storage may take to answer before it counts as out
	// of reach.
	healthTime = 2 * time.Second
	// healthLife is how long it is remembered how the server is. To find out,
	// something is written to the storage, and anybody may ask.
	healthLife = time.Second
)

// lastHealth remembers how the server is.
type lastHealth struct {
	mu     sync.Mutex
	at     time.Time
	health Health
}

// ask returns how the server is, or was up to healthLife ago. Whoever asks while
// another one finds out waits for that.
func (l *lastHealth) ask(ctx context.Context, find func(context.Context) Health) Health {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.at.IsZero() || time.Since(l.at) >= healthLife {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), healthTime)
		defer cancel()
		l.health = find(ctx)
		l.at = time.Now()
	}
	return l.health
}

// Health returns how the server is.
func (s *Service) Health(ctx context.Context) Health { return s.health.ask(ctx, s.findHealth) }

// findHealth tries the database and the code storage, both at once: neither may
// take the other's time. Without code storage the interfaces are answered still;
// only uploads and the links themselves are not.
func (s *Service) findHealth(ctx context.Context) (h Health) {
	var store, blobs error
	var both sync.WaitGroup
	both.Go(func() { store = s.store.Ping(ctx) })
	both.Go(func() { blobs = s.blobs.Ping(ctx) })
	both.Wait()
	if store != nil {
		h.Unavailable = append(h.Unavailable, s.unhealthy(slog.LevelError, "the database", store))
	}
	if s.reads.isFull() {
		h.Unavailable = append(h.Unavailable, "the audit record cannot be written")
	}
	if blobs != nil {
		s.codeFaults.Add(1)
		h.Degraded = append(h.Degraded, s.unhealthy(slog.LevelWarn, "code storage", blobs))
	}
	return h
}

// unhealthy logs why something cannot be used, and returns what it is for the
// operator.
func (s *Service) unhealthy(level slog.Level, what string, err error) string {
	reason := what + " cannot be reached"
	if errors.Is(err, syscall.ENOSPC) {
		reason = what + " cannot be written: no space is left on its disk"
	}
	if r, ok := errors.AsType[Reasoned](err); ok && r.Reason() != "" {
		reason = r.Reason()
	}
	s.log.Log(context.Background(), level, reason, "err", err)
	return reason
}

// Usage is what is in memory, and how much may be.
type Usage struct {
	Rows       map[string]int // rows in memory, by their kind
	RowLimit   int            // of each kind
	Records    int            // audit records that wait to be written
	RecordsMax int
	CodeFaults uint64 // what code storage could not do, though it may do it later
}

// Usage returns what is in memory right now.
func (s *Service) Usage() Usage {
	return Usage{
		Rows: map[string]int{
			"token": s.claims.len(), "platform": s.platforms.len(), "account": s.accounts.len(),
			"authorization": s.authorizations.len(), "codesecret": s.secrets.len(),
			"environment": s.environments.len(), "function": s.functions.len(),
		},
		RowLimit: s.functions.limit,
		Records:  s.reads.waiting(), RecordsMax: s.reads.limit,
		CodeFaults: s.codeFaults.Load(),
	}
}

// len returns how many rows are in memory.
func (c *cache[K, V]) len() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return len(c.rows)
}
