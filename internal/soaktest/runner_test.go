//go:build linux

package soaktest

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/testserver"
	"github.com/opentcb/opentcb/tcb"
)

// running is a server whose functions are run by a runner, both at fixed ports, so that
// each finds the other again.
type running struct {
	t                        *testing.T
	s                        *server
	l                        launch
	c                        *client
	env, code, secret        string
	credential, runtime, api string
	runner                   *exec.Cmd
	log                      output
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, "a free port", err)
	defer l.Close()
	return l.Addr().String()
}

// runFunctions starts both. Where the tests run as root functions run as nobody.
func runFunctions(t *testing.T) *running {
	testserver.Program(t, "node")
	dir, err := os.MkdirTemp("", "soak-runner-") // which everybody can pass through
	must(t, "a folder", err)
	t.Cleanup(func() {
		_ = exec.Command("chmod", "-R", "u+w", dir).Run()
		_ = os.RemoveAll(dir)
	})
	must(t, "its mode", os.Chmod(dir, 0o711))
	r := &running{
		t: t, env: envid(0, 0), code: filepath.Join(dir, "code"), runtime: freeAddress(t), api: freeAddress(t),
		secret: filepath.Join(t.TempDir(), "secret"), credential: filepath.Join(t.TempDir(), "credential"),
	}
	must(t, "the secret", os.WriteFile(r.secret, []byte("the-secret-of-the-runtime"), 0o600))
	r.l = launch{data: filepath.Join(t.TempDir(), "data"), world: newWorld(t, 1), args: []string{
		"--listen", r.api, "--admin-listen", freeAddress(t), "--runtime", "http://" + r.runtime, "--runtime-secret-file", r.secret,
	}}
	r.s = start(t, r.l)
	r.c = login(t, r.s, 1)[0]
	r.newCredential()
	r.start()
	return r
}

func (r *running) newCredential() {
	r.t.Helper()
	text := r.s.cli("env-credential", r.env, "--code")
	must(r.t, "the credential", os.WriteFile(r.credential, []byte(text), 0o600))
}

func (r *running) start() {
	r.t.Helper()
	args := []string{
		"runner", "--env", r.env + "=" + r.credential, "--listen", r.runtime, "--code", r.code, "--secret-file", r.secret,
		"--admin", r.s.admin,
	}
	if os.Geteuid() == 0 {
		args = append(args, "--user", "nobody")
	}
	r.runner = exec.Command(shipped(), args...)
	r.runner.Env, r.runner.Stderr = plainEnv(), &r.log
	r.runner.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	must(r.t, "a runner", r.runner.Start())
	r.t.Cleanup(r.kill)
}

func (r *running) kill() {
	_ = r.runner.Process.Kill()
	_ = r.runner.Wait()
}

// deploy gives the function code of two files that say which it is.
func (r *running) deploy(name string, n int) {
	r.t.Helper()
	dir := r.t.TempDir()
	for file, text := range map[string]string{
		"index.js": "exports.main = async (event) => { for (const end = Date.now() + (event.ms ?? 0); Date.now() < end;) ;\n" +
			"if (event.greeting !== process.env.GREETING) throw new Error('its variable is ' + process.env.GREETING)\n" +
			"return [process.pid, require('./a'), require('./b')] }",
		"a.js": fmt.Sprint("module.exports = ", n), "b.js": fmt.Sprint("module.exports = ", n),
	} {
		must(r.t, "a file", os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600))
	}
	r.s.cli("deploy", r.env, name, dir)
}

// invoke has the function run and returns its process and which code that had.
func (r *running) invoke(name, event string) (pid, n int, err error) {
	path := "/tcb/invokecloudfunction?access_token=" + r.c.token + "&env=" + r.env + "&name=" + name
	status, text, err := r.c.post(path, http.Header{}, []byte(event))
	if err != nil {
		return 0, 0, err
	}
	var answer tcb.InvokeCloudFunctionResponse
	if err := decode(status, text, &answer); err != nil {
		return 0, 0, err
	}
	var got [3]int
	if err := json.Unmarshal([]byte(answer.RespData), &got); err != nil || got[1] != got[2] {
		return 0, 0, fmt.Errorf("the result is %s", answer.RespData)
	}
	return got[0], got[1], nil
}

