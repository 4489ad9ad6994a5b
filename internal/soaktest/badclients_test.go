//go:build linux

package soaktest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/testserver"
)

// What a good client may feel of bad ones: half of its calls, against half of
// those in the calm before or after the storm, whichever was worse. The flood and
// the server share the cores of one machine, perhaps with others, so that calls
// wait for a core; a calm run never counts as better than that.
const (
	worseAtMost = 20
	calmAtLeast = 25 * time.Millisecond
)

// What may stay of bad clients when they are gone.
const (
	goneWithin      = time.Minute
	moreDescriptors = 10
	moreGoroutines  = 20
	moreMemory      = 96 << 10 // KiB: what the heap had to grow to, however many storms
	idleConnections = 1000
)

// TestBadClients lets every kind of bad client loose at once, on each kind of
// listener, while good ones work and feel nothing, and sees that nothing of them stays.
//
// Proves: EN-9, TL-2
func TestBadClients(t *testing.T) {
	for _, by := range []way{plainWay, tlsWay, http2Way} {
		t.Run(by.name, func(t *testing.T) { testBadClients(t, by) })
	}
}

func testBadClients(t *testing.T, by way) {
	l := launch{data: filepath.Join(t.TempDir(), "data"), world: newWorld(t, 2)}
	if by.secure {
		cert, key := testserver.NewAuthority(t).IssueTo(t.TempDir())
		l.args = []string{"--tls-cert", cert, "--tls-key", key}
	}
	s := start(t, l)
	clients := login(t, s, 2)
	bad, good := clients[0], newGoodClient(t, clients[1])
	good.work(200 * time.Millisecond) // warm
	calm := good.work(2 * time.Second)
	good.openReaders()
	before := measure(s)

	for range length(1, 5) {
		good.weather(calm, func(ctx context.Context, loose *sync.WaitGroup) {
			letLoose(t, ctx, doors(t, s, by, bad, false), loose)
			sendAllMalformed(t, doors(t, s, by, bad, true), by)
			time.Sleep(time.Second)
			t.Logf("server: before %+v, in the storm %+v", before, measure(s))
		})
	}
	bad.close()
	within(t, goneWithin, "what bad clients took comes back", func() bool { return measure(s).near(before) })
	t.Logf("server: after %+v", measure(s))
	good.work(500 * time.Millisecond)
	s.stop()
}

// weather works through a storm and compares it with a calm run.
func (g *goodClient) weather(calm latencies, storm func(context.Context, *sync.WaitGroup)) {
	g.t.Helper()
	ctx, cancel := context.WithCancel(g.t.Context())
	var loose sync.WaitGroup
	took := g.until(func() { storm(ctx, &loose) })
	cancel()
	loose.Wait()
	g.t.Logf("calls of good clients: calm %v, in the storm %v", calm, took)
	after := g.work(2 * time.Second)
	if limit := worseAtMost * max(calm.p50(), after.p50(), calmAtLeast); took.p50() > limit {
		g.t.Errorf("p50 of good clients: calm %v and %v, in the storm %v, want at most %v", calm.p50(), after.p50(), took.p50(), limit)
	}
}

// letLoose starts all kinds of bad clients that last, at every door.
func letLoose(t *testing.T, ctx context.Context, doors []door, loose *sync.WaitGroup) {
	bad := func(what string, do func() error) {
		loose.Go(func() {
			if err := do(); err != nil {
				t.Errorf("%s: %v", what, err)
			}
		})
	}
	for _, d := range doors {
		for _, kind := range []struct {
			name  string
			times int
			do    func(context.Context, door) error
		}{
			{"slow headers", 10, slowHeaders}, {"slow body", 10, slowBody}, {"slow chunks", 5, slowChunks},
			{"half closed", 5, halfClosed}, {"never reads", 2, slowReader},
			{"endless chunks", 1, endlessChunks}, {"endless length", 1, endlessLength},
			{"endless code", 1, endlessCode}, {"endless nesting", 1, endlessNesting},
			{"endless headers", 1, endlessHeaders}, {"oversized body", 2, oversized},
		} {
			for range kind.times {
				bad(kind.name+" at "+d.name, func() error { return kind.do(ctx, d) })
			}
		}
	}
	bad("idle", func() error { return idle(ctx, doors[0], idleConnections*3/4) })
	bad("idle", func() error { return idle(ctx, doors[len(doors)-1], idleConnections/4) })
}

