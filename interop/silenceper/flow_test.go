package silenceper

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/silenceper/wechat/v2/cache"
	"github.com/silenceper/wechat/v2/openplatform"
	"github.com/silenceper/wechat/v2/openplatform/config"
	"github.com/silenceper/wechat/v2/util"
)

// What testdata/world.yaml holds.
const (
	platformOne, secretOne = "wx00000000000000c1", "platform-one-secret"
	platformTwo, secretTwo = "wx00000000000000c2", "platform-two-secret"
	miniProgram            = "wx00000000000000a1"
	env, batchEnv          = "test-777bb9", "batch-5f3c21"
)

// TestWholeFlow is a service provider's way from the verify ticket to the
// downloaded code: CR-1 to CR-8, CS-1 to CS-6, UT-1 to UT-6, UT-14, UP-1 to
// UP-6, DF-1 to DF-3.
func TestWholeFlow(t *testing.T) {
	s := start(t)
	pointAt(t, s)
	one := connect(t, s, platformOne, secretOne)
	preAuthCode(t, one)
	token := authorizerToken(t, s, one)
	key := protectionKey(t, token)
	zip := upload(t, token, key)
	download(t, s, token, zip)
	tokenPermission(t, token, env)
	tokenPermission(t, componentToken(t, one), batchEnv)
	anotherPlatform(t, s, key)
}

// CR-3: the code stands unescaped in the address of the consent page.
func preAuthCode(t *testing.T, p *openplatform.OpenPlatform) {
	t.Helper()
	page, err := p.GetComponentLoginPage("https://provider.example/authorized", 2, miniProgram)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(page, "&pre_auth_code=preauthcode@@@") {
		t.Errorf("no pre-auth code in the consent page's address %s", page)
	}
}

