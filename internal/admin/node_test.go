package admin_test

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/node"
)

// The world that the tests of this package play in.
const (
	platform = "wx00000000000000c1"
	mini     = "wx00000000000000a1"
	other    = "wx00000000000000a2"
	env      = "test-777bb9"

	worldFile = `platforms:
  - {appid: wx00000000000000c1, secret: platform-one-secret, verify_ticket: ticket@@@one}
miniprograms:
  - {appid: wx00000000000000a1}
  - {appid: wx00000000000000a2}
environments:
  - {id: test-777bb9, appid: wx00000000000000a1}
  - {id: batch-5f3c21, platform: wx00000000000000c1, open: true, api_whitelist: ["/wxa/*"]}
authorizations:
  - {platform: wx00000000000000c1, appid: wx00000000000000a1, permission_sets: [18, 49], refresh_token: refreshtoken@@@one-a1}
functions:
  - {env: test-777bb9, name: empty}
  - {env: test-777bb9, name: login, zip: login.zip}
`
)

// started is a running server and the operator's client for it. Every request
// and answer of the client is held against the OpenAPI document.
type started struct {
	*admin.Client
	node *node.Node
	data string
	bad  *checker // for requests that are not meant to be right
}

func start(t *testing.T) *started {
	t.Helper()
	return startSlowing(t, 1<<20) // tests try many
}

// startSlowing starts a server that slows an address after so many false tokens
// in a minute; 0: as by default.
func startSlowing(t *testing.T, falseTokens int) *started {
	t.Helper()
	return startWith(t, func(c *node.Config) {
		c.Limits.FalseSecrets = cmp.Or(falseTokens, node.Default().Limits.FalseSecrets)
	})
}

// startWith starts a server with other settings than the default.
func startWith(t *testing.T, change ...func(*node.Config)) *started {
	t.Helper()
	cfg := node.Default()
	cfg.Limits.FalseSecrets = 1 << 20
	cfg.Listen, cfg.AdminListen = "127.0.0.1:0", "127.0.0.1:0"
	cfg.Data = filepath.Join(t.TempDir(), "data")
	for _, c := range change {
		c(&cfg)
	}
	n, err := node.Start(context.Background(), cfg)
	must(t, err)
	t.Cleanup(func() { must(t, n.Shutdown(context.Background())) })
	good := newChecker(t)
	bad := *good
	bad.answersAlone = true
	client := &admin.Client{URL: n.AdminURL(), Token: n.AdminToken(), HTTP: &http.Client{Transport: good}}
	return &started{Client: client, node: n, data: cfg.Data, bad: &bad}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// applyWorld brings the server to the world of the tests.
func (s *started) applyWorld(t *testing.T) []string {
	t.Helper()
	code, err := s.AddCode(t.Context(), bytes.NewReader(aZip(t)))
	must(t, err)
	changes, err := s.Apply(t.Context(), []byte(worldFile), map[string]string{"login.zip": code.SHA256})
	must(t, err)
	var items []string
	for _, c := range changes.Changes {
		items = append(items, c.Item+": "+c.Change)
	}
	return items
}

func aZip(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create("index.js")
	must(t, err)
	_, err = io.WriteString(w, "exports.main = async () => 1;\n")
	must(t, err)
	must(t, z.Close())
	return b.Bytes()
}

// request sends what the client never would, and returns the answer with its
// body. The answer is held against the OpenAPI document nonetheless.
func (s *started) request(t *testing.T, method, path, body string, header http.Header) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, strings.NewReader(body))
	must(t, err)
	r.Header.Set("Authorization", "Bearer "+s.Token)
	for name, values := range header {
		r.Header[name] = values
	}
	resp, err := s.bad.RoundTrip(r)
	must(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	must(t, err)
	return resp, string(text)
}

// refused returns the refusal that an error is, with that status.
func refused(t *testing.T, err error, status int) *admin.Refusal {
	t.Helper()
	r, ok := errors.AsType[*admin.Refusal](err)
	if !ok || r.Status != status {
		t.Fatalf("got %#v, want a refusal with status %d", err, status)
	}
	return r
}
