package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// stage is a server and a file of targets for the load.
func stage(t *testing.T, targets []target, handler http.HandlerFunc) loadOrders {
	t.Helper()
	if _, err := idleTime(serverCPU); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	path := filepath.Join(t.TempDir(), "targets")
	if err := writeTargets(path, targets); err != nil {
		t.Fatal(err)
	}
	return loadOrders{
		Address: strings.TrimPrefix(server.URL, "http://"), ServerPID: os.Getpid(),
		Path: getcodesecret.path(), Targets: path, Connections: 3,
	}
}

func targetsNamed(names ...string) []target {
	var targets []target
	for _, name := range names {
		targets = append(targets, target{Token: "token-" + name, Env: "env-" + name, Function: "code"})
	}
	return targets
}

func TestLoadUsesEveryTargetOnce(t *testing.T) {
	var mu sync.Mutex
	seen := map[string]int{}
	orders := stage(t, targetsNamed("a", "b", "c", "d", "e", "f", "g"), func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		seen[r.URL.Query().Get("access_token")+" "+string(body)]++
		io.WriteString(w, `{"errcode":0}`)
	})
	orders.Body, orders.Once = downloadfunction.body, true
	report, err := load(orders)
	if err != nil || report.Requests != 7 || len(seen) != 7 {
		t.Fatalf("%d requests, %v, err %v", report.Requests, seen, err)
	}
	if seen[`token-c {"env":"env-c","function_name":"code"}`] != 1 {
		t.Error(seen)
	}
}

func TestLoadFailsOnARefusal(t *testing.T) {
	for name, answer := range map[string]string{"refused": `{"errcode":-1}`, "no length": strings.Repeat("x", 3000)} {
		orders := stage(t, targetsNamed("a"), func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, answer) })
		orders.Duration = time.Minute
		if report, err := load(orders); err == nil {
			t.Errorf("%s: no fault: %+v", name, report)
		}
	}
}

func TestSetsSendTheVersionTheyKnow(t *testing.T) {
	var mu sync.Mutex
	versions := map[string]int64{"env-a": 2, "env-b": 40, "env-c": 6, "env-d": 8}
	orders := stage(t, targetsNamed("a", "b", "c", "d"), func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		env := "env-" + strings.TrimPrefix(r.URL.Query().Get("access_token"), "token-")
		stored := strconv.FormatInt(versions[env], 10)
		if strings.Contains(string(body), `"get"`) {
			io.WriteString(w, `{"errcode":0,"version":`+stored+`}`)
			return
		}
		if !strings.Contains(string(body), `"version":`+stored+`}`) || !strings.Contains(string(body), env) {
			t.Errorf("the stored version is %s: %s", stored, body)
		}
		versions[env] += 2
		io.WriteString(w, `{"errcode":0,"open":true}`)
	})
	orders.Path, orders.Probe, orders.Body = usecloudaccesstoken.path(), usecloudaccesstoken.body, setBody
	orders.Duration = 100 * time.Millisecond
	if report, err := load(orders); err != nil || report.Requests < 10 || report.P50 > report.P99 {
		t.Fatalf("%+v, %v", report, err)
	}
}

// TestOpenLoop: calls come at their rate whatever the answers take, and a time
// without an answer shows as a stall and in the latencies of all who waited.
func TestOpenLoop(t *testing.T) {
	var calls atomic.Int64
	var stalled sync.RWMutex
	orders := stage(t, targetsNamed("a", "b", "c"), func(w http.ResponseWriter, r *http.Request) {
		if calls.Add(1) == 100 {
			stalled.Lock()
			time.Sleep(100 * time.Millisecond)
			stalled.Unlock()
		}
		stalled.RLock()
		defer stalled.RUnlock()
		io.WriteString(w, `{"errcode":0}`)
	})
	orders.PerSecond, orders.Duration = 600, time.Second
	report, err := load(orders)
	if err != nil || report.Requests < 500 || report.Requests > 610 {
		t.Fatalf("%+v, %v", report, err)
	}
	if report.LongestStall < 90*time.Millisecond || len(report.Stalls) == 0 || report.P99 < 50*time.Millisecond {
		t.Errorf("a stall of 100 ms does not show: %+v", report)
	}
}

func TestLoadCountsDroppedBytes(t *testing.T) {
	content := strings.NewReader(strings.Repeat("z", 3<<20))
	orders := stage(t, targetsNamed("a"), func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "a.zip", time.Time{}, io.NewSectionReader(content, 0, content.Size()))
	})
	orders.Path, orders.Discard, orders.Duration = "/zip", true, 200*time.Millisecond
	report, err := load(orders)
	if err != nil || report.Requests == 0 || report.Bytes < (report.Requests-3)*uint64(content.Size()) {
		t.Fatalf("%+v, %v", report, err)
	}
}
