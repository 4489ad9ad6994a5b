package cloud

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/opentcb/opentcb/internal/blob"
	"github.com/opentcb/opentcb/internal/seal"
)

// Config is what a Service works with. Store, Blobs and Ring are required.
type Config struct {
	Store Store
	Blobs blob.Collector
	Ring  *seal.Ring
	Now   func() time.Time // default time.Now
	// Jumped returns a channel that is closed when Now jumps next: background work
	// that goes by that clock then looks at it again. Default: it never jumps.
	Jumped func() <-chan struct{}
	// Real is the machine's clock, by which pushes are tried again; default time.Now.
	Real func() time.Time
	// Random is where keys, tokens and codes come from; default: the system's
	// generator, and nothing else outside of tests.
	Random io.Reader
	// RandomFor is where what is random in a push comes from, of which about tells
	// whom it tells what: so it does not depend on what is called at the same time.
	// Default: Random.
	RandomFor func(about string) io.Reader
	Log       *slog.Logger // default: nothing is logged
	// LinkLife is how long a download link is good; default DefaultLinkLife.
	LinkLife time.Duration
	// Presign makes an address from which code can be fetched for so long, and
	// links redirect to it. Nil: the server itself gives the code.
	Presign func(ctx context.Context, sum blob.Sum, life time.Duration, filename string) (string, error)
	// InvalidToken is the kind of refusal of a token that is not genuine, or was
	// superseded: InvalidToken, the default, or InvalidCredential (EN-14).
	InvalidToken Kind
	// CloudbaseTokens is how many tokens the runtimes of one environment get in a
	// minute; default DefaultCloudbaseTokens.
	CloudbaseTokens int
	// RuntimeWaits is how many requests of the runtimes of one environment wait for a
	// change at once; default DefaultRuntimeWaits.
	RuntimeWaits int
	// Interfaces are those whose calls can be counted for quotas, by their wire
	// names. Nil: any name will do.
	Interfaces []string
	// CacheRows bounds each kind of row in memory; default DefaultCacheRows.
	CacheRows int
	// RowLife is how old a row in memory may be: less than a second where other
	// servers write to the same store (UT-15), 0 where none does.
	RowLife time.Duration
}

// Defaults of Config.
const (
	DefaultLinkLife  = 10 * time.Minute // DF-8
	DefaultCacheRows = 1 << 20
)

// Service is the rules: one method for each thing that a caller, the operator or
// a runtime can ask for. A method checks, changes the store, drops what it changed
// from memory, records its decision, and returns the result or an *Error. It is
// safe for concurrent use. New makes one, Close ends it.
type Service struct {
	store     Store
	blobs     blob.Collector
	ring      *seal.Ring
	clock     func() time.Time
	real      func() time.Time
	random    io.Reader                    // Config.Random
	randomFor func(about string) io.Reader // Config.RandomFor
	log       *slog.Logger
	linkLife  time.Duration
	presign   func(ctx context.Context, sum blob.Sum, life time.Duration, filename string) (string, error)
	shared    bool     // other servers write to the same store
	invalid   Kind     // Config.InvalidToken
	counted   []string // Config.Interfaces

	claims         *cache[string, *claim] // of tokens that are genuine
	platforms      *cache[string, Platform]
	accounts       *cache[string, Account]
	authorizations *cache[grantKey, *Authorization]
	secrets        *cache[secretKey, string]
	environments   *cache[EnvironmentKey, *cachedEnvironment]
	functions      *cache[functionKey, *Function]
	adminTokens    *cache[struct{}, map[string]AdminToken] // all of them, by name
	uses           uses

	checks      chan struct{} // one for each check of a zip under way
	reads       *recorder
	repeats     *repeats
	ridSearches chan struct{} // searches for the record of a rid that are under way
	health      lastHealth
	// codeFaults counts what code storage could not do.
	codeFaults atomic.Uint64
	observer   *observer
	mints      *mints
	runtimes   *runtimeWatch
	meters     *meters
	pushed     chan struct{} // pushes were recorded
	applyMu    sync.Mutex    // one world file at a time

	toldAhead atomic.Int64 // the minute in which an issue ahead of the clock was told
}

// grantKey names what belongs to a platform and a Mini Program.
type grantKey struct{ platform, appid string }

// secretKey names the code protection key of one epoch of an authorization.
type secretKey struct {
	grantKey
	epoch int64
}

// functionKey names a function within its environment.
type functionKey struct{ account, env, name string }

