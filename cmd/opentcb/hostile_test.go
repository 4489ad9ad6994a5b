package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// answering starts a server that gives one answer to everything.
func answering(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(text) }))
	t.Cleanup(srv.Close)
	return srv.URL
}

// command carries out a command line, and returns its status and what it wrote.
func command(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	status = run(t.Context(), args, &out, &errs)
	return status, out.String(), errs.String()
}

// TestTextOfServer: what a server answers reaches the terminal as text, and
// cannot add a line.
func TestTextOfServer(t *testing.T) {
	t.Setenv(accessTokenVariable, "token")
	const evil = "\x1b]0;owned\x07\x1b[2J\u009b1mall is well\nforged: line"
	refusal := answering(t, map[string]any{"errcode": 40097, "errmsg": evil + " rid: 1"})
	success := answering(t, map[string]any{
		"errcode": 0, "errmsg": "ok", "open": true, "api_whitelist": []string{"/a" + evil}, "version": 2,
		"functions": []any{map[string]string{"name": evil, "runtime": evil, "status": evil, "mod_time": evil}}, "total_count": 1,
	})
	admin := answering(t, map[string]any{"records": []any{map[string]any{"action": evil, "target": evil}}, "ticket": evil})
	for _, args := range [][]string{
		{"usecloudaccesstoken", "get", "env", "--base-url", refusal},
		{"usecloudaccesstoken", "get", "env", "--base-url", success},
		{"usecloudaccesstoken", "get", "env", "--base-url", success, "--json"},
		{"listfunctions", "env", "--base-url", success},
		{"listfunctions", "env", "--base-url", success, "--json"},
		{"ticket", "wx00000000000000c1", "--admin", admin, "--admin-token", "t"},
		{"audit", "--admin", admin, "--admin-token", "t"},
	} {
		_, stdout, stderr := command(t, args...)
		text := stdout + stderr
		if strings.ContainsAny(text, "\x1b\x07\u009b") || (args[0] != "ticket" && strings.Contains(text, "\nforged")) {
			t.Errorf("%q writes %q", args, text)
		}
		if args[0] != "audit" && !strings.Contains(text, `owned`) {
			t.Errorf("%q does not show the text: %q", args, text)
		}
	}
}

// TestNamesThatArePaths: neither an appid nor a function's name leads to a file
// that was not meant.
func TestNamesThatArePaths(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	asked := 0
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked++
		_, _ = io.Copy(io.Discard, r.Body)
	}))
	t.Cleanup(srv.Close)
	profiles := filepath.Join(dir, "profiles.yaml")
	text := "profiles:\n  main:\n    base_url: " + srv.URL + "\n    platform: wx00000000000000c1\n    secret: {value: s}\n" +
		"    ticket: {value: t}\n    refresh_token: {file: 'tokens/{appid}'}\n"
	if err := os.WriteFile(profiles, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"getcodesecret", "--profiles", profiles, "--appid", "../profiles.yaml"},
		{"getcodesecret", "--profiles", profiles, "--appid", "wx00000000000000a1/../../x"},
	} {
		status, _, stderr := command(t, args...)
		if status != statusUsage || !strings.Contains(stderr, "is no appid") || asked > 0 {
			t.Errorf("%q: status %d, %d requests, %s", args, status, asked, stderr)
		}
	}
	t.Setenv(accessTokenVariable, "token")
	for _, name := range []string{"../x", "/tmp/x", ".hidden", "a/b", `a\b`, "-x", ""} {
		status, _, stderr := command(t, "downloadfunction", "--base-url", srv.URL, "--", "env", name)
		if status != statusUsage || !strings.Contains(stderr, "give --out") || asked > 0 {
			t.Errorf("%q: status %d, %d requests, %s", name, status, asked, stderr)
		}
	}
}
