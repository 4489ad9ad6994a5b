package server

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/blob"
	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/seal"
	"github.com/opentcb/opentcb/internal/sqlstore"
	"github.com/opentcb/opentcb/internal/testserver"
	"github.com/opentcb/opentcb/tcb"
)

// The world that the tests of this package play in.
const (
	platform = "wx00000000000000c1"
	mini     = "wx00000000000000a1"
	env      = "test-777bb9"
	function = "login"
	secret   = "platform-one-secret"
	ticket   = "ticket@@@one"
	refresh  = "refreshtoken@@@one-a1"
)

// beginning is the time at which the clock of a fixture stands.
var beginning = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// fixture is a server on a real database and code folder.
type fixture struct {
	*Server
	store *sqlstore.Store
	code  string // the folder of stored code
	log   *testserver.Output
}

// newFixture starts a server with one platform, one Mini Program, an
// environment and a function without code. Its master key and its clock are
// fixed, so that tokens are alike in every run.
func newFixture(t testing.TB, cfg Config) *fixture {
	t.Helper()
	ctx, dir := context.Background(), t.TempDir()
	f := &fixture{code: filepath.Join(dir, "code"), log: &testserver.Output{}}
	ring, err := seal.NewRing(bytes.Repeat([]byte{7}, seal.MasterKeyBytes))
	must(t, err)
	f.store, err = sqlstore.OpenSQLite(ctx, filepath.Join(dir, "opentcb.db"))
	must(t, err)
	blobs, err := blob.OpenDir(f.code, blob.Config{})
	must(t, err)
	cfg.Log = slog.New(slog.NewTextHandler(f.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	cfg.Cloud = cloud.New(cloud.Config{
		Store: f.store, Blobs: blobs, Ring: ring, Log: cfg.Log, Now: func() time.Time { return beginning },
	})
	t.Cleanup(func() {
		_ = cfg.Cloud.Close() // fails where a test has closed the store
		_ = f.store.Close()
		_ = blobs.Close()
	})
	_, err = cfg.Cloud.Apply(ctx, cfg.Cloud.OperatorCaller("test"), cloud.World{
		Platforms:      []cloud.WorldPlatform{{AppID: platform, Secret: secret, Ticket: ticket}},
		MiniPrograms:   []cloud.WorldMiniProgram{{AppID: mini}},
		Environments:   []cloud.WorldEnvironment{{ID: env, Account: mini}},
		Authorizations: []cloud.WorldAuthorization{{Platform: platform, AppID: mini, Sets: []int{49}, RefreshToken: refresh}},
		Functions:      []cloud.WorldFunction{{Env: env, Name: function}},
	})
	must(t, err)
	f.Server = New(cfg)
	return f
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// post calls an interface without a network, and decodes the answer.
func (f *fixture) post(t testing.TB, path, body string, answer any) *httptest.ResponseRecorder {
	t.Helper()
	return f.serve(t, httptest.NewRequest(http.MethodPost, path, strings.NewReader(body)), answer)
}

// serve serves a request without a network, and decodes the answer.
func (f *fixture) serve(t testing.TB, r *http.Request, answer any) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	if err := json.Unmarshal(w.Body.Bytes(), answer); err != nil {
		t.Fatalf("%s: %v: %s", r.URL, err, w.Body)
	}
	return w
}

// waitFor waits for what another goroutine brings about.
func waitFor(t testing.TB, isSo func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !isSo(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it did not come to that")
		}
	}
}

// token runs the credential flow and returns an authorizer_access_token.
func (f *fixture) token(t testing.TB) string {
	t.Helper()
	var component tcb.ComponentTokenResponse
	f.post(t, "/cgi-bin/component/api_component_token",
		`{"component_appid":"`+platform+`","component_appsecret":"`+secret+`","component_verify_ticket":"`+ticket+`"}`, &component)
	var authorizer tcb.AuthorizerTokenResponse
	w := f.post(t, "/cgi-bin/component/api_authorizer_token?component_access_token="+component.ComponentAccessToken,
		`{"component_appid":"`+platform+`","authorizer_appid":"`+mini+`","authorizer_refresh_token":"`+refresh+`"}`, &authorizer)
	if authorizer.AuthorizerAccessToken == "" {
		t.Fatalf("no token: %s", w.Body)
	}
	return authorizer.AuthorizerAccessToken
}

// signed returns the headers under which a body may be uploaded to the host.
func (f *fixture) signed(t testing.TB, token, host string, body []byte) http.Header {
	t.Helper()
	var answer tcb.GetUploadSignatureResponse
	r := httptest.NewRequest(http.MethodPost, "/tcb/getuploadsignature?access_token="+token,
		strings.NewReader(`{"hashed_payload":"`+blob.Sum(sha256.Sum256(body)).String()+`"}`))
	r.Host = host
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	must(t, json.Unmarshal(w.Body.Bytes(), &answer))
	if answer.ErrCode != tcb.OK {
		t.Fatalf("getuploadsignature: %s", w.Body)
	}
	h := http.Header{}
	for line := range strings.SplitSeq(answer.Headers, "\r\n") {
		name, value, _ := strings.Cut(line, ":")
		h.Set(name, value)
	}
	return h
}

// uploadBody is the body of an upload of a zip under the platform's own key.
func (f *fixture) uploadBody(t testing.TB, token string, code []byte) []byte {
	t.Helper()
	var key tcb.GetCodeSecretResponse
	f.post(t, "/tcb/getcodesecret?access_token="+token, "", &key)
	body, err := json.Marshal(map[string]string{
		"CodeSecret": key.CodeSecret, "EnvId": env, "FunctionName": function, "Handler": "index.main",
		"ZipFile": base64.StdEncoding.EncodeToString(code), "InstallDependency": "FALSE",
	})
	must(t, err)
	return body
}

// zipOf is a zip with one stored file of that content.
func zipOf(t testing.TB, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.CreateHeader(&zip.FileHeader{Name: "index.js", Method: zip.Store})
	must(t, err)
	_, err = w.Write(content)
	must(t, err)
	must(t, z.Close())
	return b.Bytes()
}

// uploadTo sends an upload and returns its answer.
func uploadTo(t testing.TB, url string, h http.Header, body io.Reader, size int64) tcb.UpdateFunctionCodeResponse {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, url+"/", body)
	must(t, err)
	r.Header, r.ContentLength = h, size
	resp, err := http.DefaultClient.Do(r)
	must(t, err)
	defer resp.Body.Close()
	var answer tcb.UpdateFunctionCodeResponse
	must(t, json.NewDecoder(resp.Body).Decode(&answer))
	return answer
}

// upload makes the zip the function's code.
func (f *fixture) upload(t testing.TB, token, url string, code []byte) {
	t.Helper()
	body := f.uploadBody(t, token, code)
	h := f.signed(t, token, strings.TrimPrefix(url, "http://"), body)
	if answer := uploadTo(t, url, h, bytes.NewReader(body), int64(len(body))); answer.Response.Error != nil {
		t.Fatalf("upload: %+v", *answer.Response.Error)
	}
}