// runs waits until the function is run by that code.
func (r *running) runs(what string, n int) (pid int) {
	r.t.Helper()
	within(r.t, inPlaceWithin, what, func() bool {
		var got int
		var err error
		pid, got, err = r.invoke("hello", "{}")
		return err == nil && got == n
	})
	if r.t.Failed() {
		_, n, err := r.invoke("hello", "{}")
		r.t.Fatalf("%d, %v\n%s", n, err, r.log.tail())
	}
	return pid
}

func gone(pid int) bool {
	_, err := os.Stat("/proc/" + strconv.Itoa(pid))
	return os.IsNotExist(err)
}

// TestRunnerKilled: a function's process, the runner and the server are killed in the
// midst of calls. Each is answered by the right code, nothing is left running or on disk,
// and all goes on by itself. So it does when the credential is revoked and replaced.
//
// Proves: RN-7, IV-6
func TestRunnerKilled(t *testing.T) {
	r := runFunctions(t)
	r.deploy("hello", 1)
	pid := r.runs("deployed", 1)

	failed := make(chan error, 1)
	go func() {
		_, _, err := r.invoke("hello", `{"ms":60000}`)
		failed <- err
	}()
	time.Sleep(500 * time.Millisecond)
	_ = syscall.Kill(pid, syscall.SIGKILL)
	if code, ok := refused(<-failed); !ok || code != tcb.FunctionFailed && code != tcb.FunctionTimeout {
		t.Errorf("a process killed in the midst of its event: %d", code)
	}
	pid = r.runs("after a function's process was killed", 1)

	go func() {
		_, _, err := r.invoke("hello", `{"ms":60000}`)
		failed <- err
	}()
	time.Sleep(500 * time.Millisecond)
	r.kill()
	if code, ok := refused(<-failed); !ok || code != tcb.FunctionUnreachable && code != tcb.FunctionTimeout {
		t.Errorf("the runner killed in the midst of an event: %d", code)
	}
	begin := time.Now()
	_, _, err := r.invoke("hello", "{}")
	if code, ok := refused(err); !ok || code != tcb.FunctionUnreachable || time.Since(begin) > 2*time.Second {
		t.Errorf("while the runner is away: %v after %v", err, time.Since(begin))
	}
	within(t, inPlaceWithin, "its processes are gone", func() bool { return gone(pid) })
	r.deploy("hello", 2)
	r.start()
	r.runs("after the runner was killed", 2)

	r.s.kill()
	r.l.world = ""
	r.s = start(t, r.l)
	r.deploy("hello", 3)
	pid = r.runs("after the server was killed", 3)

	r.s.cli("env-credential", r.env, "--revoke")
	within(t, inPlaceWithin, "a revoked credential ends it", func() bool {
		_, _, err := r.invoke("hello", "{}")
		code, ok := refused(err)
		return ok && code == tcb.FunctionUnreachable && gone(pid)
	})
	r.newCredential()
	within(t, time.Minute, "another credential is taken", func() bool {
		_, n, err := r.invoke("hello", "{}")
		return err == nil && n == 3
	})

	must(t, "the end", r.runner.Process.Signal(syscall.SIGTERM))
	if err := r.runner.Wait(); err != nil {
		t.Errorf("SIGTERM: %v\n%s", err, r.log.tail())
	}
	left, err := filepath.Glob(filepath.Join(r.code, ".runner", "*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
}

// TestConfigurationRuns: what a platform says of a function's time and variables counts
// for the events that follow.
//
// Proves: RN-7, FC-1
func TestConfigurationRuns(t *testing.T) {
	r := runFunctions(t)
	r.deploy("hello", 1)
	r.runs("deployed", 1)
	configure := func(config string) {
		t.Helper()
		must(t, "uploadfuncconfig", r.c.call("/tcb/uploadfuncconfig", map[string]any{
			"type": 3, "env": r.env, "function_name": "hello", "config": config,
		}, nil))
	}
	configure(`{"timeout":1}`)
	within(t, inPlaceWithin, "the function has a second", func() bool {
		_, _, err := r.invoke("hello", `{"ms":2500}`)
		code, ok := refused(err)
		return ok && code == tcb.FunctionTimeout && strings.Contains(err.Error(), "after 1 seconds")
	})
	configure(`{"timeout":4,"environment":[{"key":"GREETING","value":"hi"}]}`)
	within(t, inPlaceWithin, "the function has four seconds, and a variable", func() bool {
		_, n, err := r.invoke("hello", `{"ms":2500,"greeting":"hi"}`)
		return err == nil && n == 1
	})
}

// TestUploadsUnderCalls: uploads while the function is called all the time. Each call runs
// wholly on one code, never on an older one than the call before, and none fails.
//
// Proves: RN-7
func TestUploadsUnderCalls(t *testing.T) {
	r := runFunctions(t)
	r.deploy("hello", 0)
	r.runs("deployed", 0)
	var all sync.WaitGroup
	var ended atomic.Bool
	var calls, latest atomic.Int64
	for range 2 {
		all.Go(func() {
			for last := 0; !ended.Load(); calls.Add(1) {
				newest := int(latest.Load())
				_, n, err := r.invoke("hello", "{}")
				if err != nil || n < last || n > int(latest.Load())+1 {
					t.Errorf("code %d after %d, of %d: %v", n, last, newest, err)
					return
				}
				last = n
				time.Sleep(40 * time.Millisecond)
			}
		})
	}
	uploads := length(20, 1000)
	for n := 1; n <= uploads; n++ {
		r.deploy("hello", n)
		latest.Store(int64(n))
	}
	r.runs("the last upload", uploads)
	ended.Store(true)
	all.Wait()
	if n := calls.Load(); n < 10 || strings.Contains(r.log.String(), "level=ERROR") {
		t.Errorf("%d calls\n%s", n, r.log.tail())
	}
}

// TestDevRunsFunctions: dev prints a line that has hello run, and one that has hello call
// an open interface. Killed, it leaves no process.
//
// Proves: RN-8, RN-4
func TestDevRunsFunctions(t *testing.T) {
	testserver.Program(t, "node")
	temp, err := os.MkdirTemp("", "dev-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(temp) })
	if err := os.Chmod(temp, 0o711); err != nil { // functions are run as nobody for root
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", temp)
	s, lines := dev(t, t.TempDir())
	found := 0
	for _, line := range lines {
		if !strings.Contains(line, "/tcb/invokecloudfunction?") {
			continue
		}
		out, err := exec.Command("bash", "-c", line).CombinedOutput()
		want := [2]string{`{\"hello\":\"you\"}`, `{\"errcode\":0,\"errmsg\":\"ok\"}`}[found%2]
		if found++; err != nil || !strings.Contains(string(out), want) {
			t.Errorf("%s\n%s, %v; want %s", line, out, err, want)
		}
	}
	if found != 2 {
		t.Fatalf("%d lines have a function run:\n%s%s", found, s.out.String(), s.log.String())
	}
	children := childrenOf(s.pid())
	if len(children) == 0 {
		t.Error("no process runs the function")
	}
	s.kill()
	within(t, inPlaceWithin, "the processes of a dev that was killed are gone", func() bool {
		for _, pid := range children {
			if !gone(pid) {
				return false
			}
		}
		return true
	})
}

// childrenOf are the processes that a process has started.
func childrenOf(parent int) (pids []int) {
	all, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range all {
		text, err := os.ReadFile(file)
		_, rest, ok := strings.Cut(string(text), ") ")
		fields := strings.Fields(rest)
		if err == nil && ok && len(fields) > 1 && fields[1] == strconv.Itoa(parent) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			pids = append(pids, pid)
		}
	}
	return pids
}