// New returns a Service over an open store. It starts the goroutines that write
// the audit records of reads, what was observed of cloud calls, and what was counted
// for quotas. Close stops them.
func New(cfg Config) *Service {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Jumped == nil {
		cfg.Jumped = func() <-chan struct{} { return nil }
	}
	if cfg.Real == nil {
		cfg.Real = time.Now
	}
	if cfg.Random == nil {
		cfg.Random = rand.Reader
	}
	if cfg.RandomFor == nil {
		cfg.RandomFor = func(string) io.Reader { return cfg.Random }
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	n, life := cmp.Or(cfg.CacheRows, DefaultCacheRows), cfg.RowLife
	s := &Service{
		store: cfg.Store, blobs: cfg.Blobs, ring: cfg.Ring, clock: cfg.Now, real: cfg.Real, random: cfg.Random,
		randomFor: cfg.RandomFor,
		log:       cfg.Log,
		linkLife:  cmp.Or(cfg.LinkLife, DefaultLinkLife), presign: cfg.Presign, shared: life != 0,
		invalid:        cmp.Or(cfg.InvalidToken, InvalidToken),
		counted:        cfg.Interfaces,
		checks:         make(chan struct{}, max(1, runtime.GOMAXPROCS(0)-1)),
		claims:         newCache[string, *claim](n, 0),
		platforms:      newCache[string, Platform](n, life),
		accounts:       newCache[string, Account](n, life),
		authorizations: newCache[grantKey, *Authorization](n, life),
		secrets:        newCache[secretKey, string](n, life),
		environments:   newCache[EnvironmentKey, *cachedEnvironment](n, life),
		functions:      newCache[functionKey, *Function](n, life),
		adminTokens:    newCache[struct{}, map[string]AdminToken](1, life),
		repeats:        newRepeats(),
		pushed:         make(chan struct{}, 1),
		ridSearches:    make(chan struct{}, 2),
		mints:          &mints{most: cmp.Or(cfg.CloudbaseTokens, DefaultCloudbaseTokens)},
		runtimes: &runtimeWatch{
			store: cfg.Store, most: cmp.Or(cfg.RuntimeWaits, DefaultRuntimeWaits), waited: map[EnvironmentKey]*watched{},
		},
		observer: newObserver(cfg),
	}
	s.reads = newRecorder(recorderOf{
		what: "reads", write: cfg.Store.AppendRecords, limit: recorderLimit,
		due: func() []Record { return s.dueRepeats(s.now()) },
	}, cfg.Log)
	s.meters = newMeters(s)
	return s
}

// Flush writes the audit records, observations and counts that are still in memory.
func (s *Service) Flush(ctx context.Context) error {
	return errors.Join(s.reads.flush(ctx), s.observer.refusals.flush(ctx), s.observer.flush(ctx),
		s.meters.exchange(ctx))
}

// Close writes the audit records and observations that are still in memory. It
// leaves the store open: whoever opened it closes it.
func (s *Service) Close() error {
	for _, rec := range s.dueRepeats(noMinute) {
		_ = s.reads.add(&rec) // full: only a count is missing
	}
	return errors.Join(s.reads.close(), s.observer.close(), s.meters.close())
}

// callTime is how long one call may wait for a shared store, all its requests
// together: every caller gets an answer within 2 s (EN-13).
const callTime = 1800 * time.Millisecond

// WithCallDeadline returns a context that ends when the call has waited long
// enough for the store, counted from now. The caller calls the function that
// comes with it when the call is over. A store that is not shared has no network
// to wait for and bounds its own waits: then the context stays as it is.
func (s *Service) WithCallDeadline(ctx context.Context) (context.Context, context.CancelFunc) {
	if !s.shared {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, callTime)
}

// now is the service's time in Unix milliseconds. Makers of callers read it, and
// background work; the rules read their caller's.
func (s *Service) now() int64 { return s.clock().UnixMilli() }

// Now returns the time by the service's clock, for what stands beside the rules.
func (s *Service) Now() time.Time { return s.clock() }

// randomToken returns 43 characters that nobody can guess.
func (s *Service) randomToken() string { return tokenOf(s.random) }

// tokenOf is randomToken by a generator.
func tokenOf(random io.Reader) string {
	return base64.RawURLEncoding.EncodeToString(bytesOf(random, 32))
}

// randomBytes returns n bytes that nobody can guess.
func (s *Service) randomBytes(n int) []byte { return bytesOf(s.random, n) }

func bytesOf(random io.Reader, n int) []byte {
	raw := make([]byte, n)
	_, _ = io.ReadFull(random, raw) // none of the generators fails
	return raw
}
