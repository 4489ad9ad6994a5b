package whitelist

import (
	"encoding/json"
	"errors"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
)

// call is a call's path, and whether a list allows it.
type call struct {
	Whitelist []string `json:"api_whitelist"`
	Path      string   `json:"path"`
	Allowed   bool     `json:"allowed"`
}

func readCalls(t testing.TB) []call {
	t.Helper()
	text, err := os.ReadFile("testdata/calls.json")
	if err != nil {
		t.Fatal(err)
	}
	var calls []call
	if err := json.Unmarshal(text, &calls); err != nil {
		t.Fatal(err)
	}
	if len(calls) == 0 {
		t.Fatal("no vectors")
	}
	return calls
}

// Proves: CC-4
func TestJudgeVectors(t *testing.T) {
	for _, c := range readCalls(t) {
		entries, err := Normalize(c.Whitelist)
		if err != nil {
			t.Fatal(err)
		}
		path, err := NewList(entries).Judge(c.Path)
		if (err == nil) != c.Allowed || c.Allowed && path.String() != c.Path {
			t.Errorf("%q by %q: %q, %v", c.Path, c.Whitelist, path, err)
		}
	}
}

// Whatever is in plain form passes byte for byte, even what a Go URL would
// write otherwise. A folder's longest and deepest path is in it.
//
// Proves: CC-4
func TestJudgeAdmits(t *testing.T) {
	list := NewList([]string{"/*"})
	for _, path := range []string{
		"/",
		"/*",
		"/wxa/*",
		"/a*b/**",
		"/...",
		"/..a/.b/c./d..",
		"/.well-known/x",
		"/v1/x:y@z,(a)!$&'+=~-_",
		"/\"<>[]^`{|}",
		"/http:/h",
		"/" + strings.Repeat("a", MaxPathBytes-1),
		deepest("/"),
	} {
		got, err := list.Judge(path)
		if err != nil || got.String() != path {
			t.Errorf("%q: %q, %v", path, got, err)
		}
	}
}

func TestNoListAdmitsNothing(t *testing.T) {
	for _, list := range []*List{nil, {}, NewList(nil), NewList([]string{})} {
		for _, path := range []string{"/", "/a", "/*"} {
			if got, err := list.Judge(path); !errors.Is(err, ErrNotListed) || got != (Path{}) {
				t.Errorf("%q: %q, %v", path, got, err)
			}
		}
	}
}

// What Normalize refuses is no reason to admit anything.
func TestNewListDropsFalseEntries(t *testing.T) {
	var entries []string
	for _, v := range readVectors(t) {
		if !v.Accepted {
			entries = append(entries, v.Entry)
		}
	}
	entries = append(entries, "", "*", "/", "/a*", "//*", "/a/", "a/*", "/../*")
	list := NewList(entries)
	for _, path := range slices.Concat(entries, []string{"/a", "/a/b", "/wxa/x", "/*"}) {
		if got, err := list.Judge(path); err == nil {
			t.Errorf("%q is admitted", got)
		}
	}
}

func TestJudgeDoesNotAllocate(t *testing.T) {
	list := NewList([]string{"/wxa/a", "/wxa/b/*", "/cgi-bin/*"})
	for _, path := range []string{"/wxa/a", "/wxa/b/c/d", deepest("/cgi-bin/")} {
		if n := testing.AllocsPerRun(100, func() {
			if _, err := list.Judge(path); err != nil {
				t.Error(err)
			}
		}); n != 0 {
			t.Errorf("%.20s: %v allocations", path, n)
		}
	}
}

// The fuzz target below is worth what its readings are worth: each of these is
// read as a path outside "/wxa/".
func TestReadingsGoAstray(t *testing.T) {
	for _, raw := range []string{
		"/wxa/../x", "/wxa/%2e%2e/x", "/wxa/%252e%252e/x", "/wxa/..%252fx", `/wxa/..\x`, "/wxa/..%5cx", "/wxa/..;a=b/x",
		"/wxa/..%3b/x", "/wxa/.\t./x", "/wxa/.%00./x", "/wxa/\xc0\xae\xc0\xae/x", "/wxa/..%c0%afx", "/wxa/\uff0e\uff0e\uff0fx",
		"/wxa/../WXA/x", "/wxa/a/..%2f..%2fx",
	} {
		if !slices.ContainsFunc(readings(raw, 4), func(r reading) bool { return path.Clean(r.text) == "/x" || r.text == "/WXA/x" }) {
			t.Errorf("%q is not misread", raw)
		}
	}
}

// What a list admits is still allowed by it however another server reads it,
// and is what came, byte for byte; and it admits all that it should.
//
// Proves: CC-4
func FuzzJudge(f *testing.F) {
	for _, c := range readCalls(f) {
		f.Add(strings.Join(c.Whitelist, "\n"), c.Path)
	}
	for _, c := range bypasses {
		f.Add(strings.ReplaceAll(c.list, " ", "\n"), c.path)
	}
	f.Add("/a/*\n/a-b\n/a/b/*\n/a.b/*\n/A/*", "/a.b/c")
	f.Fuzz(func(t *testing.T, lines, raw string) {
		var entries []string
		for entry := range strings.SplitSeq(lines, "\n") {
			if CheckEntry(entry) == nil && len(entries) < MaxEntries {
				entries = append(entries, entry)
			}
		}
		path, err := NewList(entries).Judge(raw)
		if want := isPlain(raw) && allows(entries, raw); (err == nil) != want {
			t.Fatalf("%q by %q: %v, want %v", raw, entries, err, want)
		}
		if err != nil {
			if path.String() != "" {
				t.Fatalf("%q is refused, and returned as %q", raw, path)
			}
			return
		}
		if path.String() != raw {
			t.Fatalf("%q became %q", raw, path)
		}
		if r, ok := misread(entries, raw); ok {
			t.Fatalf("%q by %q may be read as %q", raw, entries, r.text)
		}
	})
}
