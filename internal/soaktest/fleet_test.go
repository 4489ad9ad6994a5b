//go:build linux

package soaktest

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The fleet of the test, and how many of it have a function.
const (
	fleetSize = 10_000
	fleetCode = fleetSize / 10
)

// TestFleet brings 10,000 Mini Programs to what a file says. The run is killed
// in the middle, interrupted when it goes on, and ends the third time: all is
// as wanted, nothing was set twice, and the code of all is backed up.
func TestFleet(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	s := start(t, launch{data: data, world: newWorld(t, fleetSize)})
	f := newFleet(t, s)
	began := time.Now()

	run := f.begin("apply", "fleet.yaml")
	f.waitForJournal(fleetSize / 5)
	must(t, "kill", run.Process.Kill())
	_ = run.Wait()
	f.tearJournal()

	run = f.begin("apply", "fleet.yaml", "--resume")
	before := f.journal()
	f.waitForJournal(fleetSize / 2)
	must(t, "interrupt", run.Process.Signal(syscall.SIGINT))
	_ = run.Wait()
	if report := run.report(t); run.status() != 7 || report.Before != before || report.Left == 0 ||
		report.Failed > 0 || report.Changed == 0 {
		t.Errorf("interrupted: status %d, %d journaled before: %+v", run.status(), before, report)
	}

	before = f.journal()
	run = f.begin("apply", "fleet.yaml", "--resume")
	_ = run.Wait()
	report := run.report(t)
	t.Logf("applied with a kill and an interrupt in %v: %+v", time.Since(began).Round(time.Millisecond), report)
	if run.status() != 0 || report.Before != before || report.Before+report.Same+report.Changed != fleetSize {
		t.Errorf("the last: status %d, %d journaled before: %+v: %s", run.status(), before, report, run.stderr)
	}

	began = time.Now()
	run = f.begin("drift", "fleet.yaml")
	_ = run.Wait()
	if report := run.report(t); run.status() != 0 || report.Same != fleetSize {
		t.Errorf("drift: status %d: %+v: %s", run.status(), report, run.stderr)
	}
	t.Logf("compared in %v", time.Since(began).Round(time.Millisecond))
	f.checkBackup()
	s.stop()
	checkSetOnce(t, data)
}

// fleetRun is a run of opentcb fleet.
type fleetRun struct {
	*exec.Cmd
	stdout, stderr *bytes.Buffer
}

func (r fleetRun) status() int { return r.ProcessState.ExitCode() }

// fleetReport is what a test reads of a report.
type fleetReport struct{ Total, Before, Same, Changed, Differ, Failed, Left int }

func (r fleetRun) report(t *testing.T) (report fleetReport) {
	t.Helper()
	if err := json.Unmarshal(r.stdout.Bytes(), &report); err != nil {
		t.Fatalf("the report: %v: %.200s %s", err, r.stdout, r.stderr)
	}
	return report
}

// fleetFolder is a folder with a fleet's file, its list, its code, and the
// profile to work on it with.
type fleetFolder struct {
	t   *testing.T
	dir string
}

func newFleet(t *testing.T, s *server) *fleetFolder {
	f := &fleetFolder{t, t.TempDir()}
	f.write("fleet.yaml", `
lists: [list.csv]
rules:
  - open: false
    allow: [/wxa/msg_sec_check, /wxa/business/*]
  - match: {groups: [code]}
    functions: {pay: {code: code}}
`)
	f.write("code/index.js", "exports.main = async () => 1;\n")
	var list strings.Builder
	for i := range fleetSize {
		fmt.Fprintf(&list, "%s,%s", appid(i), envid(i, 0))
		if i < fleetCode {
			list.WriteString(",code")
		}
		list.WriteString("\n")
		f.write("tokens/"+appid(i), refresh(i))
	}
	f.write("list.csv", list.String())
	f.write("profiles.yaml", fmt.Sprintf(`
profiles:
  main:
    base_url: %s
    platform: %s
    secret: {value: %s}
    ticket: {value: %q}
    refresh_token: {file: "tokens/{appid}"}
`, s.api, platformID, platformSecret, strings.TrimSpace(s.cli("ticket", platformID))))
	return f
}

func (f *fleetFolder) write(name, text string) {
	f.t.Helper()
	path := filepath.Join(f.dir, name)
	must(f.t, "folder", os.MkdirAll(filepath.Dir(path), 0o700))
	must(f.t, "file", os.WriteFile(path, []byte(text), 0o600))
}

// begin begins a run, as fast as it can.
func (f *fleetFolder) begin(args ...string) fleetRun {
	f.t.Helper()
	args = append(append([]string{"fleet"}, args...), "--profiles", "profiles.yaml", "--json", "--rate", "0", "--workers", "16")
	run := fleetRun{exec.Command(shipped(), args...), &bytes.Buffer{}, &bytes.Buffer{}}
	run.Dir, run.Env = f.dir, append(plainEnv(), "XDG_CACHE_HOME="+filepath.Join(f.dir, "cache"))
	run.Stdout, run.Stderr = run.stdout, run.stderr
	run.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	must(f.t, "opentcb fleet", run.Start())
	return run
}

// journal is how many environments the journal has.
func (f *fleetFolder) journal() int {
	text, err := os.ReadFile(filepath.Join(f.dir, "fleet.yaml.journal"))
	if err != nil {
		return 0
	}
	return bytes.Count(text, []byte("\n"))
}

func (f *fleetFolder) waitForJournal(lines int) {
	f.t.Helper()
	within(f.t, 2*time.Minute, fmt.Sprintf("%d environments in the journal", lines), func() bool { return f.journal() >= lines })
}

// tearJournal leaves half a line at its end, as a kill may.
func (f *fleetFolder) tearJournal() {
	j, err := os.OpenFile(filepath.Join(f.dir, "fleet.yaml.journal"), os.O_APPEND|os.O_WRONLY, 0)
	must(f.t, "journal", err)
	_, err = j.WriteString(`{"appid":"wx0000`)
	must(f.t, "journal", err)
	must(f.t, "journal", j.Close())
}

// checkBackup saves the code of all twice: it is downloaded once.
func (f *fleetFolder) checkBackup() {
	for _, want := range []int{1, 0} {
		began := time.Now()
		run := f.begin("backup", "saved")
		_ = run.Wait()
		var saved struct{ Functions, Downloaded int }
		if err := json.Unmarshal(run.stdout.Bytes(), &saved); err != nil || run.status() != 0 ||
			saved.Functions != fleetCode || saved.Downloaded != want {
			f.t.Errorf("backup: status %d, %v: %.300s %s", run.status(), err, run.stdout, run.stderr)
		}
		f.t.Logf("backup in %v", time.Since(began).Round(time.Millisecond))
	}
}

// checkSetOnce looks into the database: every environment of the fleet was set
// once, and the account's other one moved on once with the switch.
func checkSetOnce(t *testing.T, data string) {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(data, "opentcb.db")+"?mode=ro")
	must(t, "database", err)
	defer db.Close()
	var all, once int
	err = db.QueryRow("SELECT count(*), count(*) FILTER (WHERE version = 4) FROM environments").Scan(&all, &once)
	must(t, "database", err)
	if all != 2*fleetSize || once != all {
		t.Errorf("%d of %d environments are at version 4", once, all)
	}
}
