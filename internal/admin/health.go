package admin

import (
	"net/http"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

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

// Health is how the server is. Reasons are given when not all of it works.
type Health struct {
	Status   string   `json:"status"` // ok, degraded, or unavailable
	Reasons  []string `json:"reasons,omitempty"`
	TestMode bool     `json:"test_mode,omitempty"` // only of /readyz
}

// readyz is 503 only while the interfaces cannot be answered: a server whose code
// storage is away is no reason to send its calls elsewhere.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	h, answer, status := s.cloud.Health(r.Context()), Health{Status: "ok", TestMode: s.testMode}, http.StatusOK
	if len(h.Degraded) > 0 {
		answer.Status = "degraded"
	}
	if len(h.Unavailable) > 0 {
		answer.Status, status = "unavailable", http.StatusServiceUnavailable
	}
	answer.Reasons = slices.Concat(h.Unavailable, h.Degraded)
	writeJSON(w, status, answer)
}
