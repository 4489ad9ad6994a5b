//go:build linux

package runner_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/runner"
)

// TestInstances: an instance takes one event at a time; so many of a function run at
// once, a further event waits for one of them; what is idle ends.
//
// Proves: RN-1
func TestInstances(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(cfg *runner.Config) { cfg.Idle = 2 * time.Second })
	// Each runs until a file is there, which the test makes in its temporary folder.
	r.upload(function{Name: "waits", Timeout: 60}, `
const fs = require('fs'), os = require('os')
let n = 0
exports.main = async () => {
  n++
  while (!fs.existsSync(os.tmpdir() + '/go')) await new Promise((resolve) => setTimeout(resolve, 5))
  fs.unlinkSync(os.tmpdir() + '/go')
  return [process.pid, n]
}`)
	results := make(chan string, 5)
	var begun sync.WaitGroup
	for range 5 {
		begun.Add(1)
		go func() {
			begun.Done()
			_, body, err := r.try("waits", "{}")
			if err != nil {
				body = err.Error()
			}
			results <- body
		}()
	}
	begun.Wait()
	r.until("four instances run", func() bool { return len(r.temporary()) == 4 })
	time.Sleep(300 * time.Millisecond) // a fifth would have begun
	if n := len(r.temporary()); n != 4 {
		t.Errorf("%d instances run", n)
	}
	pids := map[int]int{}
	for range 5 {
		for _, dir := range r.temporary() {
			_ = os.WriteFile(dir+"/go", nil, 0o666)
		}
		body := <-results
		var got [2]int
		if err := json.Unmarshal([]byte(body), &got); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		pids[got[0]] = max(pids[got[0]], got[1])
	}
	events := 0
	for _, n := range pids {
		events += n
	}
	if len(pids) != 4 || events != 5 {
		t.Errorf("five events on four instances: %v", pids)
	}
	r.until("idle instances are gone", func() bool { return len(r.temporary()) == 0 })
	for pid := range pids {
		if !isGone(pid) {
			t.Errorf("process %d is still there", pid)
		}
	}
}

// TestTooManyCalls: beyond the calls of an environment further ones are told to try again.
//
// Proves: IV-7
func TestTooManyCalls(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(cfg *runner.Config) { cfg.Calls = 1 })
	r.upload(function{Name: "waits", Timeout: 60}, `
exports.main = () => new Promise((resolve) => { setInterval(() => { if (require('fs').existsSync(require('os').tmpdir() + '/go')) resolve(1) }, 5) })`)
	done := make(chan string, 1)
	go func() {
		_, body, _ := r.try("waits", "{}")
		done <- body
	}()
	r.until("one runs", func() bool { return len(r.temporary()) == 1 })
	r.fails("waits", "{}", http.StatusTooManyRequests, "busy", "1 events")
	r.until("it goes on", func() bool {
		_ = os.WriteFile(r.temporary()[0]+"/go", nil, 0o666)
		select {
		case body := <-done:
			return body == "1"
		default:
			return false
		}
	})
}

// TestUploadsDuringCalls: each call runs wholly on the old or the new code, and none fails
// for an upload; a changed configuration counts for the next event.
//
// Proves: RN-7
func TestUploadsDuringCalls(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	upload := func(n int) {
		r.upload(function{
			Name: "hello", Timeout: 30, Environment: []map[string]string{{"key": "N", "value": strconv.Itoa(n)}},
		}, "index.js", "const a = require('./a'); exports.main = () => [a, require('./b'), Number(process.env.N)]",
			"a.js", fmt.Sprint("module.exports = ", n), "b.js", fmt.Sprint("module.exports = ", n))
	}
	upload(0)
	r.returns("hello", "{}", "[0,0,0]")
	var all sync.WaitGroup
	var ended atomic.Bool
	var calls atomic.Int64
	for range 3 {
		all.Go(func() {
			for last := 0; !ended.Load(); calls.Add(1) {
				status, body, err := r.try("hello", "{}")
				var got [3]int
				if err == nil {
					err = json.Unmarshal([]byte(body), &got)
				}
				if err != nil || status != http.StatusOK || got[0] != got[1] || got[0] != got[2] || got[0] < last {
					t.Errorf("%d %s, %v after %d", status, body, err, last)
					return
				}
				last = got[0]
			}
		})
	}
	const uploads = 40
	for n := 1; n <= uploads; n++ {
		upload(n)
		time.Sleep(20 * time.Millisecond)
	}
	want := fmt.Sprintf("[%d,%d,%d]", uploads, uploads, uploads)
	r.until("the last upload counts", func() bool { _, body := r.call("hello", "{}"); return body == want })
	ended.Store(true)
	all.Wait()
	if calls.Load() < 10 {
		t.Errorf("%d calls only", calls.Load())
	}
}

