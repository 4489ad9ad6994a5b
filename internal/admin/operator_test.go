package admin_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/admin"
)

// TestOperator does everything that the client can, as an operator would.
func TestOperator(t *testing.T) {
	s := start(t)
	changes := s.applyWorld(t)
	want := []string{
		"platform " + platform + ": added", "Mini Program " + mini + ": added", "Mini Program " + other + ": added",
		"environment " + env + ": added", "environment batch-5f3c21: added", "authorization " + platform + " " + mini + ": added",
		"function " + env + " empty: added", "function " + env + " login: added with code",
	}
	if !slices.Equal(changes, want) {
		t.Errorf("apply changed %q", changes)
	}
	if again := s.applyWorld(t); len(again) != 0 {
		t.Errorf("applied again it changed %q", again)
	}
	ticket, err := s.Ticket(t.Context(), platform)
	if must(t, err); ticket != "ticket@@@one" {
		t.Errorf("ticket %q", ticket)
	}
	code, err := s.Authorize(t.Context(), platform, other, []int{18, 64})
	if must(t, err); !strings.HasPrefix(code.AuthorizationCode, "queryauthcode@@@") || code.ExpiresIn != 3600 {
		t.Errorf("consent: %+v", code)
	}
	must(t, s.Revoke(t.Context(), platform, other))
	deployed, err := s.Deploy(t.Context(), admin.Deployment{Env: env, Function: "another"}, bytes.NewReader(aZip(t)))
	must(t, err)
	long := admin.Deployment{Env: env, Function: "another", Handler: strings.Repeat("h", 129), InstallDependency: true}
	_, err = s.Deploy(t.Context(), long, bytes.NewReader(aZip(t)))
	if r := refused(t, err, http.StatusBadRequest); !strings.Contains(r.Message, "Handler is over 128 bytes") {
		t.Errorf("%+v", r)
	}
	if added, err := s.AddCode(t.Context(), bytes.NewReader(aZip(t))); err != nil || added != deployed {
		t.Errorf("the same zip is %v and %v: %v", added, deployed, err)
	}
}

// TestCredential is what the runtime of an environment proves itself with, and for how
// long.
func TestCredential(t *testing.T) {
	s := start(t)
	s.applyWorld(t)
	for _, life := range []time.Duration{0, time.Hour} {
		credential, err := s.Credential(t.Context(), env, life, false)
		if must(t, err); credential.ExpiresIn != int64(life.Seconds()) {
			t.Errorf("for %v: %+v", life, credential)
		}
		runtime := admin.Client{URL: s.URL, Token: credential.Credential, HTTP: s.HTTP}
		token, err := runtime.CloudbaseToken(t.Context(), env)
		must(t, err)
		if token.CredentialExpiresIn > int64(life.Seconds()) || (token.CredentialExpiresIn == 0) != (life == 0) {
			t.Errorf("with one for %v: %+v", life, token)
		}
	}
	for _, query := range []string{"expires_in=0", "expires_in=1h", "expires_in=3162240001", "expires=60"} {
		resp, text := s.request(t, "POST", "/v1/environments/"+env+"/credential?"+query, "", nil)
		if resp.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s: %s %s", query, resp.Status, text)
		}
	}
}

// TestNotThere names what is not there.
func TestNotThere(t *testing.T) {
	s := start(t)
	s.applyWorld(t)
	_, err := s.Ticket(t.Context(), "wx00000000000000cf")
	if r := refused(t, err, http.StatusNotFound); r.Code != -501000 || r.RID == "" || r.Message != "no platform wx00000000000000cf" {
		t.Errorf("%+v", r)
	}
	_, err = s.Ticket(t.Context(), "../x")
	refused(t, err, http.StatusNotFound)
	_, err = s.Authorize(t.Context(), platform, "wx00000000000000af", []int{49})
	refused(t, err, http.StatusNotFound)
	_, err = s.Authorize(t.Context(), platform, platform, []int{49})
	refused(t, err, http.StatusNotFound)
	refused(t, s.Revoke(t.Context(), platform, other), http.StatusNotFound)
	_, err = s.Deploy(t.Context(), admin.Deployment{Env: "none", Function: "login"}, bytes.NewReader(aZip(t)))
	refused(t, err, http.StatusNotFound)
}

