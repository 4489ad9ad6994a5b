//go:build linux

package soaktest

import (
	"io"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestLogReaderGone takes the reader of a log away. The process goes on and
// answers: a server and dev count the lines that they lose, and a server whose
// log nobody reads, though somebody could, answers all the same.
func TestLogReaderGone(t *testing.T) {
	for _, verb := range []string{"serve", "dev"} {
		t.Run(verb, func(t *testing.T) {
			s, reader := startPiped(t, launch{verb: verb, dir: t.TempDir(), args: []string{"--log-level", "debug"}})
			must(t, "the reader's end", reader.Close())
			for range 3 {
				badCall(t, s)
			}
			within(t, readyWithin, "lost lines are counted", func() bool { return hasLostLines(t, s) })
			s.stop()
		})
	}
	t.Run("a reader that stands still", func(t *testing.T) {
		s, reader := startPiped(t, launch{dir: t.TempDir(), args: []string{"--log-level", "debug"}})
		for range 4000 { // more than the pipe and the queue hold
			badCall(t, s)
		}
		within(t, readyWithin, "lost lines are counted", func() bool { return hasLostLines(t, s) })
		text := make(chan string)
		go func() {
			all, _ := io.ReadAll(reader)
			text <- string(all)
		}()
		s.stop()
		if all := <-text; !strings.Contains(all, "lines of the log were lost") {
			t.Errorf("the log does not say that lines were lost:\n%s", all[max(0, len(all)-2000):])
		}
	})
}

// TestHangup sends SIGHUP, which ends no server: it goes on and answers. dev
// ends with its terminal, in good order.
func TestHangup(t *testing.T) {
	s := start(t, launch{dir: t.TempDir(), args: []string{"--log-level", "info"}})
	s.signal(syscall.SIGHUP)
	within(t, readyWithin, "the server notes SIGHUP", func() bool { return strings.Contains(s.log.String(), "SIGHUP") })
	badCall(t, s)
	s.stop()

	s = start(t, launch{verb: "dev", dir: t.TempDir()})
	s.signal(syscall.SIGHUP)
	s.awaitExit()
}

// startPiped starts a server whose log goes into a pipe, and returns the
// pipe's other end.
func startPiped(t *testing.T, l launch) (*server, *os.File) {
	t.Helper()
	reader, writer, err := os.Pipe()
	must(t, "a pipe", err)
	t.Cleanup(func() { reader.Close() })
	s := &server{t: t, cmd: l.command(), ended: make(chan struct{})}
	s.cmd.Stdout, s.cmd.Stderr, s.cmd.WaitDelay = &s.out, writer, time.Second
	must(t, "a server", s.cmd.Start())
	go func() {
		s.err = s.cmd.Wait()
		close(s.ended)
	}()
	t.Cleanup(s.kill)
	must(t, "the writer's end", writer.Close())
	select {
	case <-s.ready():
	case <-s.ended:
		t.Fatalf("the server ended before it was ready: %v", s.err)
	}
	return s, reader
}

// badCall makes a call that is refused, and so logged.
func badCall(t *testing.T, s *server) {
	t.Helper()
	resp, err := http.Post(s.api+"/tcb/getcodesecret?access_token=false", "application/json", strings.NewReader("{}"))
	if err != nil {
		t.Fatalf("the server does not answer: %v", err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
}

// hasLostLines reports whether the server's metrics count lost lines.
func hasLostLines(t *testing.T, s *server) bool {
	t.Helper()
	resp, err := http.Get(s.admin + "/metrics")
	must(t, "the metrics", err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	must(t, "the metrics", err)
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "opentcb_log_lines_lost_total "); ok && strings.TrimSpace(value) != "0" {
			return true
		}
	}
	return false
}