// TestRefusedCredential: once the server refuses the credential nothing is run, until it
// takes one again.
//
// Proves: RN-7
func TestRefusedCredential(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.upload(function{Name: "hello"}, "exports.main = () => process.pid")
	_, body := r.call("hello", "{}")
	pid, err := strconv.Atoi(body)
	if err != nil {
		t.Fatal(body)
	}
	r.change(func() { r.refused = errors.New("revoked") })
	r.until("it is refused", func() bool { status, _ := r.call("hello", "{}"); return status == http.StatusServiceUnavailable })
	r.until("its process is gone", func() bool { return isGone(pid) })
	r.change(func() { r.refused = nil })
	r.until("it is run again", func() bool { status, _ := r.call("hello", "{}"); return status == http.StatusOK })
}

// TestKilledFunction: a process that is killed between two events is replaced, and one
// that is killed in the midst of an event ends that one alone.
//
// Proves: IV-7
func TestKilledFunction(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.upload(function{Name: "hello"}, "exports.main = () => process.pid")
	r.upload(function{Name: "waits", Timeout: 60}, `exports.main = () => {
		require('fs').writeFileSync(require('os').tmpdir() + '/begun', ''); return new Promise(() => {}) }`)
	for range 5 {
		_, body := r.call("hello", "{}")
		pid, err := strconv.Atoi(body)
		if err != nil {
			t.Fatal(body)
		}
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	done := make(chan string, 1)
	go func() {
		_, body, _ := r.try("waits", "{}")
		done <- body
	}()
	r.until("it runs", func() bool {
		begun, err := filepath.Glob(r.code + "/.runner/temp-*/begun")
		return err == nil && len(begun) == 1
	})
	for _, pid := range r.processes() {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	if body := <-done; !strings.Contains(body, `"kind":"exit"`) {
		t.Errorf("it ended with %s", body)
	}
}

// TestProcesses: of all functions together there are only so many processes. For another
// one the longest idle ends; while all are busy, events wait, and then are told so.
//
// Proves: RN-5
func TestProcesses(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(cfg *runner.Config) { cfg.Processes = 2 })
	for _, name := range []string{"one", "two", "three"} {
		r.upload(function{Name: name}, "exports.main = () => process.pid")
	}
	r.upload(function{Name: "waits", Timeout: 60}, `exports.main = () => {
		require('fs').writeFileSync(require('os').tmpdir() + '/begun', ''); return new Promise(() => {}) }`)
	_, one := r.call("one", "{}")
	_, two := r.call("two", "{}")
	r.call("three", "{}")
	if pid, err := strconv.Atoi(one); err != nil || !isGone(pid) {
		t.Errorf("one, idle the longest, is still process %s", one)
	}
	r.returns("two", "{}", two)
	r.until("there are two processes", func() bool { return len(r.processes()) == 2 })

	ends := make(chan string, 2)
	for range cap(ends) {
		go func() {
			_, body, _ := r.try("waits", "{}")
			ends <- body
		}()
	}
	r.until("both run", func() bool {
		begun, err := filepath.Glob(r.code + "/.runner/temp-*/begun")
		return err == nil && len(begun) == cap(ends)
	})
	r.fails("one", "{}", http.StatusTooManyRequests, "busy", "2 processes")
	for _, pid := range r.processes() {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	for range cap(ends) {
		<-ends
	}
	status, _ := r.call("one", "{}")
	if status != http.StatusOK {
		t.Errorf("one, once there is a place: %d", status)
	}
	for _, want := range []string{
		`outcome="ok"} 5`, `outcome="exit"} 2`, `outcome="busy"} 1`, "cold_starts_total 6", "processes 1", "processes_limit 2",
	} {
		if page := r.get("/metrics"); !strings.Contains(page, want) {
			t.Errorf("the metrics lack %s:\n%s", want, page)
		}
	}
}

// TestOutput: what a function prints is in the log with its request, within bounds.
//
// Proves: RN-5
func TestOutput(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.upload(function{Name: "prints", Timeout: 60}, `exports.main = (event) => {
  console.log('to the log', event.n); console.error('to the other'); console.log('a'.repeat(20000) + 'b')
  for (let i = 0; i < event.n; i++) console.log('line ' + i)
  console.log('last')
}`)
	r.returns("prints", `{"n":10}`, "null")
	r.until("all is in the log", func() bool {
		return strings.Contains(r.log.String(), "line=last") && strings.Contains(r.log.String(), "stream=stderr")
	})
	log := r.log.String()
	for _, want := range []string{`line="to the log 10"`, `stream=stderr line="to the other"`, "env=test-env function=prints rid=rid-of-prints"} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %s", want)
		}
	}
	if strings.Contains(log, strings.Repeat("a", 9000)) || strings.Contains(log, "aaab") {
		t.Error("a line is over 8 KiB")
	}
	r.returns("prints", `{"n":5000}`, "null")
	r.until("the rest is left out", func() bool { return strings.Contains(r.log.String(), "output left out") })
	r.returns("prints", `{"n":1}`, "null")
	r.until("the next event prints again", func() bool { return strings.Count(r.log.String(), "line=last") == 2 })
	if n := strings.Count(r.log.String(), "msg=output"); n > 1100 {
		t.Errorf("%d lines are in the log", n)
	}
}

