package server

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/testserver"
	"github.com/opentcb/opentcb/tcb"
)

// entry is a request that reaches an entrance, and how the entrance answers a
// fault of the server: its status, and what the answer holds.
type entry struct {
	method, target string
	status         int
	holds          string
}

// entries has one for every entrance that is no interface.
var entries = map[string]entry{
	"UpdateFunctionCode": {"POST", "/", http.StatusOK, `"Code":"InternalError"`},
	"download":           {"GET", "/download/x", http.StatusInternalServerError, "the code cannot be given rid: "},
	"cloudcall":          {"PUT", "/wxa/x?cloudbase_access_token=x", http.StatusOK, `"errcode":-1000`},
	"decide":             {"GET", "/decide/wxa/x?cloudbase_access_token=x", http.StatusForbidden, `"errcode":-1000`},
	"readyz":             {"GET", "/readyz", http.StatusServiceUnavailable, `{"status":"unavailable"}`},
	"consent":            {"GET", "/cgi-bin/componentloginpage", http.StatusServiceUnavailable, ""},
	"none":               {"GET", "/nothing", http.StatusNotFound, `"errcode":40066`},
}

// everyEntrance returns an entry for each entrance that a server has. It asks
// the metrics: the door of each has its row there.
func everyEntrance(t *testing.T, s *Server, reg *prometheus.Registry) map[string]entry {
	t.Helper()
	all := map[string]entry{}
	for path, d := range s.interfaces {
		all[d.name] = entry{"POST", path + "?access_token=x", http.StatusOK, `"errcode":-1000`}
	}
	for name, e := range entries {
		all[name] = e
	}
	seconds := metric(t, reg, "opentcb_call_seconds")
	if len(seconds) != len(all) {
		t.Errorf("%d entrances have metrics, want %d", len(seconds), len(all))
	}
	for _, m := range seconds {
		if name := m.Label[0].GetValue(); all[name] == (entry{}) {
			t.Errorf("no request is known that reaches the entrance %s", name)
		}
	}
	return all
}

// metric returns the rows of a metric.
func metric(t *testing.T, reg *prometheus.Registry, name string) []*dto.Metric {
	t.Helper()
	families, err := reg.Gather()
	must(t, err)
	for _, f := range families {
		if f.GetName() == name {
			return f.Metric
		}
	}
	t.Fatalf("there is no metric %s", name)
	return nil
}

// row finds the row of a metric that has these values of labels.
func row(rows []*dto.Metric, labels ...string) *dto.Metric {
	for _, m := range rows {
		same := len(m.Label) == len(labels)
		for i, l := range m.Label {
			same = same && l.GetValue() == labels[i]
		}
		if same {
			return m
		}
	}
	return &dto.Metric{}
}

