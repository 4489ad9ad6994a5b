package main

import (
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// loadOrders say what the load does. Path and Body may hold {token}, {env},
// {function} and {version}, which stand for those of a target.
type loadOrders struct {
	Address    string // host:port
	ServerPID  int
	Path, Body string
	Header     string // a line of its own, in which a placeholder may stand; "" for none
	Probe      string // sets only: the body that asks for an environment's version
	Targets    string // file; absent: one empty target
	Seed       uint64 // of the order of the targets

	Connections   int
	PerConnection int     // how many targets a connection keeps to; 0: its whole share
	Once          bool    // every target once, in place of a duration
	Discard       bool    // a GET of a large file, whose bytes are dropped
	PerSecond     float64 // calls of all connections, at constant times; 0: as many as there can be

	WarmUp, Duration time.Duration
}

// loadReport is what the load saw in the measured time.
type loadReport struct {
	Requests, Bytes uint64
	Seconds         float64
	P50, P99, P999  time.Duration
	ServerCPU       time.Duration // that the server was on its core
	LoadCPU         time.Duration // that the load was on its own
	CoreIdle        time.Duration // that the server's core had nothing to do
	LongestStall    time.Duration // with PerSecond
	Stalls          []stall       // likewise: those over longStall
}

func (r loadReport) perSecond() float64      { return float64(r.Requests) / r.Seconds }
func (r loadReport) bytesPerSecond() float64 { return float64(r.Bytes) / r.Seconds }
func (r loadReport) cpuPerRequest() float64  { return r.ServerCPU.Seconds() / float64(r.Requests) }
func (r loadReport) serverBusy() float64     { return r.ServerCPU.Seconds() / r.Seconds }
func (r loadReport) loadBusy() float64       { return r.LoadCPU.Seconds() / r.Seconds }
func (r loadReport) coreIdle() float64       { return r.CoreIdle.Seconds() / r.Seconds }

// The phases of a run: requests count that end while it is measured.
const (
	warmingUp int32 = iota
	measured
	over
)

// run is one run of the load.
type run struct {
	orders loadOrders
	phase  atomic.Int32
	asking sync.WaitGroup // clients that do not know their versions yet
	mu     sync.Mutex
	fault  error         // the first; it ends the run
	broken chan struct{} // closed by it
	watch  stallWatch    // with PerSecond
}

// load drives the server from keep-alive connections, one request under way on
// each, and reports. A single failed request fails it: figures that hold
// failures say nothing.
func load(orders loadOrders) (loadReport, error) {
	targets, err := readTargets(orders.Targets)
	if err != nil {
		return loadReport{}, err
	}
	rand.New(rand.NewPCG(orders.Seed, 0)).Shuffle(len(targets), func(i, j int) {
		targets[i], targets[j] = targets[j], targets[i]
	})
	r := &run{orders: orders, broken: make(chan struct{})}
	clients := make([]*client, orders.Connections)
	for i := range clients {
		if clients[i], err = newClient(r, share(targets, i, orders)); err != nil {
			return loadReport{}, err
		}
		defer clients[i].conn.Close()
	}
	return r.measure(clients)
}

// share is every n-th target beginning with the i-th, for n connections; a
// connection beyond the last target shares from the first.
func share(targets []target, i int, orders loadOrders) []target {
	var mine []target
	for j := i % len(targets); j < len(targets); j += orders.Connections {
		if mine = append(mine, targets[j]); len(mine) == orders.PerConnection {
			break
		}
	}
	return mine
}

// measure runs the clients and takes the CPU times at both ends of the
// measured time.
func (r *run) measure(clients []*client) (loadReport, error) {
	var running sync.WaitGroup
	if r.orders.Once {
		r.phase.Store(measured)
	}
	first := r.now()
	var last moment
	r.asking.Add(len(clients))
	r.watch.began = time.Now()
	for n, c := range clients {
		running.Go(func() { r.keep(c.work(n)) })
	}
	r.asking.Wait()
	if !r.orders.Once {
		r.sleep(r.orders.WarmUp)
		first = r.now()
		r.phase.CompareAndSwap(warmingUp, measured)
		r.sleep(r.orders.Duration)
		r.phase.Store(over)
		last = r.now()
	}
	running.Wait()
	if r.orders.Once {
		last = r.now()
	}
	return r.report(clients, first, last), r.fault
}

func (r *run) report(clients []*client, first, last moment) loadReport {
	var all histogram
	report := loadReport{
		Seconds:   last.at.Sub(first.at).Seconds(),
		ServerCPU: last.server - first.server,
		LoadCPU:   last.load - first.load,
		CoreIdle:  last.idle - first.idle,
	}
	for _, c := range clients {
		all.merge(&c.latencies)
		report.Bytes += c.bytes
	}
	report.Requests = all.count
	report.P50, report.P99, report.P999 = all.quantile(0.5), all.quantile(0.99), all.quantile(0.999)
	report.LongestStall, report.Stalls = r.watch.longest, r.watch.stalls
	return report
}

// keep keeps the first fault, and ends the run by it.
func (r *run) keep(err error) {
	if err == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fault == nil {
		r.fault = err
		close(r.broken)
	}
	r.phase.Store(over)
}

// sleep lets time pass, unless the run is broken.
func (r *run) sleep(d time.Duration) {
	select {
	case <-time.After(d):
	case <-r.broken:
	}
}

// moment is one end of the measured time.
type moment struct {
	at                 time.Time
	server, load, idle time.Duration
}

func (r *run) now() moment {
	server, err := cpuTime(r.orders.ServerPID)
	r.keep(err)
	load, err := cpuTime(os.Getpid())
	r.keep(err)
	idle, err := idleTime(serverCPU)
	r.keep(err)
	return moment{time.Now(), server, load, idle}
}
