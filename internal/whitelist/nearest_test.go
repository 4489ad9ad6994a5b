package whitelist

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func TestNearest(t *testing.T) {
	for _, c := range []struct{ entries, path, want string }{
		{"", "/wxa/a", ""},
		{"/cgi-bin/menu/create /wxa/msg_sec_check", "/wxa/msgseccheck", "/wxa/msg_sec_check"},
		{"/wxa/media_check_async /wxa/msg_sec_check", "/wxa/msg_sec_check/", "/wxa/msg_sec_check"},
		{"/wxa/media_check_async /wxa/msg_sec_check", "/wxa/MSG_Sec_check", "/wxa/msg_sec_check"},
		{"/wxa/MSG_sec_check", "/wxa/msg_sec_check", "/wxa/MSG_sec_check"},
		{"/wxa/* /wxa/business/*", "/wxa", "/wxa/*"},
		{"/wxa/* /wxa/business/*", "/wxa/", "/wxa/*"},
		{"/wxa/*", "/WXA/a/b", "/wxa/*"},
		{"/wxa/*", "/wxb/a/b/c/d/e/f", "/wxa/*"},
		{"/sns/* /wxa/business/*", "/wxa/busines/getuserphonenumber", "/wxa/business/*"},
		{"/wxa/* /wxa/a", "/wxa/../cgi-bin/x", "/wxa/*"},
		{"/* /wxa/*", "/wxa/%2e%2e/x", "/wxa/*"},
		{"/* /wxa/*", "http://h/p", ""},
		{"/wxa/a1 /wxa/a2", "/wxa/a", "/wxa/a1"},
		{"/wxa/a", "/cgi-bin/menu/create", ""},
		{"/wxa/*", "/sns/jscode2session", ""},
		{"/a", "/b", ""},
		{"/a /wxa/a/*", "", ""},
		{"/wxa/a", "/wxa/a" + strings.Repeat("a", 10*MaxPathBytes), ""},
	} {
		if got := Nearest(strings.Fields(c.entries), c.path); got != c.want {
			t.Errorf("%.60q by %q: %q, want %q", c.path, c.entries, got, c.want)
		}
	}
}

// The entry is one of those given, for whatever path.
func TestNearestIsAnEntry(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for range 2000 {
		entries, path := randomEntries(rng), randomPath(rng, 6)
		got := Nearest(entries, path)
		if got != "" && !slices.Contains(entries, got) {
			t.Fatalf("%q by %q: %q", path, entries, got)
		}
		if got == "" && allows(entries, path) {
			t.Fatalf("%q is on %q, and nothing is near", path, entries)
		}
	}
}

// BenchmarkNearestWorst compares all that can be compared: for a person it is
// soon enough.
func BenchmarkNearestWorst(b *testing.B) {
	entries := make([]string, MaxEntries)
	for i := range entries {
		entries[i] = "/" + strings.Repeat("a", 170) + strings.Repeat("b", 85)
	}
	for b.Loop() {
		Nearest(entries, "/"+strings.Repeat("a", 255))
	}
}
