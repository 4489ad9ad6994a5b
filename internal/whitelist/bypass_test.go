package whitelist

import (
	"errors"
	"strings"
	"testing"
)

// bypasses are the ways round a check of the path that were published or are
// known. Each is a call that the list would admit if something of it was
// overlooked, and that some server reads as a path that is not on the list.
var bypasses = []struct {
	name string
	list string // its entries, separated by spaces
	path string
}{
	// A check by prefix of the path as it came; the backend resolves it.
	{"Envoy CVE-2019-9901", "/info/*", "/info/../private"},
	{"Envoy CVE-2019-9901, deep", "/info/*", "/info/a/b/../../../private"},
	{"Envoy CVE-2019-9901, escaped", "/info/*", "/info/%2e%2e/private"},
	// Rules were matched with the path as it came.
	{"Oathkeeper GHSA-p224-6x5r-fjpm", "/public/*", "/public/../admin/secrets"},
	{"Oathkeeper GHSA-p224-6x5r-fjpm, everything allowed", "/*", "/public/../admin/secrets"},
	{"Oathkeeper GHSA-p224-6x5r-fjpm, escaped slash", "/public/*", "/public/..%2fadmin/secrets"},
	// The path matcher did not see what a slash at the end or parameters hide.
	{"Keycloak CVE-2026-15573, slash at the end", "/api/* /api/admin", "/api/admin/"},
	{"Keycloak CVE-2026-15573, parameter", "/api/*", "/api/admin;x=y"},
	{"Keycloak CVE-2026-15573, parameter in a folder", "/api/*", "/api/admin;x/data"},
	{"Keycloak CVE-2026-15573, empty parameter", "/api/*", "/api/admin;"},
	// Its fix dropped the parameters before it decoded.
	{"Keycloak CVE-2026-74909, escaped semicolon", "/api/*", "/api/admin%3Bx=y"},
	{"Keycloak CVE-2026-74909, small letters", "/api/*", "/api/admin%3bx/data"},
	{"Keycloak CVE-2026-74909, escaped slash", "/api/*", "/api/%2Fadmin"},
	{"Keycloak CVE-2026-74909, slash in a parameter", "/api/*", "/api/admin%3Bx%2Fy/data"},
	{"Keycloak CVE-2026-74909, escaped dots", "/api/*", "/api/x/%2E%2E/admin"},
	{"Envoy CVE-2021-29492, slashes", "/*", "//admin"},
	{"Envoy CVE-2021-29492, escaped slash", "/public/*", "/public%2f..%2fadmin"},
	{"Envoy CVE-2021-29492, escaped backslash", "/public/*", "/public/..%5cadmin"},

	{"absolute form", "/*", "http://h/p"},
	{"absolute form, capitals", "/*", "HTTP://h/p"},
	{"absolute form as a path", "/*", "/http://h/p"},
	{"no scheme", "/*", "//h/p"},
	{"authority form", "/*", "h:443"},
	{"asterisk form", "/*", "*"},
	{"nothing", "/*", ""},
	{"no slash", "/*", "wxa/a"},
	{"two slashes", "/wxa/*", "/wxa//a"},
	{"two slashes at the end", "/wxa/*", "/wxa/a//"},
	{"folder without its slash", "/wxa/*", "/wxa"},
	{"folder with its slash", "/wxa/*", "/wxa/"},
	{"folder's name goes on", "/wxa/*", "/wxab/a"},
	{"path's name goes on", "/wxa/a", "/wxa/ab"},
	{"path goes on", "/wxa/a", "/wxa/a/b"},
	{"path's beginning", "/wxa/ab", "/wxa/a"},
	{"dot", "/wxa/*", "/wxa/./a"},
	{"dot at the end", "/wxa/*", "/wxa/a/."},
	{"dots at the end", "/wxa/*", "/wxa/a/.."},
	{"dots at the end of a folder", "/wxa/*", "/wxa/.."},
	{"dots and a slash at the end", "/wxa/*", "/wxa/a/../"},
	{"dots alone", "/*", "/.."},
	{"dot alone", "/*", "/."},
	{"dots first", "/*", "/../wxa/a"},
	{"no slash, dots", "/*", "../wxa/a"},
	{"escaped dot", "/wxa/*", "/wxa/%2e/a"},
	{"half escaped dots", "/wxa/*", "/wxa/.%2e/a"},
	{"escaped dots, capitals", "/wxa/*", "/wxa/%2E%2E/a"},
	{"escaped slash", "/wxa/*", "/wxa/a%2fb"},
	{"escaped slash, capitals", "/wxa/*", "/wxa/a%2Fb"},
	{"twice escaped slash", "/wxa/*", "/wxa/..%252fcgi-bin%252fx"},
	{"twice escaped dots", "/wxa/*", "/wxa/%252e%252e/x"},
	{"escaped letter", "/wxa/*", "/wxa/%61"},
	{"escaped letter on the list", "/wxa/a", "/wxa/%61"},
	{"half an escape", "/wxa/*", "/wxa/a%"},
	{"escape of four digits", "/wxa/*", "/wxa/%u002e%u002e/x"},
	{"escaped question mark", "/wxa/*", "/wxa/a%3fb"},
	{"escaped NUL", "/wxa/*", "/wxa/a%00b"},
	{"semicolon", "/wxa/*", "/wxa/a;b"},
	{"semicolon after dots", "/wxa/*", "/wxa/..;/cgi-bin/x"},
	{"semicolon in the folder", "/wxa/*", "/wxa;/a"},
	{"backslash", "/wxa/*", `/wxa/a\b`},
	{"backslash and dots", "/wxa/*", `/wxa/..\cgi-bin\x`},
	{"backslash first", "/*", `/\h/p`},
	{"NUL", "/wxa/*", "/wxa/a\x00b"},
	{"NUL at the end", "/wxa/a", "/wxa/a\x00"},
	{"NUL in dots", "/wxa/*", "/wxa/.\x00./x"},
	{"query", "/wxa/*", "/wxa/a?b"},
	{"fragment", "/wxa/*", "/wxa/a#b"},
	{"space", "/wxa/*", "/wxa/a b"},
	{"space at the end", "/wxa/*", "/wxa/a "},
	{"space first", "/*", " /wxa/a"},
	{"tab", "/wxa/*", "/wxa/a\tb"},
	{"tab in dots", "/wxa/*", "/wxa/.\t./x"},
	{"CR", "/wxa/*", "/wxa/a\rb"},
	{"LF", "/wxa/*", "/wxa/a\nb"},
	{"LF at the end", "/wxa/a", "/wxa/a\n"},
	{"CR LF and another request", "/wxa/*", "/wxa/a HTTP/1.1\r\nHost: h\r\n\r\nGET /x"},
	{"DEL", "/wxa/*", "/wxa/a\x7f"},
	{"overlong dots", "/wxa/*", "/wxa/\xc0\xae\xc0\xae/x"},
	{"overlong dots, three bytes", "/wxa/*", "/wxa/\xe0\x80\xae\xe0\x80\xae/x"},
	{"overlong slash", "/wxa/*", "/wxa/..\xc0\xafx"},
	{"overlong slash, escaped", "/wxa/*", "/wxa/..%c0%afx"},
	{"overlong NUL", "/wxa/*", "/wxa/a\xc0\x80"},
	{"not ASCII", "/wxa/*", "/wxa/\u4e2d"},
	{"not UTF-8", "/wxa/*", "/wxa/\xff"},
	{"Latin-1", "/wxa/*", "/wxa/\xe9"},
	{"fullwidth dots", "/wxa/*", "/wxa/\uff0e\uff0e/x"},
	{"fullwidth slash", "/wxa/*", "/wxa/..\uff0fx"},
	{"two-dot leader", "/wxa/*", "/wxa/\u2025/x"},
	{"Kelvin sign", "/wxa/k", "/wxa/\u212a"},
	{"zero-width space", "/wxa/*", "/wxa/.\u200b./x"},
	{"byte order mark", "/*", "\ufeff/wxa/a"},
	{"other case", "/wxa/a", "/wxa/A"},
	{"folder in other case", "/wxa/*", "/WXA/a"},
	{"1,025 bytes", "/*", "/" + strings.Repeat("a", MaxPathBytes)},
	{"the list's own sign", "/wxa/a", "/wxa/*"},
	{"the list's own sign, folder", "/wxa/*", "/*"},
}