// TestWorldFaults applies a world that contradicts what is there: every fault
// is told with the line of the file, and nothing is changed.
func TestWorldFaults(t *testing.T) {
	s := start(t)
	s.applyWorld(t)
	const bad = `platforms:
  - {appid: wx00000000000000a1, secret: s}
miniprograms:
  - {appid: wx00000000000000c1}
  - {appid: wx00000000000000a9}
environments:
  - {id: test-777bb9, appid: wx00000000000000a2}
  - {id: new-1, appid: wx00000000000000a9, api_whitelist: ["https://x/"]}
functions:
  - {env: nowhere, name: login}
  - {env: test-777bb9, name: fresh, zip: gone.zip}
`
	_, err := s.Apply(t.Context(), []byte(bad), nil)
	r := refused(t, err, http.StatusUnprocessableEntity)
	var lines []int
	for _, f := range r.Faults {
		lines = append(lines, f.Line)
	}
	if !slices.Equal(lines, []int{2, 4, 7, 8, 10, 11}) || r.Code != 40097 {
		t.Errorf("code %d, faults %+v", r.Code, r.Faults)
	}
	if text := r.Error(); !strings.Contains(text, "\n  line 8: ") || strings.Count(text, "\n") != len(lines) {
		t.Errorf("the error reads %q", text)
	}
	_, err = s.Ticket(t.Context(), mini)
	refused(t, err, http.StatusNotFound) // it did not become a platform
	if again := s.applyWorld(t); len(again) != 0 {
		t.Errorf("the refused world changed something: %q", again)
	}
	// What the file shows by itself is reported by the server too.
	_, err = s.Apply(t.Context(), []byte("platforms:\n  - appid: x\n    secret: s3cr3t s3cr3t\n"), nil)
	r = refused(t, err, http.StatusUnprocessableEntity)
	if len(r.Faults) != 2 || r.Faults[0].Line != 2 || r.Faults[1].Line != 3 || strings.Contains(r.Error(), "s3cr3t") {
		t.Errorf("%v", r)
	}
}

// TestClientErrors meets what is no server of ours.
func TestClientErrors(t *testing.T) {
	s := start(t)
	s.applyWorld(t)
	api := &admin.Client{URL: s.node.APIURL() + "/", Token: s.Token}
	_, err := api.Ticket(t.Context(), platform)
	if f, ok := errors.AsType[*admin.ForeignError](err); !ok || f.Status != "404 Not Found" || !f.API {
		t.Errorf("the API port: %v, want a ForeignError", err)
	}
	nobody := &admin.Client{URL: "http://127.0.0.1:1", Token: s.Token}
	_, err = nobody.Ticket(t.Context(), platform)
	if _, ok := errors.AsType[*url.Error](err); !ok {
		t.Errorf("%v", err)
	}
	slash := &admin.Client{URL: s.URL + "/", Token: s.Token}
	if _, err := slash.Ticket(t.Context(), platform); err != nil {
		t.Error(err)
	}
}

// TestHalfClosed sends changes and closes the sending side at once: who does
// is still there for the answer.
func TestHalfClosed(t *testing.T) {
	s := start(t)
	s.applyWorld(t)
	address := strings.TrimPrefix(s.node.AdminURL(), "http://")
	const consent = `{"permission_sets":[18,49]}`
	for range 100 {
		conn, err := net.Dial("tcp", address)
		must(t, err)
		fmt.Fprintf(conn, "POST /v1/platforms/%s/authorizations/%s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
			platform, other, address, s.node.AdminToken(), len(consent), consent)
		must(t, conn.(*net.TCPConn).CloseWrite())
		answer, err := io.ReadAll(conn)
		must(t, err)
		conn.Close()
		if !strings.HasPrefix(string(answer), "HTTP/1.1 200 ") {
			t.Fatalf("answered %q", answer)
		}
	}
}