// sendAllMalformed sends malformed requests of all kinds, over HTTP/1 to all doors.
func sendAllMalformed(t *testing.T, doors []door, by way) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("malformed requests from seed %d", seed)
	jobs := make(chan int)
	var wg sync.WaitGroup
	for range by.atOnce {
		wg.Go(func() {
			for n := range jobs {
				kind, d := malformed[n%len(malformed)], doors[n/len(malformed)%len(doors)]
				if err := sendMalformed(d, kind.make(rand.New(rand.NewPCG(seed, uint64(n))), d)); err != nil {
					t.Errorf("%s at %s (seed %d, number %d): %v", kind.name, d.name, seed, n, err)
				}
			}
		})
	}
	for n := range by.malformed * length(1, 10) {
		jobs <- n
	}
	close(jobs)
	wg.Wait()
}

// goodClient makes calls that must all succeed.
type goodClient struct {
	t   *testing.T
	c   *client
	env string
	key string
	sum string
	ver int64
}

func newGoodClient(t *testing.T, c *client) *goodClient {
	t.Helper()
	g := &goodClient{t: t, c: c, env: envid(1, 0), ver: 2}
	var err error
	g.key, err = c.codeSecret()
	must(t, "getcodesecret", err)
	must(t, "createfunction", c.createFunction(g.env, "good"))
	must(t, "an upload", g.upload())
	return g
}

// openReaders has the server open all its connections to the database, which stay.
func (g *goodClient) openReaders() {
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for range 50 {
				if _, err := g.c.functions(g.env); err != nil {
					g.t.Errorf("a list: %v", err)
				}
			}
		})
	}
	all.Wait()
	g.c.http.CloseIdleConnections()
	g.work(time.Second) // the server has closed them too
}

func (g *goodClient) upload() error {
	code := newZip(uint64(g.ver), 50_000)
	g.sum = sumOf(code)
	return g.c.upload(g.env, "good", g.key, code)
}

// latencies are how long calls took, in order of length.
type latencies []time.Duration

func (l latencies) p50() time.Duration { return l[len(l)/2] }
func (l latencies) p99() time.Duration { return l[len(l)*99/100] }

func (l latencies) String() string {
	return fmt.Sprintf("%d, p50 %v, p99 %v, longest %v", len(l), l.p50(), l.p99(), l[len(l)-1])
}

func (g *goodClient) work(d time.Duration) latencies {
	g.t.Helper()
	return g.until(func() { time.Sleep(d) })
}

// until makes calls until do returns.
func (g *goodClient) until(do func()) latencies {
	g.t.Helper()
	over := make(chan struct{})
	go func() {
		defer close(over)
		do()
	}()
	var took latencies
	for {
		for what, call := range g.calls() {
			began := time.Now()
			err := call()
			took = append(took, time.Since(began))
			if err != nil {
				g.t.Errorf("a good client's %s: %v", what, err)
			}
		}
		time.Sleep(5 * time.Millisecond)
		select {
		case <-over:
			slices.Sort(took)
			return took
		default:
		}
	}
}

func (g *goodClient) calls() map[string]func() error {
	return map[string]func() error{
		"getcodesecret": func() error { return differs(g.key)(g.c.codeSecret()) },
		"download":      func() error { return differs(g.sum)(g.c.download(g.env, "good")) },
		"set": func() error {
			g.ver += 2
			return g.c.setPermission(g.env, permission{true, []string{"/wxa/*"}, g.ver - 2})
		},
		"get":  func() error { _, err := g.c.permission(g.env); return err },
		"list": func() error { _, err := g.c.functions(g.env); return err },
	}
}

func differs(want string) func(string, error) error {
	return func(got string, err error) error {
		if err == nil && got != want {
			err = fmt.Errorf("another answer than before")
		}
		return err
	}
}

// load is what a server holds.
type load struct{ descriptors, goroutines, memory int }

func measure(s *server) load {
	n, found := s.metric(func(name string) bool { return name == "go_goroutines" })
	if !found {
		s.t.Error("/metrics does not tell the number of goroutines (go_goroutines)")
	}
	return load{descriptors: s.descriptors(), goroutines: int(n), memory: s.memory("VmRSS")}
}

// near reports whether nothing much stays compared with what was.
func (l load) near(was load) bool {
	return l.descriptors <= was.descriptors+moreDescriptors &&
		l.goroutines <= was.goroutines+moreGoroutines &&
		l.memory <= was.memory+moreMemory
}
