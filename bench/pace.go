package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// An open loop makes calls at a constant rate, however long the answers take,
// as many independent callers do.
const (
	paceConnections = 500
	paceLoad        = 0.6             // of the calls per second that the real server answers at most
	paceTime        = 8 * time.Second // of each half of a pair, from the start of the server on
	longStall       = 20 * time.Millisecond
)

// openLoop measures latencies at a constant rate, and how long a server leaves
// every call unanswered. Both servers are started anew for each pair and
// measured from their first call on: what a server does in its first seconds
// counts too.
func openLoop(s *session) ([]row, error) {
	most, err := s.load(s.orders(getcodesecret, s.real, 0))
	if err != nil {
		return nil, err
	}
	rate := paceLoad * most.perSecond()
	p99 := row{Name: "open loop, p99", Figure: ratio, Unit: "ms"}
	p999 := row{Name: "open loop, p99.9", Figure: ratio, Unit: "ms"}
	longest := row{Name: "open loop, longest stall", Figure: difference, Unit: "ms"}
	stalls := row{
		Name: fmt.Sprintf("open loop, stalls over %v", longStall), Figure: difference, Unit: "a run", Goal: goal{"<=", 0},
	}
	p99.note("getcodesecret on %d connections, %.0f calls per second", paceConnections, rate)
	for pair := range s.pairs {
		if err := s.restart(); err != nil {
			return nil, err
		}
		var reports [2]loadReport
		for i, server := range []*server{s.real, s.base} {
			orders := s.orders(getcodesecret, server, pair)
			orders.Connections, orders.PerConnection, orders.PerSecond = paceConnections, 1, rate
			orders.WarmUp, orders.Duration = 0, paceTime
			if reports[i], err = s.load(orders); err != nil {
				return nil, err
			}
		}
		real, base := reports[0], reports[1]
		p99.add(milliseconds(real.P99), milliseconds(base.P99))
		p999.add(milliseconds(real.P999), milliseconds(base.P999))
		longest.add(milliseconds(real.LongestStall), milliseconds(base.LongestStall))
		stalls.add(float64(len(real.Stalls)), float64(len(base.Stalls)))
		stalls.watchOthers(real, base)
		stalls.noteStalls(pair, "real", real.Stalls)
		stalls.noteStalls(pair, "bare", base.Stalls)
		s.progress("open loop %d/%d: real %s, longest stall %v; bare %s, longest stall %v",
			pair+1, s.pairs, real, real.LongestStall, base, base.LongestStall)
	}
	return []row{p99, p999, longest, stalls}, nil
}

// restart starts both servers anew.
func (s *session) restart() error {
	s.real.stop() // a control server ends by the signal, which is an error
	s.base.stop()
	dir := ""
	if !s.control {
		var err error
		if dir, err = s.data(s.miniprograms); err != nil {
			return err
		}
	}
	var err error
	if s.base, err = s.startBare(s.bareOrders); err != nil {
		return err
	}
	s.real, err = s.startOn(dir, "--upstream", "http://"+s.backend.api)
	return err
}

// noteStalls notes the longest stalls and when they were.
func (r *row) noteStalls(pair int, server string, stalls []stall) {
	const most = 5
	if len(stalls) == 0 {
		return
	}
	slices.SortFunc(stalls, func(a, b stall) int { return cmp.Compare(b.Time, a.Time) })
	var list []string
	for _, stall := range stalls[:min(most, len(stalls))] {
		list = append(list, fmt.Sprintf("%v after %v", stall.Time.Round(time.Millisecond), stall.At.Round(10*time.Millisecond)))
	}
	r.note("pair %d, %s: %d stalls, the longest %s", pair+1, server, len(stalls), strings.Join(list, ", "))
}

// stall is a time in which calls waited and none was answered.
type stall struct{ At, Time time.Duration } // At counts from the first call

// stallWatch looks for stalls in what all clients of a run send and receive.
type stallWatch struct {
	mu      sync.Mutex
	began   time.Time
	waiting int       // calls without an answer
	since   time.Time // of the last answer, or of the only call that waits
	longest time.Duration
	stalls  []stall // over longStall
}

func (w *stallWatch) sent(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.waiting == 0 {
		w.since = now
	}
	w.waiting++
}

func (w *stallWatch) answered(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	d := now.Sub(w.since)
	w.longest = max(w.longest, d)
	if d > longStall {
		w.stalls = append(w.stalls, stall{At: w.since.Sub(w.began), Time: d})
	}
	w.since = now
	w.waiting--
}

// pace makes the n-th client's calls at constant times. A call that is made
// late, as the one before took long, counts from when it was due.
func (c *client) pace(n int) error {
	orders, watch := &c.run.orders, &c.run.watch
	every := time.Duration(float64(orders.Connections) / orders.PerSecond * float64(time.Second))
	due := watch.began.Add(every * time.Duration(n) / time.Duration(orders.Connections))
	for i := 0; ; i++ {
		time.Sleep(time.Until(due))
		if c.run.phase.Load() == over {
			return nil
		}
		watch.sent(time.Now())
		if _, err := c.do(&c.call, i%len(c.targets)); err != nil {
			return err
		}
		ended := time.Now()
		watch.answered(ended)
		c.latencies.add(ended.Sub(due))
		due = due.Add(every)
	}
}
