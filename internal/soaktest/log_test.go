//go:build linux

package soaktest

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// logged returns the members of the lines of a JSON log with that message, oldest
// first. Every line has to be JSON.
func (s *server) logged(message string) (found []map[string]any) {
	s.t.Helper()
	for line := range strings.Lines(s.log.String()) {
		var members map[string]any
		if err := json.Unmarshal([]byte(line), &members); err != nil {
			s.t.Fatalf("the log has a line that is not JSON: %q", line)
		}
		if members["msg"] == message {
			found = append(found, members)
		}
	}
	return found
}

// begun waits for the line of the server's start and returns its members: standard
// error is another pipe than the one that the server's being ready has come by.
func (s *server) begun() []map[string]any {
	s.t.Helper()
	within(s.t, readyWithin, "the start is logged", func() bool { return len(s.logged("started")) > 0 })
	return s.logged("started")
}

// lacks names the members that a line should have and has not.
func lacks(members map[string]any, names ...string) (missing []string) {
	for _, name := range names {
		if v, ok := members[name]; !ok || v == "" {
			missing = append(missing, name)
		}
	}
	return missing
}

// TestLog reads the log of a whole life: how the server was started, which calls
// failed and of whom, and that it has ended.
//
// Proves: LV-1
func TestLog(t *testing.T) {
	l := launch{data: filepath.Join(t.TempDir(), "data"), args: []string{"--log-format", "json", "--log-level", "info"}}
	first := l
	first.world = newWorld(t, 1)
	s := start(t, first)
	begun := s.begun()
	if len(begun) != 1 || begun[0]["new_folder"] != true || begun[0]["database"] != "sqlite" ||
		len(lacks(begun[0], "version", "code", "schema", "master_key", "api", "admin")) > 0 {
		t.Errorf("the start is logged as %v", begun)
	}
	c := login(t, s, 1)[0]
	if err := c.setPermission(envid(0, 0), permission{true, nil, 0}); err == nil {
		t.Error("a set of an old version is taken")
	}
	if _, err := c.permission("A-secret-in-the-wrong-place"); err == nil {
		t.Error("an environment that is none is there")
	}
	badCall(t, s)
	var shown []string
	within(t, readyWithin, "the failed calls are logged", func() bool { return len(s.logged("call")) >= 3 })
	for _, line := range s.logged("call") {
		wanted := []string{"time", "level", "rid", "interface", "errcode", "took", "err", "from"}
		if line["interface"] == "usecloudaccesstoken" {
			wanted = append(wanted, "platform", "appid", "env")
		}
		if missing := lacks(line, wanted...); len(missing) > 0 {
			t.Errorf("%v has not %v", line, missing)
		}
		env, _ := line["env"].(string)
		shown = append(shown, env)
	}
	if got := strings.Join(shown, ","); got != envid(0, 0)+",not an id (27 bytes)," {
		t.Errorf("environments: %q", got)
	}
	s.stop()
	if ended := s.logged("ended"); len(ended) != 1 || len(lacks(ended[0], "after")) > 0 {
		t.Errorf("the end is logged as %v", ended)
	}
	s = start(t, l)
	if begun := s.begun(); len(begun) != 1 || begun[0]["new_folder"] != false {
		t.Errorf("the second start is logged as %v", begun)
	}
	s.stop()
}

// TestLogLevel changes what a running server logs; SIGHUP brings back what the
// start said, and ends nothing.
//
// Proves: LV-1, LV-4
func TestLogLevel(t *testing.T) {
	s := start(t, launch{data: filepath.Join(t.TempDir(), "data"), args: []string{"--log-format", "json", "--log-level", "info"}})
	calls := func() int { return len(s.logged("call")) }
	ready := func() { // a call that succeeds: debug alone logs it
		c := newClient(s.api, "")
		defer c.close()
		if status, _, err := c.get(s.api + "/readyz"); err != nil || status != 200 {
			t.Fatalf("/readyz: %d, %v", status, err)
		}
	}
	ready()
	if got := s.cli("log-level"); strings.TrimSpace(got) != "info" || calls() != 0 {
		t.Fatalf("the level is %s, and there are %d calls", got, calls())
	}
	s.cli("log-level", "debug")
	ready()
	within(t, readyWithin, "a call is logged", func() bool { return calls() == 1 })
	s.cli("log-level", "error")
	badCall(t, s)
	s.signal(syscall.SIGHUP)
	within(t, readyWithin, "SIGHUP is logged", func() bool {
		return len(s.logged("SIGHUP: the log level is that of the start")) == 1
	})
	if got := s.cli("log-level"); strings.TrimSpace(got) != "info" {
		t.Errorf("after SIGHUP the level is %s", got)
	}
	ready()
	badCall(t, s)
	within(t, readyWithin, "the failed call is logged", func() bool { return calls() == 2 })
	s.stop()
	if calls() != 2 {
		t.Errorf("%d calls are logged, want one at debug, none at error and one at info", calls())
	}
}
