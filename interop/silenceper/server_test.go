package silenceper

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// readyLine is what `opentcb serve` prints once it answers requests.
var readyLine = regexp.MustCompile(`^ready api=(http://\S+) admin=(http://\S+)(?: intercept=\S+)?$`)

// server is a running opentcb binary with the world of testdata.
type server struct {
	bin, api, admin, data string
	// intercepts reports that the server answers for the real platform's hosts.
	intercepts bool
}

// binary returns the path of the opentcb binary: OPENTCB_BIN, or one that it
// builds from this checkout.
func binary(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("OPENTCB_BIN"); path != "" {
		return path
	}
	path := filepath.Join(t.TempDir(), "opentcb")
	build := exec.Command("go", "build", "-o", path, "./cmd/opentcb")
	build.Dir = filepath.Join("..", "..")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building opentcb: %v\n%s", err, out)
	}
	return path
}

// intercepting is the variable of a process that goes through the proxy of a server:
// its program, the address of its admin interface and its data folder, a line each.
const intercepting = "OPENTCB_INTEROP_INTERCEPTING"

// start runs the server until the test ends, and fails the test if it does
// not come up or does not end with status 0 on SIGTERM.
func start(t *testing.T, flags ...string) *server {
	t.Helper()
	if text := os.Getenv(intercepting); text != "" { // the server is another test's
		place := strings.Split(text, "\n")
		return &server{place[0], realHost, place[1], place[2], true}
	}
	s := &server{bin: binary(t), data: t.TempDir()}
	cmd := exec.Command(s.bin, append([]string{"serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0",
		"--data", s.data, "--world", filepath.Join("..", "testdata", "world.yaml")}, flags...)...)
	var log bytes.Buffer
	cmd.Stderr = &log
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	drained := make(chan struct{})
	t.Cleanup(func() { stop(t, cmd, drained, &log) })
	ready := make(chan []string, 1)
	go func() {
		defer close(drained)
		awaitReady(out, ready)
	}()
	select {
	case m := <-ready:
		if m == nil {
			t.Fatal("the server ended without a ready line")
		}
		s.api, s.admin = m[1], m[2]
	case <-time.After(20 * time.Second):
		t.Fatal("no ready line within 20 s")
	}
	return s
}

// awaitReady sends the parts of the ready line, or nil if there is none, and
// reads on to the end, so that the server never blocks on a full pipe.
func awaitReady(out io.Reader, ready chan<- []string) {
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if m := readyLine.FindStringSubmatch(lines.Text()); m != nil {
			ready <- m
			break
		}
	}
	close(ready)
	_, _ = io.Copy(io.Discard, out)
}

// stop ends the server the way an operator does, and shows its log if the
// test failed.
func stop(t *testing.T, cmd *exec.Cmd, drained <-chan struct{}, log *bytes.Buffer) {
	_ = cmd.Process.Signal(syscall.SIGTERM)
	kill := time.AfterFunc(40*time.Second, func() { _ = cmd.Process.Kill() })
	defer kill.Stop()
	<-drained
	if err := cmd.Wait(); err != nil {
		t.Errorf("SIGTERM: %v, want exit status 0", err)
	}
	if t.Failed() {
		t.Logf("the server's log:\n%s", log)
	}
}

// operator runs a command of the operator against the server and returns the
// part of its output that begins with prefix.
func (s *server) operator(t *testing.T, prefix string, args ...string) string {
	t.Helper()
	cmd := exec.Command(s.bin, append(args, "--admin", s.admin, "--data", s.data)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("opentcb %q: %v\n%s", args, err, stderr.Bytes())
	}
	value := regexp.MustCompile(regexp.QuoteMeta(prefix) + `[^\s"]+`).Find(out)
	if value == nil {
		t.Fatalf("opentcb %q printed no %s…: %q", args, prefix, out)
	}
	return string(value)
}

// ticket returns a platform's current verify ticket (CR-2).
func (s *server) ticket(t *testing.T, platform string) string {
	t.Helper()
	return s.operator(t, "ticket@@@", "ticket", platform)
}

// authorize is the merchant's consent; it returns an authorization code (CR-4).
func (s *server) authorize(t *testing.T, platform, appid string) string {
	t.Helper()
	return s.operator(t, "queryauthcode@@@", "authorize", platform, appid, "--sets", "18,49")
}
