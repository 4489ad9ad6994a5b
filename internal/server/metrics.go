package server

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/opentcb/opentcb/tcb"
)

// metrics is what is counted. Labels are the interface and the errcode, never
// an account.
type metrics struct {
	calls   *prometheus.CounterVec
	seconds *prometheus.HistogramVec
	corrupt prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "opentcb_calls_total", Help: "Calls answered, by interface and errcode.",
		}, []string{"interface", "errcode"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "opentcb_call_seconds", Help: "Time to answer a call, by interface.",
			Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 60},
		}, []string{"interface"}),
		corrupt: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "opentcb_code_corrupt_total", Help: "Downloads refused or broken off because the stored code no longer matches its checksum.",
		}),
	}
	if reg != nil {
		reg.MustRegister(m.calls, m.seconds, m.corrupt)
	}
	return m
}

// count counts a call that has no interface of its own.
func (m *metrics) count(name string, code tcb.Code) {
	m.calls.WithLabelValues(name, code.String()).Inc()
}

// routeMetrics are the counts of one interface, looked up once.
type routeMetrics struct {
	all     *metrics
	name    string
	ok      prometheus.Counter
	seconds prometheus.Observer
}

func (m *metrics) route(name string) routeMetrics {
	return routeMetrics{all: m, name: name, ok: m.calls.WithLabelValues(name, "0"), seconds: m.seconds.WithLabelValues(name)}
}

func (r routeMetrics) observe(code tcb.Code, took time.Duration) {
	if code == tcb.OK {
		r.ok.Inc()
	} else {
		r.all.count(r.name, code)
	}
	r.seconds.Observe(took.Seconds())
}
