package admin

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/tcb"
)

// Status is how a server is.
type Status struct {
	Version           string    `json:"version"`
	Database          string    `json:"database"` // sqlite, or the kind of another
	Code              string    `json:"code"`     // folder, or the kind of a bucket
	Schema            int64     `json:"schema"`
	KeyIDs            []string  `json:"key_ids"` // of the master keys
	StartedAt         time.Time `json:"started_at"`
	UptimeSeconds     int64     `json:"uptime_seconds"`
	TestMode          bool      `json:"test_mode"`
	Intercept         string    `json:"intercept,omitempty"`    // address of the proxy, if there is one
	InterceptCA       string    `json:"intercept_ca,omitempty"` // file on the server's machine
	AuditBacklog      int       `json:"audit_backlog"`          // records that wait to be written
	AuditBacklogLimit int       `json:"audit_backlog_limit"`
	LastBackup        time.Time `json:"last_backup,omitzero"` // absent if there was none
	// Stored is absent until it was measured for the first time.
	Stored *Stored `json:"stored,omitempty"`
}

// Stored is how much a server keeps, as it was when it was measured.
type Stored struct {
	MeasuredAt            time.Time `json:"measured_at"`
	Platforms             int64     `json:"platforms"`
	MiniPrograms          int64     `json:"miniprograms"`
	Environments          int64     `json:"environments"`
	Functions             int64     `json:"functions"`
	Authorizations        int64     `json:"authorizations"`
	AuthorizationsInForce int64     `json:"authorizations_in_force"`
	DatabaseBytes         int64     `json:"database_bytes"`
	DatabaseLogBytes      int64     `json:"database_log_bytes"`
	CodeBytes             int64     `json:"code_bytes"`
}

// showStatus reads no row: what takes long was measured before.
func (s *Server) showStatus(_ http.ResponseWriter, r *http.Request, _ cloud.Caller) (any, error) {
	if s.status == nil {
		return nil, &httpError{http.StatusNotImplemented, tcb.InvalidURL, "this server does not know how it is"}
	}
	return s.status(), nil
}

// Status returns how the server is.
func (c *Client) Status(ctx context.Context) (Status, error) {
	return ask[Status](ctx, c, "GET", "/v1/status", nil)
}

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

// LogLevels are the levels of a server's log.
var LogLevels = []string{"debug", "info", "warn", "error"}

// LogLevel is the least level that a server logs.
type LogLevel struct {
	Level string `json:"level"`
}

func (s *Server) logLevel(http.ResponseWriter, *http.Request, cloud.Caller) (any, error) {
	if s.level == nil {
		return nil, &httpError{http.StatusNotImplemented, tcb.InvalidURL, "the log of this server has no level"}
	}
	return LogLevel{strings.ToLower(s.level.Level().String())}, nil
}

// setLogLevel changes the level until the server ends, or SIGHUP comes. It needs
// no database: one that is away is a reason to log more.
func (s *Server) setLogLevel(w http.ResponseWriter, r *http.Request, c cloud.Caller) (any, error) {
	var wanted LogLevel
	if err := readChange(w, r, &wanted); err != nil {
		return nil, err
	}
	if !slices.Contains(LogLevels, wanted.Level) {
		return nil, cloud.RefusedMember("level", "level must be one of "+strings.Join(LogLevels, ", "))
	}
	if s.level == nil {
		return s.logLevel(w, r, c)
	}
	if err := s.cloud.RecordLogLevel(c, wanted.Level); err != nil {
		return nil, err
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(wanted.Level)); err != nil {
		return nil, err
	}
	s.level.Set(level)
	s.log.Log(r.Context(), level, "the log level was changed", "level", wanted.Level, "by", c.By)
	return wanted, nil
}

// LogLevel returns the least level that the server logs.
func (c *Client) LogLevel(ctx context.Context) (LogLevel, error) {
	return ask[LogLevel](ctx, c, "GET", "/v1/log-level", nil)
}

// SetLogLevel changes the least level that the server logs.
func (c *Client) SetLogLevel(ctx context.Context, wanted string) (LogLevel, error) {
	return ask[LogLevel](ctx, c, "PUT", "/v1/log-level", LogLevel{wanted})
}
