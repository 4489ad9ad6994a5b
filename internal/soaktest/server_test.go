//go:build linux

package soaktest

import (
	"bufio"
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/testserver"
)

const (
	readyWithin = time.Minute     // that it does not hang
	exitWithin  = 2 * time.Minute // likewise; calls under way are given 30 s
)

// launch is how a server is started. Ports are always free ones.
type launch struct {
	binary string // default: shipped
	verb   string // serve or dev; default serve
	data   string // the data folder, with serve
	dir    string // the current directory, "" for the test's own
	world  string // path of a world file, "" for none
	args   []string
	env    []string // beside plainEnv
}

func (l launch) command() *exec.Cmd {
	if l.binary == "" {
		l.binary = shipped()
	}
	if l.verb == "" {
		l.verb = "serve"
	}
	args := []string{l.verb, "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"}
	if l.data != "" {
		args = append(args, "--data", l.data)
	}
	if l.world != "" {
		args = append(args, "--world", l.world)
	}
	cmd := exec.Command(l.binary, append(args, l.args...)...)
	cmd.Dir, cmd.Env = l.dir, append(plainEnv(), l.env...)
	// No child outlives the test, however that ends.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// plainEnv is the environment without what would steer the binary or its
// runtime.
func plainEnv() []string {
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "OPENTCB_") && !strings.HasPrefix(v, "GOGC=") &&
			!strings.HasPrefix(v, "GOMEMLIMIT=") && !strings.HasPrefix(v, "GODEBUG=") {
			env = append(env, v)
		}
	}
	return env
}

// server is a running server process.
type server struct {
	t          testing.TB
	cmd        *exec.Cmd
	data       string
	api, admin string // http://HOST:PORT
	out, log   output // standard output and standard error
	ended      chan struct{}
	err        error // how it ended, once ended is closed
}

// start starts a server and returns when it is ready. It is killed at the end
// of the test if it still runs; and whatever it went through, it may not have
// panicked.
func start(t testing.TB, l launch) *server {
	t.Helper()
	s := begin(t, l)
	select {
	case <-s.ready():
	case <-s.ended:
		t.Fatalf("the server ended before it was ready: %v\n%s", s.err, s.log.String())
	case <-time.After(readyWithin):
		t.Fatalf("the server is not ready after %v\n%s", readyWithin, s.log.String())
	}
	return s
}

// begin starts a server and does not wait for it.
func begin(t testing.TB, l launch) *server {
	t.Helper()
	s := &server{t: t, cmd: l.command(), data: l.data, ended: make(chan struct{})}
	s.cmd.Stdout, s.cmd.Stderr = &s.out, &s.log
	s.cmd.WaitDelay = time.Second
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		s.err = s.cmd.Wait()
		close(s.ended)
	}()
	t.Cleanup(s.cleanUp)
	return s
}

func (s *server) cleanUp() {
	s.kill()
	for _, sign := range []string{"panic: ", "fatal error: ", "DATA RACE", "[signal "} {
		if strings.Contains(s.log.String(), sign) {
			s.t.Errorf("the server's log shows %q:\n%s", sign, s.log.tail())
		}
	}
}

// ready is closed when the ready line has come.
func (s *server) ready() <-chan struct{} {
	ready := make(chan struct{})
	go func() {
		for !s.readReady() {
			select {
			case <-s.ended:
				return
			case <-time.After(time.Millisecond):
			}
		}
		close(ready)
	}()
	return ready
}

// readReady looks for the line `ready api=http://HOST:PORT admin=http://HOST:PORT`.
func (s *server) readReady() bool {
	lines := bufio.NewScanner(strings.NewReader(s.out.String()))
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) >= 3 && f[0] == "ready" {
			s.api, s.admin = strings.TrimPrefix(f[1], "api="), strings.TrimPrefix(f[2], "admin=")
			return true
		}
	}
	return false
}

func (s *server) pid() int { return s.cmd.Process.Pid }

// kill is kill -9. It returns when the process is gone.
func (s *server) kill() {
	s.cmd.Process.Kill()
	<-s.ended
}

func (s *server) signal(sig syscall.Signal) {
	if err := s.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		s.t.Errorf("%v: %v", sig, err)
	}
}

// stop ends the server as an operator would, and expects exit status 0.
func (s *server) stop() {
	s.t.Helper()
	s.signal(syscall.SIGTERM)
	s.awaitExit()
}

func (s *server) awaitExit() {
	s.t.Helper()
	select {
	case <-s.ended:
		if s.err != nil {
			s.t.Errorf("the server was told to stop and ended with: %v\n%s", s.err, s.log.tail())
		}
	case <-time.After(exitWithin):
		s.t.Errorf("the server was told to stop and runs after %v", exitWithin)
		s.kill()
	}
}

// cli runs a command against the server and returns its standard output. The
// command must succeed.
func (s *server) cli(args ...string) string {
	s.t.Helper()
	args = append(args, "--admin", s.admin, "--data", s.data)
	out, errs, status := command(s.t, "", args...)
	if status != 0 {
		s.t.Fatalf("opentcb %s: exit status %d\n%s", args[0], status, errs)
	}
	return out
}

// command runs the binary to its end in a folder and returns its standard
// output, its standard error and its exit status.
func command(t testing.TB, dir string, args ...string) (out, errs string, status int) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(shipped(), args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, plainEnv(), &stdout, &stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	tooLate := time.AfterFunc(exitWithin, func() { cmd.Process.Kill() })
	defer tooLate.Stop()
	if err := cmd.Wait(); err != nil && cmd.ProcessState.ExitCode() < 0 {
		t.Fatalf("opentcb %s: %v\n%s%s", strings.Join(args, " "), err, &stdout, &stderr)
	}
	return stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()
}

// output is what a process writes.
type output struct{ testserver.Output }

// tail is the end of it.
func (o *output) tail() string {
	s := o.String()
	return s[max(0, len(s)-8000):]
}
