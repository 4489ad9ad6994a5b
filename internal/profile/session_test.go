package profile_test

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/opentcb/opentcb/internal/profile"
	"github.com/opentcb/opentcb/opentcbtest"
)

// instead sends to an address what is meant for another.
type instead struct{ to *url.URL }

// RoundTrip implements http.RoundTripper.
func (i instead) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host = i.to.Scheme, i.to.Host
	return http.DefaultTransport.RoundTrip(r)
}

// Tokens that are issued at the real platform end those of production, which is told
// once for all Mini Programs. At another address it is not: nobody may use others.
func TestOwnTokensAtThePlatform(t *testing.T) {
	srv := opentcbtest.New(t, opentcbtest.World{})
	to, err := url.Parse(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	for base, want := range map[string]int{"https://api.weixin.qq.com/": 1, "": 1, srv.URL: 0} {
		path := filepath.Join(t.TempDir(), "profiles.yaml")
		text := "profiles:\n  main:\n    platform: " + opentcbtest.DefaultPlatform +
			"\n    secret: {value: no-secret}\n    ticket: {value: no-ticket}\n    refresh_token: {value: x}\n"
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		profiles, err := profile.Read(path)
		if err != nil {
			t.Fatal(err)
		}
		s := profiles[0].Open(base, &http.Client{Transport: instead{to}})
		told := 0
		s.Own = func(string) { told++ }
		for _, appid := range []string{opentcbtest.DefaultAppID, "wx00000000000000a2"} {
			m, _ := profiles[0].MiniProgram(appid)
			if _, err := s.MiniProgram(m).GetCodeSecret(t.Context()); err == nil {
				t.Errorf("%s: a token was issued for a false secret", base)
			}
		}
		if told != want {
			t.Errorf("%q: told %d times, want %d", base, told, want)
		}
	}
}
