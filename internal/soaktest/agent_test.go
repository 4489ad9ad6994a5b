//go:build linux

package soaktest

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// agentOf is an agent that has a credential of the variable, if there is one.
func agentOf(env, out, admin string, args ...string) *exec.Cmd {
	cmd := exec.Command(shipped(), append([]string{"agent", env, "--out", out, "--admin", admin}, args...)...)
	cmd.Env = append(plainEnv(), "OPENTCB_ENV_CREDENTIAL=x")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// TestAgentBehindProxy has a proxy between agent and server, which for a while
// answers with pages of its own. The agent says that no OpenTCB answered, goes
// on, and gets its token; only a refusal of the server's own ends it.
//
// Proves: CC-6
func TestAgentBehindProxy(t *testing.T) {
	s := start(t, launch{data: filepath.Join(t.TempDir(), "data"), world: newWorld(t, 1)})
	target, err := url.Parse(s.admin)
	must(t, "the server's address", err)
	forward := httputil.NewSingleHostReverseProxy(target)
	var asked atomic.Int64
	own := []int{http.StatusNotFound, http.StatusForbidden, http.StatusUnauthorized, http.StatusRequestTimeout}
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := int(asked.Add(1)) - 1
		if n >= len(own) {
			forward.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(own[n])
		_, _ = w.Write([]byte("<html>default backend</html>"))
	}))
	defer proxy.Close()

	out := filepath.Join(t.TempDir(), "token")
	cmd := agentOf(envid(0, 0), out, proxy.URL)
	cmd.Env = append(cmd.Env, "OPENTCB_ENV_CREDENTIAL="+strings.TrimSpace(s.cli("env-credential", envid(0, 0))))
	var log output
	cmd.Stderr = &log
	must(t, "an agent", cmd.Start())
	defer cmd.Process.Kill()
	within(t, readyWithin, "the token is there", func() bool {
		text, err := os.ReadFile(out)
		return err == nil && len(text) > 0
	})
	must(t, "SIGTERM", cmd.Process.Signal(syscall.SIGTERM))
	must(t, "the agent's end", cmd.Wait())
	if text := log.String(); !strings.Contains(text, "no OpenTCB answered at "+proxy.URL+" (404 Not Found)") {
		t.Errorf("the log is\n%s", text)
	}
	refused := agentOf(envid(0, 0), out, proxy.URL) // with a false credential
	if text, err := refused.CombinedOutput(); err == nil || !strings.Contains(string(text), "refuses the credential") {
		t.Errorf("with a false credential it ends with %v\n%s", err, text)
	}
}

// TestAgentMountedFile mounts the token's file by itself, which cannot be
// replaced then: the agent says so at once, and what to mount.
func TestAgentMountedFile(t *testing.T) {
	amongOwnMounts(t, func(t *testing.T) {
		out := filepath.Join(t.TempDir(), "a token")
		must(t, "a file", os.WriteFile(out, nil, 0o600))
		must(t, "bind mount", syscall.Mount(out, out, "", syscall.MS_BIND, ""))
		t.Cleanup(func() { syscall.Unmount(out, syscall.MNT_DETACH) })
		cmd := agentOf("test-777bb9", out, "http://127.0.0.1:1")
		text, err := cmd.CombinedOutput()
		if cmd.ProcessState.ExitCode() != 1 || !strings.Contains(string(text), "mount its folder (docker run -v FOLDER:"+filepath.Dir(out)+")") {
			t.Errorf("it ends with %v\n%s", err, text)
		}
	})
}

// TestAgentLogReaderGone wants the agent to go on when nobody reads its log.
func TestAgentLogReaderGone(t *testing.T) {
	reader, writer, err := os.Pipe()
	must(t, "a pipe", err)
	out := filepath.Join(t.TempDir(), "token")
	cmd := agentOf("test-777bb9", out, "http://127.0.0.1:1") // where nobody listens
	cmd.Stderr = writer
	must(t, "an agent", cmd.Start())
	defer cmd.Process.Kill()
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	must(t, "the writer's end", writer.Close())
	line := make([]byte, 1024)
	_, err = reader.Read(line) // the first failure; the second comes within two seconds
	must(t, "the agent's log", err)
	must(t, "the reader's end", reader.Close())
	select {
	case err := <-ended:
		t.Fatalf("the agent ended: %v", err)
	case <-time.After(3 * time.Second): // in this time it logs once more
	}
	must(t, "SIGHUP", cmd.Process.Signal(syscall.SIGHUP))
	must(t, "SIGTERM", cmd.Process.Signal(syscall.SIGTERM))
	if err := <-ended; err != nil {
		t.Errorf("the agent was told to stop and ended with %v", err)
	}
}
