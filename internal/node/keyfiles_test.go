//go:build unix

package node

import (
	"context"
	"crypto/sha256"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/seal"
)

// started starts a server and ends it with the test.
func started(t *testing.T, cfg Config) *Node {
	t.Helper()
	n, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return n
}

// TestKeyFiles: a key file that others can read is refused, with the command that
// mends it; a group of ours may read it. One that is named and not there is not
// made, and that of the data folder is.
//
// Proves: AD-3
func TestKeyFiles(t *testing.T) {
	for mode, good := range map[fs.FileMode]bool{
		0o600: true, 0o400: true, 0o640: true, 0o440: true, 0o644: false, 0o660: false, 0o604: false, 0o444: false,
	} {
		key := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(key, []byte(seal.FormatMasterKey(seal.NewMasterKey())), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(key, mode); err != nil {
			t.Fatal(err)
		}
		cfg := local(t)
		cfg.MasterKeyFile = key
		s, err := OpenStorage(t.Context(), cfg)
		switch {
		case good && err != nil:
			t.Errorf("mode %04o: %v", mode, err)
		case good:
			s.Close()
		case err == nil || !strings.Contains(err.Error(), "chmod 600 "+key):
			t.Errorf("mode %04o: %v, want the command that mends it", mode, err)
		}
	}
	cfg := local(t)
	cfg.MasterKeyFile = filepath.Join(t.TempDir(), "absent")
	if _, err := OpenStorage(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "is not there") {
		t.Errorf("a named key file that is not there: %v", err)
	}
	if _, err := os.Stat(cfg.MasterKeyFile); err == nil {
		t.Error("a named key file was made")
	}
	cfg.MasterKeyFile = ""
	s, err := OpenStorage(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	for _, name := range []string{masterKeyFile, AdminTokenFile} {
		n := local(t)
		started(t, n)
		if err := os.Chmod(filepath.Join(n.Data, name), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadSecret(n.Data, name); err == nil {
			t.Errorf("%s is read though others can", name)
		}
	}
}

// TestShortAdminToken: one of less than 16 characters could be guessed, whichever
// way it was given.
//
// Proves: AD-2
func TestShortAdminToken(t *testing.T) {
	const short, long = "123456789012345", "1234567890123456"
	cfg := local(t)
	cfg.AdminToken = short
	if err := cfg.Check(); err == nil || !strings.Contains(err.Error(), "--admin-token must have at least 16 characters") {
		t.Errorf("15 characters: %v", err)
	}
	cfg.AdminToken = long
	if err := cfg.Check(); err != nil {
		t.Errorf("16 characters: %v", err)
	}
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(cfg.Data, AdminTokenFile)
	if err := os.WriteFile(file, []byte(short+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg.AdminToken = ""
	if _, err := Start(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), file+" must have at least 16") {
		t.Errorf("15 characters in the file: %v", err)
	}
}

// tokenIsGood asks a server with a token.
func tokenIsGood(t *testing.T, n *Node, token string) bool {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, n.AdminURL()+"/v1/admin-tokens", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// TestRotate replaces the token of the file: the old one is good for the overlap,
// over a restart too, and no longer.
//
// Proves: AD-2
func TestRotate(t *testing.T) {
	cfg := local(t)
	var clock atomic.Int64
	clock.Store(1_790_000_000_000)
	cfg.Now = func() time.Time { return time.UnixMilli(clock.Load()) }
	cfg.Limits.FalseSecrets = 1000
	n, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	client := admin.Client{URL: n.AdminURL(), Token: n.AdminToken()}
	rotate := func(overlap time.Duration) (old, made string) {
		t.Helper()
		old = n.AdminToken()
		client.URL, client.Token = n.AdminURL(), old
		r, err := client.RotateAdminToken(t.Context(), overlap)
		if err != nil {
			t.Fatal(err)
		}
		if r.Token != n.AdminToken() || r.Token == old {
			t.Error("the token that is answered is not the new one")
		}
		text, err := ReadSecret(cfg.Data, AdminTokenFile)
		if err != nil || strings.TrimSpace(string(text)) != r.Token {
			t.Errorf("the file has not the new token: %v", err)
		}
		return old, r.Token
	}
	want := func(when string, good bool, tokens ...string) {
		t.Helper()
		for i, token := range tokens {
			if tokenIsGood(t, n, token) != good {
				t.Errorf("%s: token %d good: %t", when, i, !good)
			}
		}
	}
	first, second := rotate(time.Hour)
	want("in the overlap", true, first, second)
	left, err := os.ReadFile(filepath.Join(cfg.Data, oldTokenFile))
	if err != nil || strings.Contains(string(left), first) || len(left) < 2*sha256.Size {
		t.Errorf("what is kept of the old token: %q, %v", left, err)
	}

	if err := n.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	n = started(t, cfg)
	want("after a restart", true, first, second)
	clock.Add(time.Hour.Milliseconds() - 1)
	want("at the end of the overlap", true, first, second)
	clock.Add(1)
	want("after the overlap", false, first)

	_, third := rotate(time.Hour)
	want("a second rotation", true, second, third)
	_, fourth := rotate(0) // because one of them leaked
	want("without an overlap", false, first, second, third)
	want("without an overlap", true, fourth)
}

// TestRotateGiven: a token that a setting gives cannot be replaced by the server.
//
// Proves: AD-2
func TestRotateGiven(t *testing.T) {
	cfg := local(t)
	cfg.AdminToken = "given-by-a-setting"
	n := started(t, cfg)
	client := admin.Client{URL: n.AdminURL(), Token: cfg.AdminToken}
	if _, err := client.RotateAdminToken(t.Context(), 0); err == nil || !strings.Contains(err.Error(), "OPENTCB_ADMIN_TOKEN") {
		t.Errorf("rotated: %v", err)
	}
	if !tokenIsGood(t, n, cfg.AdminToken) {
		t.Error("the token is good no more")
	}
}
