//go:build linux

package soaktest

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// memory reads a field of /proc/PID/status, VmRSS or VmHWM (the peak), in KiB.
func (s *server) memory(field string) int {
	s.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.pid()))
	must(s.t, "reading /proc/PID/status", err)
	for line := range strings.Lines(string(status)) {
		var kib int
		if _, err := fmt.Sscanf(line, field+": %d kB", &kib); err == nil {
			return kib
		}
	}
	s.t.Fatalf("/proc/PID/status has no %s", field)
	return 0
}

// forgetPeak makes VmHWM the memory of this moment (proc(5), clear_refs).
func (s *server) forgetPeak() {
	s.t.Helper()
	must(s.t, "writing /proc/PID/clear_refs", os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", s.pid()), []byte("5"), 0))
}

// descriptors is the number of files and connections that the server has open.
func (s *server) descriptors() int {
	s.t.Helper()
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.pid()))
	must(s.t, "reading /proc/PID/fd", err)
	return len(entries)
}

// metric sums the samples of /metrics whose name fits, and reports whether there
// are any.
func (s *server) metric(fits func(name string) bool) (sum float64, found bool) {
	s.t.Helper()
	c := newClient(s.admin, "")
	defer c.close()
	status, text, err := c.get(s.admin + "/metrics")
	if err != nil || status != 200 {
		s.t.Fatalf("/metrics: status %d, %v", status, err)
	}
	lines := bufio.NewScanner(strings.NewReader(string(text)))
	for lines.Scan() {
		name, rest, _ := strings.Cut(lines.Text(), " ")
		name, labels, labelled := strings.Cut(name, "{")
		if labelled { // values of labels may hold spaces
			_, rest, _ = strings.Cut(labels+" "+rest, "} ")
		}
		var v float64
		if _, err := fmt.Sscan(rest, &v); err == nil && !strings.HasPrefix(name, "#") && fits(name) {
			sum, found = sum+v, true
		}
	}
	return sum, found
}

// eventually waits until ok, for at most d.
func eventually(d time.Duration, ok func() bool) bool {
	for end := time.Now().Add(d); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}

// within fails the test unless what becomes true in time.
func within(t testing.TB, d time.Duration, what string, ok func() bool) {
	t.Helper()
	if !eventually(d, ok) {
		t.Errorf("not within %v: %s", d, what)
	}
}
