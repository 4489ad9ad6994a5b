package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/opentcb/opentcb/internal/testserver"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"opentcb": main})
}

// TestScripts plays the scripts of testdata/script, one for each command, with
// the real binary. Besides what testscript knows there are:
//
//	start COMMAND [FLAG...]  runs opentcb COMMAND on free ports, waits until
//	                         it is ready and sets $API and $OPENTCB_ADMIN.
//	                         What it printed by then is in the file "printed"
//	halt                     sends it SIGTERM; it has to end with status 0. (stop is
//	                         testscript's own, and ends the script)
//	status N opentcb ...     runs a command that has to end with that status
//	onejson                  the last standard output is one JSON value
//	altering VARIABLE        sets it to the address of a proxy before $API that alters
//	                         a byte of each download, and breaks each off once
//	paste [backwards]        runs every block of the pages that can be pasted
//	certificate              writes cert.pem, key.pem and ca.pem, which signed it
//	ready FILE               sets $OPENTCB_ADMIN and $OPENTCB_ADMIN_TOKEN to what a ready
//	                         file says, which nobody else can read
//	get URL                  puts the answer of a GET into the file "got"
//	post URL                 likewise of a POST without a body
func TestScripts(t *testing.T) {
	authority := testserver.NewAuthority(t)
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"start": start, "halt": stop, "status": status, "onejson": oneJSON,
			"get": get, "post": post, "ready": ready, "altering": altering, "paste": paste,
			"certificate": func(ts *testscript.TestScript, _ bool, _ []string) {
				authority.IssueTo(ts.Getenv("WORK"))
				ts.Check(os.WriteFile(ts.MkAbs("ca.pem"), authority.PEM(), 0o600))
			},
		},
		Setup: func(e *testscript.Env) error {
			e.Values[runningKey{}] = &running{}
			return nil
		},
	})
}

// runningKey finds a script's server.
type runningKey struct{}

// running is the server that a script has started.
type running struct {
	cmd    *exec.Cmd
	stdout io.ReadCloser
	stderr bytes.Buffer
}

func start(ts *testscript.TestScript, _ bool, args []string) {
	r := ts.Value(runningKey{}).(*running)
	args = append(args, "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0")
	path, err := exec.LookPath("opentcb") // testscript has put it there
	ts.Check(err)
	r.cmd = exec.Command(path, args...)
	r.cmd.Dir, r.cmd.Env, r.cmd.Stderr = ts.Getenv("WORK"), environment(ts), &r.stderr
	r.stdout, err = r.cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(r.cmd.Start())
	ts.Defer(func() { _ = r.cmd.Process.Kill() })
	lines, printed := bufio.NewReader(r.stdout), ""
	ready, err := lines.ReadString('\n')
	if err != nil {
		_ = r.cmd.Wait()
		ts.Fatalf("opentcb %s did not become ready: %s", strings.Join(args, " "), r.stderr.String())
	}
	for line := ready; ; {
		printed += line
		if args[0] != "dev" || strings.HasPrefix(line, "# Ctrl-C") {
			break
		}
		line, err = lines.ReadString('\n')
		ts.Check(err)
	}
	ts.Check(os.WriteFile(ts.MkAbs("printed"), []byte(printed), 0o600))
	fields := strings.Fields(ready)
	if len(fields) < 3 || fields[0] != "ready" {
		ts.Fatalf("the first line is %q", ready)
	}
	ts.Setenv("API", strings.TrimPrefix(fields[1], "api="))
	ts.Setenv("OPENTCB_ADMIN", strings.TrimPrefix(fields[2], "admin="))
}

// environment is the script's own, which knows nothing of the machine's.
func environment(ts *testscript.TestScript) []string {
	var env []string
	for _, name := range []string{
		"PATH", "HOME", "TMPDIR", "OPENTCB_DATA", "OPENTCB_WORLD",
		"OPENTCB_ADMIN_TOKEN", "OPENTCB_LINK_TTL", "OPENTCB_LOG_LEVEL",
	} {
		if value := ts.Getenv(name); value != "" {
			env = append(env, name+"="+value)
		}
	}
	return env
}

func stop(ts *testscript.TestScript, _ bool, _ []string) {
	r := ts.Value(runningKey{}).(*running)
	ts.Check(r.cmd.Process.Signal(syscall.SIGTERM))
	rest, _ := io.ReadAll(r.stdout)
	if err := r.cmd.Wait(); err != nil || len(rest) > 0 {
		ts.Fatalf("it ended with %v and printed %q: %s", err, rest, r.stderr.String())
	}
}

func status(ts *testscript.TestScript, _ bool, args []string) {
	want := args[0]
	err := ts.Exec(args[1], args[2:]...)
	got := "0"
	if err != nil {
		got = strings.TrimPrefix(err.Error(), "exit status ")
	}
	if got != want {
		ts.Fatalf("%s ended with %v, want %s", strings.Join(args[1:], " "), err, want)
	}
}

func oneJSON(ts *testscript.TestScript, _ bool, _ []string) {
	text := ts.ReadFile("stdout")
	d := json.NewDecoder(strings.NewReader(text))
	var v any
	ts.Check(d.Decode(&v))
	if _, err := d.Token(); err != io.EOF {
		ts.Fatalf("not one JSON value: %s", text)
	}
}

// altering starts a proxy whose downloads break off in the middle the first
// time, and have another first byte.
func altering(ts *testscript.TestScript, _ bool, args []string) {
	target, err := url.Parse(ts.Getenv("API"))
	ts.Check(err)
	forward, broke := httputil.NewSingleHostReverseProxy(target), false // the Host stays, so links lead here
	forward.ModifyResponse = func(r *http.Response) error {
		if !strings.HasPrefix(r.Request.URL.Path, "/download/") {
			return nil
		}
		body, err := io.ReadAll(r.Body)
		if err == nil && len(body) > 0 && r.StatusCode == http.StatusOK {
			body[0] ^= 1
			if !broke {
				broke, body = true, body[:len(body)/2] // less than its Content-Length
			}
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		return err
	}
	forward.ErrorLog = log.New(io.Discard, "", 0)
	proxy := httptest.NewServer(forward)
	ts.Defer(proxy.Close)
	ts.Setenv(args[0], proxy.URL)
}

func get(ts *testscript.TestScript, _ bool, args []string) {
	receive(ts, http.MethodGet, args[0])
}

func post(ts *testscript.TestScript, _ bool, args []string) { receive(ts, http.MethodPost, args[0]) }

// receive puts the answer of a request into a file.
func receive(ts *testscript.TestScript, method, url string) {
	r, err := http.NewRequest(method, url, nil)
	ts.Check(err)
	client := http.Client{Timeout: 10 * time.Second}
	resp, err := client.Do(r)
	ts.Check(err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs("got"), text, 0o600))
}

func ready(ts *testscript.TestScript, _ bool, args []string) {
	var file struct {
		Admin string `json:"admin"`
		Token string `json:"admin_token"`
	}
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &file))
	info, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	if info.Mode().Perm() != 0o600 {
		ts.Fatalf("%s has mode %v", args[0], info.Mode())
	}
	ts.Setenv("OPENTCB_ADMIN", file.Admin)
	ts.Setenv("OPENTCB_ADMIN_TOKEN", file.Token)
}