// TestOutputOfEach: what an event has printed at once belongs to that event, and none of it
// to the next, however soon that comes.
//
// Proves: RN-5
func TestOutputOfEach(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.upload(function{Name: "prints", Timeout: 60}, `exports.main = () => { process.stdout.write('x\n'.repeat(999) + 'end'); return 1 }`)
	for range 20 {
		r.returns("prints", "{}", "1")
	}
	r.until("all is in the log but the last end, which something may follow yet", func() bool {
		return strings.Count(r.log.String(), "line=") == 20*1000-1 || strings.Contains(r.log.String(), "left out")
	})
	if log := r.log.String(); strings.Count(log, "line=x") != 20*999 || strings.Count(log, "line=end") != 19 {
		t.Errorf("of 20 times 999 lines %d are in the log, and %d ends", strings.Count(log, "line=x"), strings.Count(log, "line=end"))
	}
}

// TestOneRunner: two runners of one folder would take each other's temporary folders, and
// what a killed one left is removed.
func TestOneRunner(t *testing.T) {
	t.Parallel()
	var first runner.Config
	r := newRig(t, func(cfg *runner.Config) {
		first = *cfg
		if err := os.MkdirAll(cfg.Code+"/.runner/temp-7/deep", 0o711); err != nil {
			t.Fatal(err)
		}
	})
	if n := r.temporary(); len(n) != 0 {
		t.Errorf("left: %v", n)
	}
	if _, err := runner.New(first); err == nil || !strings.Contains(err.Error(), "another runner") {
		t.Errorf("a second runner: %v", err)
	}
}

// TestUsers: whom functions run as is never root.
//
// Proves: RN-6
func TestUsers(t *testing.T) {
	_, err := runner.LookUpUser("root")
	if !errors.Is(err, runner.ErrRoot) {
		t.Errorf("root: %v", err)
	}
	_, err = runner.LookUpUser("0")
	if !errors.Is(err, runner.ErrRoot) {
		t.Errorf("0: %v", err)
	}
	if _, err = runner.LookUpUser(""); (os.Geteuid() == 0) != errors.Is(err, runner.ErrRoot) {
		t.Errorf("whoever the runner is: %v", err)
	}
	if _, err = runner.LookUpUser("nobody-of-that-name"); err == nil {
		t.Error("a user that is not there was taken")
	}
	if os.Geteuid() != 0 {
		if _, err = runner.LookUpUser("nobody"); err == nil {
			t.Error("another user was taken without being root")
		}
		return
	}
	r := newRig(t, func(cfg *runner.Config) { cfg.UserPerEnv = 71_000 })
	r.upload(function{Name: "hello"}, "exports.main = () => [process.getuid(), process.getgid(), process.getgroups().length]")
	r.returns("hello", "{}", "[71000,71000,1]")
}
