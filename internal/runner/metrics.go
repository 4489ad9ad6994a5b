package runner

import (
	"errors"
	"net/http"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics are what is counted of a runner. No label is an account's.
type metrics struct {
	invocations *prometheus.CounterVec
	coldStarts  prometheus.Counter
	page        http.Handler
}

func (r *Runner) newMetrics() metrics {
	m := metrics{
		invocations: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "opentcb_runner_invocations_total", Help: "Events that came, by how they ended.",
		}, []string{"outcome"}),
		coldStarts: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "opentcb_runner_cold_starts_total", Help: "Processes of functions that were started.",
		}),
	}
	reg := prometheus.NewRegistry()
	reg.MustRegister(m.invocations, m.coldStarts,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "opentcb_runner_processes", Help: "Processes of functions that there are.",
		}, func() float64 { return float64(len(r.processes)) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "opentcb_runner_processes_limit", Help: "Processes of functions that there may be.",
		}, func() float64 { return float64(r.cfg.Processes) }))
	m.page = promhttp.HandlerFor(reg, promhttp.HandlerOpts{})
	return m
}

// ended counts how an event ended. A function can write what kind it likes.
func (m metrics) ended(err error) {
	outcome := "ok"
	failed, isFailure := errors.AsType[*Failure](err)
	switch kinds := []string{kindLoad, kindExit, kindTimeout, kindTooLarge, kindBusy}; {
	case isFailure && slices.Contains(kinds, failed.Kind):
		outcome = failed.Kind
	case isFailure:
		outcome = "throw"
	case err != nil:
		outcome = "not_run"
	}
	m.invocations.WithLabelValues(outcome).Inc()
}