// Proves: CC-4
func TestJudgeRefusesBypasses(t *testing.T) {
	for _, c := range bypasses {
		entries, err := Normalize(strings.Fields(c.list))
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		got, err := NewList(entries).Judge(c.path)
		if err == nil || got != (Path{}) {
			t.Errorf("%s: %q is admitted by %q", c.name, c.path, entries)
		}
		// Of two errors the one that no list can mend is given.
		var form *FormError
		if errors.As(err, &form) == isPlain(c.path) || errors.Is(err, ErrNotListed) != isPlain(c.path) {
			t.Errorf("%s: %q: %v", c.name, c.path, err)
		}
	}
}

// Proves: CC-4
func TestJudgeGivesTheReason(t *testing.T) {
	everything := NewList([]string{"/*"})
	for path, reason := range map[string]string{
		"":                                      "path does not begin with /",
		"http://h/p":                            "path does not begin with /",
		"//h":                                   "path has an empty segment",
		"/a/":                                   "path has an empty segment",
		"/a/..":                                 "path has a segment . or ..",
		"/a/./b":                                "path has a segment . or ..",
		"/a%2fb":                                "path has an escape",
		"/a;b":                                  `path has a ; or \, which no path may have`,
		`/a\b`:                                  `path has a ; or \, which no path may have`,
		"/a?":                                   "path has a query",
		"/a#":                                   "path has a fragment",
		"/a b":                                  "path has a byte that is a space or not printable ASCII",
		"/\xff":                                 "path has a byte that is a space or not printable ASCII",
		"/" + strings.Repeat("a", MaxPathBytes): "path is over 1024 bytes",
	} {
		var form *FormError
		if _, err := everything.Judge(path); !errors.As(err, &form) || err.Error() != reason {
			t.Errorf("%q: %v, want %s", path, err, reason)
		}
	}
}
