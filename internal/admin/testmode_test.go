package admin_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/node"
)

// startTests starts a server in test mode.
func startTests(t *testing.T, change ...func(*node.Config)) *started {
	t.Helper()
	return startWith(t, append([]func(*node.Config){func(c *node.Config) { c.TestMode = true }}, change...)...)
}

// TestTestModeOnly: what the OpenAPI document marks x-test-mode is what the server
// has for tests alone, and on a server that is not in test mode each such path is
// answered 404 and says why.
func TestTestModeOnly(t *testing.T) {
	s := start(t)
	var said []string
	for path, item := range document(t).Paths.Map() {
		for method, op := range item.Operations() {
			if op.Extensions["x-test-mode"] != true {
				continue
			}
			said = append(said, method+" "+path)
			resp, text := s.request(t, method, fill(path), "{}", nil)
			if resp.StatusCode != http.StatusNotFound || !strings.Contains(text, "the server is not in test mode") {
				t.Errorf("%s %s: %d %s", method, path, resp.StatusCode, text)
			}
		}
	}
	slices.Sort(said)
	if has := admin.New(admin.Config{}).TestRoutes(); !slices.Equal(said, has) || len(has) == 0 {
		t.Errorf("the document marks %q, the server has %q", said, has)
	}
}

// TestTestModeIsTold: by the first line of the log, by /readyz of both listeners,
// and in the metrics.
func TestTestModeIsTold(t *testing.T) {
	for _, on := range []bool{true, false} {
		var log strings.Builder
		s := startWith(t, func(c *node.Config) { c.TestMode, c.Log = on, slog.New(slog.NewTextHandler(&log, nil)) })
		first, _, _ := strings.Cut(log.String(), "\n")
		_, ready := s.request(t, "GET", "/readyz", "", nil)
		resp, err := http.Get(s.node.APIURL() + "/readyz")
		must(t, err)
		text, err := io.ReadAll(resp.Body)
		must(t, err)
		must(t, resp.Body.Close())
		apiReady := string(text)
		_, metrics := s.request(t, "GET", "/metrics", "", nil)
		for what, told := range map[string]bool{
			"the log": strings.Contains(first, "test mode is on"), "/readyz": strings.Contains(ready, `"test_mode":true`),
			"/readyz of the API": strings.Contains(apiReady, `"test_mode":true`),
			"the metrics":        strings.Contains(metrics, "\nopentcb_test_mode 1\n"),
		} {
			if told != on {
				t.Errorf("test mode %v: %s tells %v: %s %s %s", on, what, told, first, ready, apiReady)
			}
		}
	}
}

// TestTestModeIsEmbedded: not with storage that others use too.
func TestTestModeIsEmbedded(t *testing.T) {
	for _, change := range []func(*node.Config){
		func(c *node.Config) { c.Database, c.Blobs = "postgres://127.0.0.1:1/none", "file:///nowhere" },
		func(c *node.Config) { c.Blobs = "file:///nowhere" },
	} {
		cfg := node.Default()
		cfg.TestMode, cfg.Data = true, filepath.Join(t.TempDir(), "data")
		change(&cfg)
		_, err := node.Start(context.Background(), cfg)
		if err == nil || !strings.Contains(err.Error(), "--test-mode needs the database and the code in the data folder") {
			t.Errorf("started: %v", err)
		}
		if checked := cfg.Check(); checked == nil || !strings.Contains(checked.Error(), "--test-mode needs") {
			t.Errorf("checked: %v", checked)
		}
	}
}
