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
		panic(http.ErrAbortHandler)
	},
	"stall": nil,
}

// TestAgentMeetsFaults: an agent whose first try meets a fault writes its file with the
// next one; one that gets no answer ends when it is told to. None shows the token.
//
// Proves: CC-6
func TestAgentMeetsFaults(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there a process cannot be interrupted")
	}
	srv := opentcbtest.New(t, opentcbtest.World{})
	admin, err := url.Parse(srv.AdminURL)
	if err != nil {
		t.Fatal(err)
	}
	forward := httputil.NewSingleHostReverseProxy(admin)
	for name, fault := range agentFaults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var met atomic.Int32
			proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				first := met.Add(1) == 1
				switch {
				case !first:
					forward.ServeHTTP(w, r)
				case name == "stall":
					<-r.Context().Done()
				default:
					answer := httptest.NewRecorder()
					forward.ServeHTTP(answer, r)
					fault(w, answer)
				}
			}))
			defer proxy.Close()
			out := filepath.Join(t.TempDir(), "token")
			var said bytes.Buffer
			cmd := exec.CommandContext(t.Context(), "opentcb", "agent", opentcbtest.DefaultEnv, "--out", out)
			cmd.Stdout, cmd.Stderr = &said, &said
			cmd.Env = []string{"HOME=" + t.TempDir(), "OPENTCB_ADMIN=" + proxy.URL, "OPENTCB_ADMIN_TOKEN=" + srv.AdminToken}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() { ended <- cmd.Wait() }()
			token := awaitAgent(out, func() bool { return len(ended) > 0 || name == "stall" && met.Load() > 0 })
			_ = cmd.Process.Signal(os.Interrupt)
			if err := <-ended; err != nil {
				t.Errorf("it ended with %v: %s", err, said.String())
			}
			if strings.Contains(said.String(), srv.AdminToken) || token != "" && strings.Contains(said.String(), token) {
				t.Errorf("it shows a secret: %s", said.String())
			}
			if name != "stall" && !strings.Contains(said.String(), "WARN") {
				t.Errorf("it does not say that a try failed: %s", said.String())
			}
			if (token == "") != (name == "stall") {
				t.Errorf("its file has %q", token)
			}
		})
	}
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
