package server

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/opentcb/opentcb/tcb"
)

// metrics is what is counted of every request. Labels are the entrance, which
// is an interface nearly always, and the errcode, never an account.
type metrics struct {
	calls        *prometheus.CounterVec
	seconds      *prometheus.HistogramVec
	corrupt      prometheus.Counter
	falseSecrets prometheus.Counter
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
			Name: "opentcb_code_corrupt_total",
			Help: "Downloads refused or broken off because the stored code no longer matches its checksum.",
		}),
		falseSecrets: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "opentcb_false_secrets_total",
			Help: "Secrets, tickets, codes and refresh tokens of platforms that were false, and may have been guesses.",
		}),
	}
	if reg != nil {
		reg.MustRegister(m.calls, m.seconds, m.corrupt, m.falseSecrets)
	}
	return m
}

// doorMetrics are the counts of one entrance, looked up once.
type doorMetrics struct {
	name    string
	calls   *prometheus.CounterVec
	ok      prometheus.Counter
	seconds prometheus.Observer
}

func (m *metrics) door(name string) doorMetrics {
	return doorMetrics{
		name: name, calls: m.calls, ok: m.calls.WithLabelValues(name, "0"), seconds: m.seconds.WithLabelValues(name),
	}
}

// observe counts an answer with its errcode and the time it took.
func (d *doorMetrics) observe(code tcb.Code, took time.Duration) {
	if code == tcb.OK {
		d.ok.Inc()
	} else {
		d.calls.WithLabelValues(d.name, code.String()).Inc()
	}
	d.seconds.Observe(took.Seconds())
}

// What is logged of one platform's refused calls, and of those of all callers of
// whom nothing is known together: so many lines at once, and so many a second.
const (
	logBurst     = 100
	logRate      = 10
	maxLogBudget = 1 << 12 // platforms
)

// logBudget bounds the lines of the log that callers can bring about, so that
// nobody can fill the disk with them. It is safe for concurrent use.
type logBudget struct {
	mu sync.Mutex
	of map[string]*lines
}

// lines is what one platform has left.
type lines struct {
	left    float64
	at      time.Time
	leftOut int // since the last line
}

// take reports whether a line may be written, and how many were left out before
// it.
func (b *logBudget) take(platform string, now time.Time) (leftOut int, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.of[platform]
	if l == nil {
		if b.of == nil || len(b.of) >= maxLogBudget {
			b.of = map[string]*lines{}
		}
		l = &lines{left: logBurst, at: now}
		b.of[platform] = l
	}
	l.left = min(logBurst, l.left+max(0, now.Sub(l.at).Seconds())*logRate)
	l.at = now
	if l.left < 1 {
		l.leftOut++
		return 0, false
	}
	l.left--
	leftOut, l.leftOut = l.leftOut, 0
	return leftOut, true
}
