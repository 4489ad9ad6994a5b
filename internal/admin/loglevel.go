package admin

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/tcb"
)

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
	if err := readJSON(w, r, maxJSON, &wanted); err != nil {
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
