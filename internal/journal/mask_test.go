package journal

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const token = "AXk3dGhpcyBpcyBhIHRva2VuIG9mIHRoZSBzZXJ2ZXItYW5kIGl0IGlzIGxvbmcgZW5vdWdo"

// Proves: JN-2
func TestMaskBody(t *testing.T) {
	t.Parallel()
	sum := strings.Repeat("0123456789abcdef", 4)
	for body, want := range map[string]string{
		`{"component_appsecret":"s3cret","component_appid":"wx1"}`: `{"component_appsecret":"` + Mask("secret", "s3cret") + `","component_appid":"wx1"}`,
		// However a member's name or a text is spelled, equal secrets are equal.
		`{"Component\u005fAppSecret" : "s\u0033cret"}`: `{"Component\u005fAppSecret" : "` + Mask("secret", "s3cret") + `"}`,
		`{"a":{"b":["x",{"access_token":"t"}]}}`:       `{"a":{"b":["x",{"access_token":"` + Mask("token", "t") + `"}]}}`,
		`{"ticket":null,"secret":""}`:                  `{"ticket":null,"secret":""}`,
		// Cut off, or otherwise malformed.
		`{"component_verify_ticket":"ticket@@@o`:                `{"component_verify_ticket":"` + Mask("ticket", "ticket@@@o") + `"`,
		`{"secret":12345678901, "x":1`:                          `{"secret":"` + Mask("secret", "12345678901") + `", "x":1`,
		`{"secret":["a","b"], "x":1`:                            `{"secret":"` + Mask("secret", `["a","b"]`) + `", "x":1`,
		`{"codesecret":"` + sum + `","checksum":"` + sum + `"}`: `{"codesecret":"` + Mask("key", sum) + `","checksum":"` + sum + `"}`,
		// A token is known by its form wherever it stands, a checksum is none.
		`{"env":"` + token + `"}`:                                  `{"env":"` + Mask("token", token) + `"}`,
		`{"url":"http://h/download/` + token + `","checksum":"x"}`: `{"url":"http://h/download/` + Mask("link", token) + `","checksum":"x"}`,
		`access_token=abc&x=1`:                                     `access_token=` + Mask("token", "abc") + `&x=1`,
		`<xml><ComponentVerifyTicket><![CDATA[ticket@@@x]]></ComponentVerifyTicket><AppId>wx1</AppId></xml>`: `<xml><ComponentVerifyTicket>` +
			Mask("ticket", "ticket@@@x") + `</ComponentVerifyTicket><AppId>wx1</AppId></xml>`,
		`{"EnvId":"e","ZipFile":"UEsDBBQ=","FunctionName":"f"}`: `{"EnvId":"e","ZipFile":"zip of 5 bytes","FunctionName":"f"}`,
		`{"FunctionName":"f","zipfile":"UEsDBBQ`:                `{"FunctionName":"f","zipfile":"zip of 5 bytes"`,
		// The variables of a function, in a text or, by mistake, not; cut off in either.
		`{"config":"{\"environment\":[{\"key\":\"K\",\"value\":\"v\\u0031 \\\" x\"}]}","type":3}`: `{"config":"{\"environment\":[{\"key\":\"K\",\"value\":\"` +
			Mask("variable", `v1 " x`) + `\"}]}","type":3}`,
		`{"config":{"Environment":[{"key":"K","value":"v"}]}}`:      `{"config":{"Environment":[{"key":"K","value":"` + Mask("variable", "v") + `"}]}}`,
		`{"config":{"environment":[{"value":["v"],"key":"K"`:        `{"config":{"environment":[{"value":"` + Mask("variable", `["v"]`) + `","key":"K"`,
		`{"config":"{\"environment\":[{\"key\":\"K\",\"value\":\"v`: `{"config":"` + Mask("variable", `"{\"environment\":[{\"key\":\"K\",\"value\":\"v`) + `"`,
		`{"config":"{\"permissions\":{\"openapi\":[\"x.y\"]}}"}`:    `{"config":"{\"permissions\":{\"openapi\":[\"x.y\"]}}"}`,
	} {
		if got := MaskBody([]byte(body), "zip of 5 bytes"); got != want {
			t.Errorf("%s\nbecame %s\nwant   %s", body, got, want)
		}
	}
	if Mask("token", "a") == Mask("token", "b") || Mask("secret", "abc") != "secret:ba7816bf" {
		t.Error("equal secrets cannot be told equal")
	}
}

