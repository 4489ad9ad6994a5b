package main

import (
	"os"
	"time"
)

// A set sends back the version that its caller knows, and nothing changes but
// that (UT-6). Each client has environments of its own.
const (
	setBody          = `{"action":"set","env":"{env}","open":true,"api_whitelist":["/wxa/msg_sec_check"],"version":{version}}`
	setClients       = 64
	setEnvironments  = 100 // of each client
	setsPerBatch     = 64
	oneSetMayBeAbove = 0.4 // ms above a raw append and sync
	rawDatabase      = "raw.db"
)

func (s *session) setOrders(clients int) loadOrders {
	orders := s.orders(usecloudaccesstoken, s.real, 0)
	orders.Probe, orders.Body = orders.Body, setBody
	orders.Connections, orders.PerConnection = clients, setEnvironments
	return orders
}

// manySets measures sets of many clients against the same rows written in
// batches, each a synced transaction.
func manySets(s *session) ([]row, error) {
	r := row{Name: "set, 64 clients", Figure: ratio, Unit: "sets/s", Goal: goal{">=", 0.45}}
	for pair := range s.pairs {
		real, err := s.load(s.setOrders(setClients))
		if err != nil {
			return nil, err
		}
		base, err := runRole[rawReport](s.ctx, serverCPU, "rawsets", rawOrders{
			Path: s.path(rawDatabase), MiniPrograms: s.miniprograms, WarmUp: s.warmUp, Duration: s.duration,
		})
		if err != nil {
			return nil, err
		}
		r.add(real.perSecond(), base.perSecond())
		s.progress("set, 64 clients %d/%d: %.3f; real %s; raw %.0f/s",
			pair+1, s.pairs, real.perSecond()/base.perSecond(), real, base.perSecond())
	}
	return []row{r}, nil
}

// oneSet measures the median latency of a single client's sets above that of a
// raw append and sync on the same disk.
func oneSet(s *session) ([]row, error) {
	r := row{Name: "set, 1 client, p50", Figure: difference, Unit: "ms", Goal: goal{"<", oneSetMayBeAbove}}
	for pair := range s.pairs {
		real, err := s.load(s.setOrders(1))
		if err != nil {
			return nil, err
		}
		base, err := runRole[rawReport](s.ctx, serverCPU, "rawsync", rawOrders{
			Path: s.path("rawsync"), WarmUp: s.warmUp, Duration: s.duration,
		})
		if err != nil {
			return nil, err
		}
		r.add(milliseconds(real.P50), milliseconds(base.P50))
		s.progress("set, 1 client %d/%d: p50 %v, p99 %v; raw append and sync p50 %v, p99 %v",
			pair+1, s.pairs, real.P50, real.P99, base.P50, base.P99)
	}
	return []row{r}, os.Remove(s.path("rawsync"))
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
