package server

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/testserver"
)

// Nobody can fill the log: of refused calls a bounded number of lines is written,
// and how many were left out is written with the next.
func TestLogBudget(t *testing.T) {
	var b logBudget
	now := beginning
	written := 0
	for range 10_000 {
		if _, ok := b.take("", now); ok {
			written++
		}
	}
	if written != logBurst {
		t.Errorf("%d lines at once, want %d", written, logBurst)
	}
	if _, ok := b.take(platform, now); !ok {
		t.Error("a known platform has no line left")
	}
	leftOut, ok := b.take("", now.Add(time.Second))
	if !ok || leftOut != 10_000-logBurst {
		t.Errorf("a second later: %t, %d were left out", ok, leftOut)
	}
}

// TestLogOfStrangers asks for paths that name nothing, again and again.
func TestLogOfStrangers(t *testing.T) {
	var log testserver.Output
	s := New(Config{Cloud: newFixture(t, Config{}).cloud, Log: slog.New(slog.NewTextHandler(&log, nil))})
	const calls = 20 * logBurst
	for range calls {
		s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/nothing", nil))
	}
	if n := strings.Count(log.String(), "interface=none"); n < logBurst || n > calls/2 {
		t.Errorf("%d lines of %d calls", n, calls)
	}
}
