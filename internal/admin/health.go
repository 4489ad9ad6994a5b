package admin

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// readyTime is how long storage may take to answer before the server counts
// as not ready.
const readyTime = 2 * time.Second

// openRoutes is every path that needs no token: whether the server lives,
// whether it can work, what it counts, and the interface's description.
func (s *Server) openRoutes(metrics prometheus.Gatherer) map[string]http.Handler {
	if metrics == nil {
		metrics = prometheus.NewRegistry()
	}
	return map[string]http.Handler{
		"GET /healthz": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			writeJSON(w, http.StatusOK, Health{Status: "ok"})
		}),
		"GET /readyz":  http.HandlerFunc(s.readyz),
		"GET /metrics": promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}),
		"GET /openapi.yaml": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/yaml")
			_, _ = w.Write(OpenAPI)
		}),
	}
}

// Health is how the server is. Reasons are given when it is not ready.
type Health struct {
	Status  string   `json:"status"` // ok, or unavailable
	Reasons []string `json:"reasons,omitempty"`
}

// readyLife is how long it is remembered whether the server is ready. To find
// out, something is written to the storage, and anybody may ask.
const readyLife = time.Second

// readiness remembers whether the server is ready.
type readiness struct {
	mu      sync.Mutex
	at      time.Time
	reasons []string
}

// ask returns the reasons why the server is not ready, of up to readyLife ago.
// Whoever asks while another one finds out waits for that.
func (k *readiness) ask(ctx context.Context, find func(context.Context) []string) []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.at.IsZero() || time.Since(k.at) >= readyLife {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readyTime)
		defer cancel()
		k.reasons = find(ctx)
		k.at = time.Now()
	}
	return k.reasons
}

func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	reasons := s.ready.ask(r.Context(), s.cloud.Ready)
	if len(reasons) > 0 {
		writeJSON(w, http.StatusServiceUnavailable, Health{Status: "unavailable", Reasons: reasons})
		return
	}
	writeJSON(w, http.StatusOK, Health{Status: "ok"})
}
