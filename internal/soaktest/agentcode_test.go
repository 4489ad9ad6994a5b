//go:build linux

package soaktest

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// inPlaceWithin is how long a loaded machine may take for what is promised within 2 s.
const inPlaceWithin = 30 * time.Second

// codeKeeping is an agent that keeps code, behind a proxy that leads to the server of
// the moment, and can alter what that sends.
type codeKeeping struct {
	t      *testing.T
	s      *server
	target atomic.Pointer[url.URL]
	alters atomic.Bool
	proxy  *httptest.Server
	dir    string
	env    string
	cmd    *exec.Cmd
	log    output
}

func keepCode(t *testing.T, s *server, dir string) *codeKeeping {
	k := &codeKeeping{t: t, dir: dir, env: envid(0, 0)}
	t.Cleanup(func() { _ = exec.Command("chmod", "-R", "u+w", dir).Run() }) // or it cannot be removed
	k.leadTo(s)
	forward := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(k.target.Load()) },
		ModifyResponse: func(r *http.Response) error {
			if !k.alters.Load() || !strings.HasSuffix(r.Request.URL.Path, "/code") {
				return nil
			}
			zip, err := io.ReadAll(r.Body)
			if len(zip) > 40 {
				zip[40] ^= 1
			}
			r.Body = io.NopCloser(bytes.NewReader(zip))
			return err
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	k.proxy = httptest.NewServer(forward)
	t.Cleanup(k.proxy.CloseClientConnections)
	return k
}

func (k *codeKeeping) leadTo(s *server) {
	k.t.Helper()
	target, err := url.Parse(s.admin)
	must(k.t, "the server's address", err)
	k.s = s
	k.target.Store(target)
}

func (k *codeKeeping) start() {
	k.t.Helper()
	k.cmd = agentOf(k.env, filepath.Join(k.t.TempDir(), "token"), k.proxy.URL, "--code", k.dir)
	k.cmd.Env = append(k.cmd.Env, "OPENTCB_ENV_CREDENTIAL="+strings.TrimSpace(k.s.cli("env-credential", k.env, "--code")))
	k.cmd.Stderr = &k.log
	must(k.t, "an agent", k.cmd.Start())
	k.t.Cleanup(k.kill)
}

func (k *codeKeeping) kill() {
	_ = k.cmd.Process.Kill()
	_ = k.cmd.Wait()
}

// deploy replaces a function's code by one that says which it is, in every file. Some
// files are large, so that a small disk has no room for them.
func (k *codeKeeping) deploy(n int) time.Time {
	k.t.Helper()
	dir := k.t.TempDir()
	for i := range 8 {
		text := strconv.Itoa(n) + "\n" + strings.Repeat(fmt.Sprintf("%d", n%10), 16<<10)
		must(k.t, "a file", os.WriteFile(filepath.Join(dir, fmt.Sprintf("f%d.js", i)), []byte(text), 0o600))
	}
	k.s.cli("deploy", k.env, "hello", dir)
	return time.Now()
}

// version returns which code is in place, -1 if it is not one whole.
func (k *codeKeeping) version() int {
	root, err := os.OpenRoot(filepath.Join(k.dir, "hello"))
	if err != nil {
		return -1
	}
	defer root.Close()
	version := -1
	for i := range 8 {
		text, err := root.ReadFile(fmt.Sprintf("f%d.js", i))
		first, _, _ := strings.Cut(string(text), "\n")
		n, numberErr := strconv.Atoi(first)
		if err != nil || numberErr != nil || i > 0 && n != version || len(text) < 16<<10 {
			return -1
		}
		version = n
	}
	return version
}

func (k *codeKeeping) within(what string, version int) {
	k.t.Helper()
	within(k.t, inPlaceWithin, what, func() bool { return k.version() == version })
	if k.t.Failed() {
		k.t.Fatalf("version %d is in place, want %d\n%s", k.version(), version, k.log.String())
	}
}

// says waits for the agent's log to have a text.
func (k *codeKeeping) says(text string) {
	k.t.Helper()
	within(k.t, inPlaceWithin, "the agent says "+text, func() bool { return strings.Contains(k.log.String(), text) })
}

// TestAgentCode: the agent has new code in place soon. Killed, beside a server that is
// away or altered bytes, what was there stays, and it goes on by itself. A server that
// was put back to an older state is followed, and that is told.
//
// Proves: RT-4, RT-5
func TestAgentCode(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	s := start(t, launch{data: data, world: newWorld(t, 1)})
	k := keepCode(t, s, filepath.Join(t.TempDir(), "code"))
	k.start()
	for n := range 5 {
		answered := k.deploy(n)
		k.within("deployed", n)
		t.Logf("in place %v after the answer", time.Since(answered).Round(time.Millisecond))
	}
	k.kill()
	k.deploy(5)
	if n := k.version(); n != 4 {
		t.Errorf("after a kill version %d is in place, want 4", n)
	}
	k.start()
	k.within("started again", 5)

	s.stop()
	must(t, "a copy", exec.Command("cp", "-a", data, data+"-before").Run())
	k.leadTo(start(t, launch{data: data}))
	k.deploy(6)
	k.within("the server is back", 6)

	k.alters.Store(true)
	k.deploy(7)
	k.says("code is not as the server has it")
	if n := k.version(); n != 6 {
		t.Errorf("with altered bytes version %d is in place, want 6", n)
	}
	k.alters.Store(false)
	k.within("no longer altered", 7)

	k.s.stop()
	if n := k.version(); n != 7 {
		t.Errorf("while the server is away version %d is in place, want 7", n)
	}
	k.leadTo(start(t, launch{data: data + "-before"}))
	k.within("an older state", 5)
	k.says("gone back to older code")
}

// TestAgentCodeFullDisk: while there is no room for new code the code that is there
// stays whole. With room it goes on by itself.
//
// Proves: RT-5
func TestAgentCodeFullDisk(t *testing.T) {
	amongOwnMounts(t, func(t *testing.T) {
		s := start(t, launch{data: filepath.Join(t.TempDir(), "data"), world: newWorld(t, 1)})
		disk := smallDisk(t, "1m")
		k := keepCode(t, s, filepath.Join(disk, "code"))
		k.start()
		k.deploy(1)
		k.within("with room", 1)
		filler := filepath.Join(disk, "filler")
		fill(t, filler)
		k.deploy(2)
		k.says("no space left on device")
		if n := k.version(); n != 1 {
			t.Errorf("without room version %d is in place, want 1", n)
		}
		k.kill() // and it finds a disk that is full
		k.start()
		k.says("no space left on device")
		if n := k.version(); n != 1 {
			t.Errorf("without room, started again, version %d is in place, want 1", n)
		}
		must(t, "making room", os.Remove(filler))
		k.within("with room again", 2)
		left, err := filepath.Glob(filepath.Join(k.dir, ".versions", ".*"))
		if err != nil || len(left) > 0 {
			t.Errorf("left behind: %q, %v", left, err)
		}
	})
}
