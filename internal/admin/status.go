package admin

import (
	"context"
	"net/http"
	"time"

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