// TestPanic calls a server without rules through every entrance: whatever
// touches them panics. Each call is answered all the same, in the language of
// its entrance; the cause is logged once, under its rid, and nothing of it is
// shown. Each is counted and timed.
//
// Proves: EN-13, EN-5
func TestPanic(t *testing.T) {
	log, reg := &testserver.Output{}, prometheus.NewRegistry()
	s := New(Config{Log: slog.New(slog.NewTextHandler(log, nil)), Registry: reg})
	ts := httptest.NewServer(s)
	defer ts.Close()
	all := everyEntrance(t, s, reg)
	for name, e := range all {
		body := strings.NewReader(`{"component_appid":"a","component_appsecret":"b","component_verify_ticket":"c"}`)
		status, text := request(t, e.method, ts.URL+e.target, body)
		if status != e.status || !strings.Contains(text, e.holds) || internals.MatchString(text) {
			t.Errorf("%s: %d %s", name, status, text)
			continue
		}
		rid := regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}`).FindString(text)
		line := "rid=" + rid + " interface=" + name + " "
		if name == "readyz" { // which answers one word
			rid, line = "none", " interface=readyz "
		}
		if rid == "" || strings.Count(log.String(), line) != 1 {
			t.Errorf("%s: the log does not have the rid %q once", name, rid)
		}
		code := "-1000"
		if name == "none" {
			code = "40066"
		}
		count := row(metric(t, reg, "opentcb_calls_total"), code, name).GetCounter().GetValue()
		timed := row(metric(t, reg, "opentcb_call_seconds"), name).GetHistogram().GetSampleCount()
		if count != 1 || timed != 1 {
			t.Errorf("%s is counted %v times, and timed %d times", name, count, timed)
		}
	}
	if n := strings.Count(log.String(), "panic: "); n != len(all)-1 { // nothing can panic in none
		t.Errorf("%d panics are in the log: %s", n, log)
	}
}

// TestDoor sends every outcome through the door: what can still be refused is
// refused, and what cannot breaks the connection. Each is counted, timed and
// logged once, at its level.
//
// Proves: EN-13
func TestDoor(t *testing.T) {
	unavailable := cloud.Refused(cloud.Unavailable, "")
	begin := func(v *visit) {
		v.begun = true
		_, _ = io.WriteString(v.w, "half")
		_ = http.NewResponseController(v.w).Flush()
	}
	for name, c := range map[string]struct {
		serve func(*Server, *visit) error
		got   string // what the caller gets; "" for a connection that breaks
		code  tcb.Code
		level slog.Level
	}{
		"success": {func(_ *Server, v *visit) error {
			_, err := io.WriteString(v.w, "whole")
			return err
		}, "whole", tcb.OK, slog.LevelDebug},
		"refusal": {func(*Server, *visit) error {
			return cloud.Refused(cloud.InvalidArgs, "")
		}, "refused", tcb.InvalidArgs, slog.LevelInfo},
		"fault": {func(*Server, *visit) error {
			return unavailable
		}, "refused", tcb.SystemBusy, slog.LevelError},
		"panic": {func(*Server, *visit) error {
			panic("at the disco")
		}, "refused", tcb.SystemError, slog.LevelError},
		"late fault": {func(_ *Server, v *visit) error {
			begin(v)
			return unavailable
		}, "", tcb.SystemBusy, slog.LevelError},
		"late panic": {func(_ *Server, v *visit) error {
			begin(v)
			panic("at the disco")
		}, "", tcb.SystemError, slog.LevelError},
		"abort": {func(*Server, *visit) error {
			panic(http.ErrAbortHandler)
		}, "", tcb.SystemBusy, slog.LevelError},
	} {
		log, reg := &testserver.Output{}, prometheus.NewRegistry()
		s := New(Config{Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})), Registry: reg})
		refuse := func(v *visit, _ error) { _, _ = io.WriteString(v.w, "refused") }
		ts := httptest.NewServer(s.newDoor(entrance{name: name, serve: c.serve, refuse: refuse}))
		got, err := getAll(ts.URL)
		if ts.Close(); err == nil && got != c.got || err != nil && c.got != "" {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
		count := row(metric(t, reg, "opentcb_calls_total"), c.code.String(), name).GetCounter().GetValue()
		timed := row(metric(t, reg, "opentcb_call_seconds"), name).GetHistogram().GetSampleCount()
		text := log.String()
		logged := strings.Count(text, "msg=call ")
		asWanted := strings.Contains(text, "level="+c.level.String()) &&
			strings.Contains(text, fmt.Sprintf("errcode=%d", c.code))
		if count != 1 || timed != 1 || logged != 1 || !asWanted {
			t.Errorf("%s: counted %v times, timed %d times, logged as\n%s", name, count, timed, text)
		}
	}
}

// getAll returns the body of an answer, or why it did not come whole.
func getAll(url string) (string, error) {
	resp, err := http.Get(url)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return string(text), err
}

// TestCallerGone wants a caller that goes away to leave no error in the log:
// before its answer, and while it is being sent.
func TestCallerGone(t *testing.T) {
	for _, half := range []string{"", "half"} {
		log := &testserver.Output{}
		s := New(Config{Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
		ended := make(chan error, 1)
		ts := httptest.NewServer(s.newDoor(entrance{name: "x", serve: func(_ *Server, v *visit) error {
			_, _ = io.WriteString(v.w, half)
			_ = http.NewResponseController(v.w).Flush()
			<-v.r.Context().Done()
			ended <- v.r.Context().Err()
			if half != "" {
				panic(http.ErrAbortHandler)
			}
			return &cloud.Error{Kind: cloud.Unavailable, Err: v.r.Context().Err()}
		}, refuse: func(*visit, error) {}}))
		conn, err := net.Dial("tcp", ts.Listener.Addr().String())
		must(t, err)
		must(t, conn.SetDeadline(time.Now().Add(time.Minute)))
		fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
		_, err = bufio.NewReader(conn).ReadString('\n') // of the head
		must(t, err)
		must(t, conn.Close())
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		ts.Close()
		if text := log.String(); !strings.Contains(text, "level=DEBUG") || strings.Contains(text, "level=ERROR") {
			t.Errorf("after %q: %s", half, text)
		}
	}
}