// authorizerToken goes from the consent to a refreshed token (CR-4 to CR-6).
// The token before it is still good (CR-8).
func authorizerToken(t *testing.T, s *server, p *openplatform.OpenPlatform) string {
	t.Helper()
	info := consent(t, s, p, miniProgram)
	var sets []int
	for _, f := range info.FuncInfo {
		sets = append(sets, f.FuncscopeCategory.ID)
	}
	if slices.Sort(sets); !slices.Equal(sets, []int{18, 49}) {
		t.Errorf("func_info has the permission sets %v, want 18 and 49", sets)
	}
	if !strings.HasPrefix(info.RefreshToken, "refreshtoken@@@") {
		t.Error("the refresh token does not begin with refreshtoken@@@")
	}
	fresh, err := p.RefreshAuthrToken(miniProgram, info.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	if fresh.AccessToken == "" || fresh.AccessToken == info.AccessToken || fresh.ExpiresIn != 7200 ||
		fresh.RefreshToken != info.RefreshToken {
		t.Error("the refresh gave no new token for 7200 s with the same refresh token")
	}
	must(t, "getcodesecret", info.AccessToken, nil, &codeSecret{})
	cached, err := p.GetMiniProgram(miniProgram).GetAccessToken()
	if err != nil || cached != fresh.AccessToken {
		t.Errorf("the library's own Mini Program does not hold the refreshed token: %v", err)
	}
	return renewed(t, p, cached)
}

// renewed returns the token that the library gets by itself once it holds none,
// with the refresh token that it remembers (CR-6).
func renewed(t *testing.T, p *openplatform.OpenPlatform, before string) string {
	t.Helper()
	if err := p.Cache.Delete("authorizer_access_token_" + miniProgram); err != nil {
		t.Fatal(err)
	}
	token, err := p.GetAuthrAccessToken(miniProgram)
	if err != nil || token == "" || token == before {
		t.Fatalf("the library renews its token to one of %d characters: %v", len(token), err)
	}
	return token
}

// protectionKey gets the key with the bodies that the library can send: the
// word null and an empty object, each with a newline (CS-1 to CS-4).
func protectionKey(t *testing.T, token string) string {
	t.Helper()
	var first, second codeSecret
	must(t, "getcodesecret", token, nil, &first)
	must(t, "getcodesecret", token, struct{}{}, &second)
	raw, err := base64.StdEncoding.DecodeString(first.CodeSecret)
	if err != nil || len(raw) != 48 {
		t.Errorf("the key is %d bytes of base64 (%v), want 48", len(raw), err)
	}
	if first.CodeSecret != second.CodeSecret || first.ErrMsg != "ok" {
		t.Errorf("a second call gave another key, or errmsg %q is not ok", first.ErrMsg)
	}
	return first.CodeSecret
}

// upload makes the function and uploads its code under the key (UP-1 to UP-4).
func upload(t *testing.T, token, key string) (zip []byte) {
	t.Helper()
	zip, err := os.ReadFile(filepath.Join("..", "testdata", "login.zip"))
	if err != nil {
		t.Fatal(err)
	}
	must(t, "createfunction", token, map[string]string{"env": env, "function_name": "login"}, &plain{})
	body, err := json.MarshalIndent(map[string]any{
		"CodeSecret": key, "EnvId": env, "FunctionName": "login", "Handler": "index.main",
		"ZipFile": base64.StdEncoding.EncodeToString(zip), "InstallDependency": "FALSE",
	}, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	answer, err := util.HTTPPostContext(context.Background(), realUploads+"/", body, signed(t, token, body))
	if err != nil {
		t.Fatal(err)
	}
	var done struct {
		Response struct {
			RequestID string `json:"RequestId"`
			Error     *struct{ Code, Message string }
		}
	}
	if err := json.Unmarshal(answer, &done); err != nil || done.Response.Error != nil || done.Response.RequestID == "" {
		t.Fatalf("the upload was answered %s", answer)
	}
	return zip
}

// signed returns the headers of an upload of exactly these bytes (UP-3).
func signed(t *testing.T, token string, body []byte) map[string]string {
	t.Helper()
	sum := sha256.Sum256(body)
	var signature uploadSignature
	must(t, "getuploadsignature", token, map[string]string{"hashed_payload": hex.EncodeToString(sum[:])}, &signature)
	headers := map[string]string{}
	for line := range strings.SplitSeq(signature.Headers, "\r\n") {
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			t.Fatalf("getuploadsignature gave the line %q", line)
		}
		headers[name] = value
	}
	return headers
}

// download follows the link and compares what comes with what was uploaded
// (DF-1, DF-2, DF-7).
func download(t *testing.T, s *server, token string, zip []byte) {
	t.Helper()
	var l link
	must(t, "downloadfunction", token, map[string]string{"env": env, "function_name": "login"}, &l)
	if !strings.HasPrefix(l.URL, s.api+"/") {
		t.Error("the link's host is not the one that the caller used")
	}
	got, err := util.HTTPGet(l.URL)
	if err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256(got); !bytes.Equal(got, zip) || l.Checksum != hex.EncodeToString(sum[:]) {
		t.Errorf("the link gave %d bytes that are not the uploaded %d, or do not fit the checksum", len(got), len(zip))
	}
}

// componentToken returns the component token that the library holds.
func componentToken(t *testing.T, p *openplatform.OpenPlatform) string {
	t.Helper()
	token, err := p.GetComponentAccessToken()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// tokenPermission reads an environment's permission, sets it as the document's
// sample does, and is refused with the version it first read (UT-2 to UT-6).
func tokenPermission(t *testing.T, token, env string) {
	t.Helper()
	get := map[string]string{"action": "get", "env": env}
	var before, set, after permission
	must(t, "usecloudaccesstoken", token, get, &before)
	if before.Open == nil || !*before.Open || before.APIWhitelist == nil || len(before.APIWhitelist) != 0 ||
		before.Version == nil || *before.Version != 2 {
		t.Fatalf("%s: get gave %s, want an open switch, an empty list and version 2", env, show(before))
	}
	list := []string{"/wxa/msg_sec_check", "/cgi-bin/message/*"}
	change := map[string]any{"action": "set", "env": env, "open": false, "api_whitelist": list, "version": 6}
	must(t, "usecloudaccesstoken", token, change, &set)
	if set.Open == nil || *set.Open {
		t.Errorf("%s: set was answered %s, want open false", env, show(set))
	}
	must(t, "usecloudaccesstoken", token, get, &after)
	if after.Open == nil || *after.Open || !slices.Equal(after.APIWhitelist, list) || after.Version == nil ||
		*after.Version != 8 {
		t.Errorf("%s: get after the set gave %s, want what was set and version 8", env, show(after))
	}
	change["open"], change["version"] = true, *before.Version
	wantCode(t, tcb("usecloudaccesstoken", token, change, &permission{}), 40097)
}

func show(p permission) string {
	b, err := json.Marshal(p)
	if err != nil {
		return fmt.Sprint(err)
	}
	return string(b)
}

// anotherPlatform of the same Mini Program has another key, and none of the
// first one's code (CS-6, DF-3).
func anotherPlatform(t *testing.T, s *server, key string) {
	t.Helper()
	two := connect(t, s, platformTwo, secretTwo)
	token := consent(t, s, two, miniProgram).AccessToken
	var other codeSecret
	must(t, "getcodesecret", token, nil, &other)
	if other.CodeSecret == key {
		t.Error("two platforms have the same key")
	}
	var l link
	wantCode(t, tcb("downloadfunction", token, map[string]string{"env": env, "function_name": "login"}, &l), -501019)
	if l.URL != "" {
		t.Error("a refusal carries a link")
	}
}

// TestRefusals shows that the library sees the server's errcodes in its own
// errors: CR-1, CR-5, CR-6, CS-9.
func TestRefusals(t *testing.T) {
	s := start(t)
	pointAt(t, s)
	stranger := openplatform.NewOpenPlatform(&config.Config{
		AppID: platformOne, AppSecret: secretOne, Cache: cache.NewMemory(),
	})
	_, err := stranger.SetComponentAccessToken(context.Background(), "ticket@@@false")
	wantText(t, err, "errcode=61006 ")

	p := connect(t, s, platformOne, secretOne)
	code := s.authorize(t, platformOne, miniProgram)
	if _, err := p.QueryAuthCode(code); err != nil {
		t.Fatal(err)
	}
	_, err = p.QueryAuthCode(code)
	wantText(t, err, "errcode=61009 ")

	// The library does not look at the errcode here: no token is what it sees.
	got, err := p.RefreshAuthrToken(miniProgram, "refreshtoken@@@false")
	if err != nil || got.AccessToken != "" {
		t.Errorf("a false refresh token gave %v and %d characters of token", err, len(got.AccessToken))
	}
	wantCode(t, tcb("getcodesecret", componentToken(t, p), nil, &codeSecret{}), 48001)
	wantCode(t, tcb("getcodesecret", "false", nil, &codeSecret{}), 40014)
}

func wantText(t *testing.T, err error, text string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("got %v, want an error with %q", err, text)
	}
}