// TestSecretsOfTheWire: whatever the interfaces call a secret is known by its name, so
// that one of an interface that is added cannot be forgotten.
//
// Proves: JN-2
func TestSecretsOfTheWire(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../tcb/*.go")
	if err != nil {
		t.Fatal(err)
	}
	member, secret := regexp.MustCompile(`json:"([a-z_]+)`), regexp.MustCompile(`secret|ticket|token|password|_code$|^signature`)
	seen := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range member.FindAllStringSubmatch(string(text), -1) {
			if name := m[1]; secret.MatchString(name) {
				seen++
				if kindOf(name) == "" {
					t.Errorf("%s: the journal would show %s", file, name)
				}
			}
		}
	}
	if seen < 10 {
		t.Errorf("only %d names were found", seen)
	}
}

// Proves: JN-2
func TestMaskHeaders(t *testing.T) {
	t.Parallel()
	got := MaskHeaders(http.Header{
		"Authorization":  {"TC3-HMAC-SHA256 Credential=AKID/x, Signature=0123"},
		"X-Tc-Token":     {token},
		"X-Original-Uri": {"/wxa/x?cloudbase_access_token=short&y=1"},
		"User-Agent":     {"curl/8"},
	})
	for name, want := range map[string]string{
		"Authorization":  Mask("authorization", "TC3-HMAC-SHA256 Credential=AKID/x, Signature=0123"),
		"X-Tc-Token":     Mask("token", token),
		"X-Original-Uri": "/wxa/x?cloudbase_access_token=" + Mask("token", "short") + "&y=1",
		"User-Agent":     "curl/8",
	} {
		if got[name] != want {
			t.Errorf("%s: %s, want %s", name, got[name], want)
		}
	}
	if query := "component_access_token=" + url.QueryEscape("a b+c"); MaskText(query) != "component_access_token="+Mask("token", "a b+c") {
		t.Errorf("%s became %s", query, MaskText(query))
	}
}

// FuzzMask hides a secret in a body under one of its names, among whatever else
// there is, and looks for it in what the journal would keep.
func FuzzMask(f *testing.F) {
	f.Add("component_appsecret", "ticket@@@with\"quotes", `{"x":1,`, 20)
	f.Add("access_token", "a\u2028b\\c", `{"codesecret":"`, 200)
	f.Add("codesecret", "<![CDATA[x]]>", `<xml>`, 7)
	f.Fuzz(func(t *testing.T, name, secret, around string, cut int) {
		kind := kindOf(name)
		text, err := json.Marshal(map[string]string{name: secret})
		if err != nil || kind == "" {
			MaskBody([]byte(around), "zip")
			return
		}
		var back map[string]string
		if json.Unmarshal(text, &back) != nil || back[name] != secret || len(secret) < 12 || isMasked(kind, secret) {
			return // not valid UTF-8, or too little to look for
		}
		for _, body := range []string{
			string(text), string(text) + around, string(text[:len(text)-min(len(text), max(0, cut%8))]), "[1," + string(text) + "]",
		} {
			got := MaskBody([]byte(body), "")
			if strings.Contains(got, secret) && !strings.Contains(around, secret) && !strings.Contains(name, secret) {
				t.Errorf("%q became %q", body, got)
			}
		}
		query := "a=1&" + url.QueryEscape(name) + "=" + url.QueryEscape(secret)
		if got := MaskText(query); strings.Contains(got, url.QueryEscape(secret)) {
			t.Errorf("%q became %q", query, got)
		}
	})
}
