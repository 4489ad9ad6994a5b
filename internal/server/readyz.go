package server

import (
	"net/http"

	"github.com/opentcb/opentcb/internal/cloud"
)

// readyPath is where proxies ask whether this server can answer. It is one of the
// server's own paths (CC-5).
const readyPath = "/readyz"

// readiness is the entrance of that question. Everybody may ask, so the answer is
// one word; the admin listener says why.
var readiness = entrance{name: "readyz", serve: (*Server).tellReady, refuse: func(v *visit, _ error) {
	answer(v.w, http.StatusServiceUnavailable, ready{Status: "unavailable"})
}}

// ready is the body of the answer.
type ready struct {
	Status   string `json:"status"` // ok, degraded, or unavailable
	TestMode bool   `json:"test_mode,omitempty"`
}

func (s *Server) tellReady(v *visit) error {
	h := s.cloud.Health(v.r.Context())
	if len(h.Unavailable) > 0 {
		return cloud.Refused(cloud.Unavailable, "")
	}
	status := ready{"ok", s.testMode}
	if len(h.Degraded) > 0 {
		status.Status = "degraded"
	}
	answer(v.w, http.StatusOK, status)
	return nil
}

// isReady reports whether a request asks that.
func isReady(path, method string) bool {
	return path == readyPath && (method == http.MethodGet || method == http.MethodHead)
}
