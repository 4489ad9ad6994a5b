package admin_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/admin"
)

// TestClock sets the clock in each mode and moves it in each.
//
// Proves: CK-1
func TestClock(t *testing.T) {
	s := startTests(t)
	at := time.Date(2026, 1, 31, 15, 4, 5, 0, time.UTC)
	shows := func(c admin.Clock, err error, mode, by string, now time.Time) {
		t.Helper()
		must(t, err)
		again, err := s.Clock(t.Context())
		must(t, err)
		off := c.Now.Sub(now).Abs()
		if string(c.Mode) != mode || c.By != by || off > time.Minute || again.Mode != c.Mode || again.By != c.By {
			t.Errorf("the clock is %+v, then %+v, want %s %s %v", c, again, mode, by, now)
		}
		if mode == "frozen" && (off != 0 || !c.At.Equal(now) || !again.Now.Equal(now)) {
			t.Errorf("the clock shows %v, then %v, want %v", c.Now, again.Now, now)
		}
	}
	c, err := s.Clock(t.Context())
	shows(c, err, "real", "", time.Now())
	c, err = s.AdvanceClock(t.Context(), "90m")
	shows(c, err, "offset", "1h30m0s", time.Now().Add(90*time.Minute))
	c, err = s.AdvanceClock(t.Context(), "-3h")
	shows(c, err, "offset", "-1h30m0s", time.Now().Add(-90*time.Minute))
	c, err = s.SetClock(t.Context(), admin.Clock{Mode: "frozen", At: &at})
	shows(c, err, "frozen", "", at)
	c, err = s.AdvanceClock(t.Context(), "90m")
	shows(c, err, "frozen", "", at.Add(90*time.Minute))
	c, err = s.SetClock(t.Context(), admin.Clock{Mode: "offset", By: "3h"})
	shows(c, err, "offset", "3h0m0s", time.Now().Add(3*time.Hour))
	c, err = s.SetClock(t.Context(), admin.Clock{Mode: "real"})
	shows(c, err, "real", "", time.Now())
	for _, r := range []struct{ method, path, body, member string }{
		{"PUT", "/v1/clock", `{}`, "mode"}, {"PUT", "/v1/clock", `{"mode":"slow"}`, "mode"},
		{"PUT", "/v1/clock", `{"mode":"offset"}`, "by"}, {"PUT", "/v1/clock", `{"mode":"offset","by":"soon"}`, "by"},
		{"PUT", "/v1/clock", `{"mode":"frozen"}`, "at"}, {"PUT", "/v1/clock", `{"mode":"frozen","at":"1999-12-31T23:59:59Z"}`, "at"},
		{"PUT", "/v1/clock", `{"mode":"frozen","at":"2100-01-01T00:00:00Z"}`, "at"},
		{"PUT", "/v1/clock", `{"mode":"real","by":"1h"}`, "by"}, {"PUT", "/v1/clock", `{"mode":"offset","by":"1h","at":"2026-01-31T15:04:05Z"}`, "at"},
		{"PUT", "/v1/clock", `{"mode":"real","now":"2026-01-31T15:04:05Z"}`, "now"},
		{"PUT", "/v1/clock", `{"mode":"offset","by":"2500000h"}`, "by"},
		{"POST", "/v1/clock/advance", `{}`, "by"}, {"POST", "/v1/clock/advance", `{"by":"-2500000h"}`, "by"},
	} {
		resp, text := s.request(t, r.method, r.path, r.body, nil)
		if resp.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(text, `"member":"`+r.member+`"`) {
			t.Errorf("%s %s: %d %s", r.path, r.body, resp.StatusCode, text)
		}
	}
	c, err = s.Clock(t.Context())
	shows(c, err, "real", "", time.Now()) // what is refused changes nothing
}
