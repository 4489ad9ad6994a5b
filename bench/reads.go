package main

import (
	"fmt"
	"time"
)

// call is an interface and the body of its request.
type call struct{ name, body string }

func (c call) path() string { return "/tcb/" + c.name + "?access_token={token}" }

// The three reads, each of which the bare server imitates.
var (
	getcodesecret       = call{"getcodesecret", ""}
	usecloudaccesstoken = call{"usecloudaccesstoken", `{"action":"get","env":"{env}"}`}
	downloadfunction    = call{"downloadfunction", `{"env":"{env}","function_name":"{function}"}`}

	readCalls = []call{getcodesecret, usecloudaccesstoken, downloadfunction}
)

// orders are those of a run of one read against a server, over all targets
// that it fits.
func (s *session) orders(c call, to *server, seed int) loadOrders {
	targets := "targets"
	if c == downloadfunction {
		targets = "downloads"
	}
	return loadOrders{
		Address: to.api, ServerPID: to.pid(), Path: c.path(), Body: c.body,
		Targets: s.path(targets), Seed: uint64(seed), Connections: s.connections,
		WarmUp: s.warmUp, Duration: s.duration,
	}
}

func (s *session) load(orders loadOrders) (loadReport, error) {
	return runRole[loadReport](s.ctx, loadCPU, "load", orders)
}

// reads measures one read: requests per second, and the server's CPU time per
// request. A goal of 0 for the latter is none.
func reads(c call, perSecond, cpu float64) func(*session) ([]row, error) {
	return func(s *session) ([]row, error) {
		rate := row{Name: c.name, Figure: ratio, Unit: "req/s", Goal: goal{">=", perSecond}}
		cost := row{Name: c.name + " CPU", Figure: ratio, Unit: "µs/req"}
		if cpu > 0 {
			cost.Goal = goal{"<=", cpu}
		}
		for pair := range s.pairs {
			real, err := s.load(s.orders(c, s.real, pair))
			if err != nil {
				return nil, err
			}
			base, err := s.load(s.orders(c, s.base, pair))
			if err != nil {
				return nil, err
			}
			rate.add(real.perSecond(), base.perSecond())
			cost.add(1e6*real.cpuPerRequest(), 1e6*base.cpuPerRequest())
			rate.watch(real, base)
			s.progress("%s %d/%d: %.3f; real %s; bare %s", c.name, pair+1, s.pairs,
				real.perSecond()/base.perSecond(), real, base)
		}
		return []row{rate, cost}, nil
	}
}

func (r loadReport) String() string {
	return fmt.Sprintf("%.0f/s p50 %v p99 %v, server %.0f %%, idle %.0f %%, load %.0f %%",
		r.perSecond(), r.P50.Round(time.Microsecond), r.P99.Round(time.Microsecond),
		100*r.serverBusy(), 100*r.coreIdle(), 100*r.loadBusy())
}

// touchAll makes every read once for every target.
func (s *session) touchAll() error {
	s.firstReads = nil
	for _, c := range readCalls {
		orders := s.orders(c, s.real, 0)
		orders.Once = true
		report, err := s.load(orders)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		s.firstReads = append(s.firstReads, report)
	}
	return nil
}

// firstTouch reports what touchAll saw: reads of rows that are not in memory yet,
// and the keys that getcodesecret makes (CS-3).
func firstTouch(s *session) ([]row, error) {
	var rows []row
	for i, report := range s.firstReads {
		r := row{Name: readCalls[i].name + " first", Figure: plain, Unit: "req/s"}
		r.add(report.perSecond(), 0)
		rows = append(rows, r)
	}
	return rows, nil
}
