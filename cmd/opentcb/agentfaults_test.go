package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opentcb/opentcb/opentcbtest"
)

// agentFaults are what a try of the agent's may meet on its way to the admin interface,
// which the server's own faults do not meet. lost has what the server answered.
var agentFaults = map[string]func(w http.ResponseWriter, lost *httptest.ResponseRecorder){
	"status 502": func(w http.ResponseWriter, _ *httptest.ResponseRecorder) {
		http.Error(w, "Bad Gateway", http.StatusBadGateway)
	},
	"lose_answer": func(http.ResponseWriter, *httptest.ResponseRecorder) { panic(http.ErrAbortHandler) },
	"cut": func(w http.ResponseWriter, lost *httptest.ResponseRecorder) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", "1000")
		_, _ = w.Write(lost.Body.Bytes()[:10])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	},
	"stall": nil,
}

// agentAsks are what the agent asks for, by how the paths end, and the file that has
// what it got, in its folder.
var agentAsks = map[string]string{
	"/token": "token", "/runtime": "code/first/index.js", "/code": "code/first/index.js",
}

// TestAgentMeetsFaults: an agent whose first try meets a fault writes its files with the
// next one; one that gets no answer ends when it is told to. None shows the token.
//
// Proves: CC-6, RT-5
func TestAgentMeetsFaults(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there a process cannot be interrupted")
	}
	srv := opentcbtest.New(t, opentcbtest.World{})
	srv.Deploy(opentcbtest.DefaultEnv, "first", map[string]string{"index.js": "exports.main = async () => 1\n"})
	for path, file := range agentAsks {
		for name := range agentFaults {
			t.Run(name+" of "+path, func(t *testing.T) {
				t.Parallel()
				agentMeets(t, srv, path, file, name)
			})
		}
	}
}

// agentMeets has an agent meet a fault when it asks for a path first.
func agentMeets(t *testing.T, srv *opentcbtest.Server, path, file, name string) {
	var met atomic.Int32
	proxy := httptest.NewServer(agentProxy(t, srv, path, name, &met))
	defer proxy.Close()
	dir := t.TempDir()
	out := filepath.Join(dir, "token")
	var said bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "opentcb", "agent", opentcbtest.DefaultEnv,
		"--out", out, "--code", filepath.Join(dir, "code"))
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.Env = []string{"HOME=" + t.TempDir(), "OPENTCB_ADMIN=" + proxy.URL, "OPENTCB_ADMIN_TOKEN=" + srv.AdminToken}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	stalls := func() bool { return name == "stall" && met.Load() > 0 }
	token := awaitAgent(out, func() bool { return len(ended) > 0 || path == "/token" && stalls() })
	got := awaitAgent(filepath.Join(dir, file), func() bool { return len(ended) > 0 || stalls() })
	_ = cmd.Process.Signal(os.Interrupt)
	if err := <-ended; err != nil {
		t.Errorf("it ended with %v: %s", err, said.String())
	}
	if strings.Contains(said.String(), srv.AdminToken) || token != "" && strings.Contains(said.String(), token) {
		t.Errorf("it shows a secret: %s", said.String())
	}
	repeated := name == "lose_answer" && path != "/token" // net/http repeats a GET by itself
	if name != "stall" && !repeated && !strings.Contains(said.String(), "WARN") {
		t.Errorf("it does not say that a try failed: %s", said.String())
	}
	if (got == "") != (name == "stall") {
		t.Errorf("its file has %q: %s", got, said.String())
	}
}

// agentProxy passes requests on to the operator's interface; the first for a path meets
// a fault.
func agentProxy(t *testing.T, srv *opentcbtest.Server, path, name string, met *atomic.Int32) http.Handler {
	admin, err := url.Parse(srv.AdminURL)
	if err != nil {
		t.Fatal(err)
	}
	forward := httputil.NewSingleHostReverseProxy(admin)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !strings.HasSuffix(r.URL.Path, path) || met.Add(1) > 1:
			forward.ServeHTTP(w, r)
		case name == "stall":
			<-r.Context().Done()
		default:
			answer := httptest.NewRecorder()
			forward.ServeHTTP(answer, r)
			agentFaults[name](w, answer)
		}
	})
}

// awaitAgent waits for the file, and returns what it has, or until so much is enough.
func awaitAgent(file string, enough func() bool) string {
	for {
		text, err := os.ReadFile(file)
		if err == nil || enough() {
			return string(text)
		}
		time.Sleep(10 * time.Millisecond)
	}
}
