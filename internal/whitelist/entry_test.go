package whitelist

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

type vector struct {
	Entry    string `json:"entry"`
	Accepted bool   `json:"accepted"`
}

func readVectors(t testing.TB) []vector {
	t.Helper()
	text, err := os.ReadFile("testdata/entries.json")
	if err != nil {
		t.Fatal(err)
	}
	var list []vector
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatal(err)
	}
	if len(list) == 0 {
		t.Fatal("no vectors")
	}
	return list
}

// UT-10
func TestCheckEntryVectors(t *testing.T) {
	for _, v := range readVectors(t) {
		if err := CheckEntry(v.Entry); (err == nil) != v.Accepted {
			t.Errorf("%q: %v, accepted should be %v", v.Entry, err, v.Accepted)
		}
	}
}

// UT-10
func TestCheckEntryAccepts(t *testing.T) {
	for _, entry := range []string{
		"/*",
		"/a",
		"/a/*",
		"/wxa/business/getuserphonenumber",
		"/cgi-bin/message/custom/send",
		"/...",
		"/.well-known/x",
		"/a/..b/c./*",
		"/v1/x:y@z,(a)!$&'+=~-_",
		"/" + strings.Repeat("a", MaxEntryBytes-1),
		"/" + strings.Repeat("a", MaxEntryBytes-3) + "/*",
	} {
		if err := CheckEntry(entry); err != nil {
			t.Errorf("%q: %v", entry, err)
		}
	}
}

// UT-10: refused, for the right reason.
func TestCheckEntryRefuses(t *testing.T) {
	for entry, reason := range map[string]string{
		"":                                       "begin with /",
		"*":                                      "begin with /",
		"a/*":                                    "begin with /",
		" /a":                                    "begin with /",
		"/":                                      "empty segment",
		"//":                                     "empty segment",
		"//*":                                    "empty segment",
		"/a//*":                                  "empty segment",
		"/a/":                                    "empty segment",
		"//host":                                 "empty segment",
		"//api.weixin.qq.com/wxa/x":              "empty segment",
		"/.":                                     ". or ..",
		"/..":                                    ". or ..",
		"/./*":                                   ". or ..",
		"/../*":                                  ". or ..",
		"/a/..":                                  ". or ..",
		"/a/./b":                                 ". or ..",
		"/**":                                    "*",
		"/*/":                                    "*",
		"/*/*":                                   "*",
		"/a*":                                    "*",
		"/*a":                                    "*",
		"/a/*/*":                                 "*",
		"/a/**/*":                                "*",
		"/a?":                                    "query",
		"/a?b=c":                                 "query",
		"/a?/*":                                  "query",
		"/a#b":                                   "fragment",
		"/a%20b":                                 "escape",
		"/a%":                                    "escape",
		"/a;b":                                   "; or \\",
		"/a;b=c/*":                               "; or \\",
		"/a\\b":                                  "; or \\",
		"/a b":                                   "printable",
		"/a\t":                                   "printable",
		"/a\r\n":                                 "printable",
		"/a\x00":                                 "printable",
		"/a\x7f":                                 "printable",
		"/a\x80":                                 "printable",
		"/\u4e2d/*":                              "printable",
		"/\uff0a":                                "printable",
		"/" + strings.Repeat("a", MaxEntryBytes): "over 256 bytes",
		"/" + strings.Repeat("a", MaxEntryBytes-2) + "/*": "over 256 bytes",
	} {
		var bad *EntryError
		if err := CheckEntry(entry); !errors.As(err, &bad) || !strings.Contains(bad.Reason, reason) {
			t.Errorf("%q: %v, want %q", entry, err, reason)
		}
	}
}

// UT-10: the error names the entry, whatever the entry is.
func TestEntryErrorNamesTheEntry(t *testing.T) {
	for entry, want := range map[string]string{
		"":                      `api_whitelist entry "" does not begin with /`,
		"/wxa//x":               `api_whitelist entry "/wxa//x" has an empty segment`,
		`/a\b`:                  `api_whitelist entry "/a\b" has a ; or \, which no path may have`,
		"/\u4e2d":               "api_whitelist entry \"/\u4e2d\" has a byte that is a space or not printable ASCII",
		"/a\nb\u202e\x9f\u009f": `api_whitelist entry "/a\nb\u202e\x9f\u009f" has a byte that is a space or not printable ASCII`,
	} {
		if got := CheckEntry(entry).Error(); got != want {
			t.Errorf("%q: %s, want %s", entry, got, want)
		}
	}
	huge := CheckEntry("/" + strings.Repeat("\u4e2d", 1<<20)).Error()
	if len(huge) > 200 || !strings.HasPrefix(huge, "api_whitelist entry \"/\u4e2d") || !strings.Contains(huge, "…") {
		t.Errorf("huge entry: %d bytes, %.200s", len(huge), huge)
	}
}

// UT-2, UT-10
func TestNormalize(t *testing.T) {
	got, err := Normalize([]string{"/b", "/a/*", "/b", "/*", "/a/*", "/A/*"})
	if want := []string{"/b", "/a/*", "/*", "/A/*"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v, want %q", got, err, want)
	}
	for _, none := range [][]string{nil, {}} {
		if got, err := Normalize(none); got == nil || len(got) != 0 || err != nil {
			t.Errorf("empty list: %#v, %v", got, err)
		}
	}
	var bad *EntryError
	if got, err := Normalize([]string{"/a", "/b/", "c"}); got != nil || !errors.As(err, &bad) || bad.Entry != "/b/" {
		t.Errorf("%q, %v", got, err)
	}
}

// The caller's list is neither changed nor kept.
func TestNormalizeCopies(t *testing.T) {
	given := []string{"/a", "/a", "/b"}
	got, err := Normalize(given)
	if err != nil {
		t.Fatal(err)
	}
	if given[1] != "/a" || given[2] != "/b" {
		t.Errorf("the given list became %q", given)
	}
	given[0] = "/x"
	if got[0] != "/a" {
		t.Error("the result shares the given list's memory")
	}
}

// UT-10: repeated entries count toward the 1,000.
func TestNormalizeBounds(t *testing.T) {
	var list []string
	for i := range MaxEntries {
		list = append(list, fmt.Sprintf("/x%d", i))
	}
	if got, err := Normalize(list); err != nil || len(got) != MaxEntries {
		t.Errorf("%d entries: %d, %v", len(list), len(got), err)
	}
	if got, err := Normalize(append(list, list[0])); !errors.Is(err, ErrTooMany) || got != nil {
		t.Errorf("1,001 entries, one repeated: %d, %v", len(got), err)
	}
	if !strings.Contains(ErrTooMany.Error(), strconv.Itoa(MaxEntries)) {
		t.Errorf("%v", ErrTooMany)
	}
}

// An entry that is accepted is in the form that UT-10 describes; one that is
// not is named in a message of sane length; normalizing twice changes nothing.
func FuzzEntry(f *testing.F) {
	for _, v := range readVectors(f) {
		f.Add(v.Entry)
	}
	f.Add("/a;b")
	f.Add("/a\\b/*")
	f.Add("/\xff\ufffd\u202e\x00")
	f.Add("/" + strings.Repeat("\U0010ffff", 70))
	f.Fuzz(func(t *testing.T, entry string) {
		if err := CheckEntry(entry); err != nil {
			checkMessage(t, entry, err)
			return
		}
		checkForm(t, entry)
		once, err := Normalize([]string{entry, "/*", entry})
		if err != nil || once[0] != entry || len(once) > 2 {
			t.Fatalf("%q: %q, %v", entry, once, err)
		}
		if twice, err := Normalize(once); err != nil || !slices.Equal(once, twice) {
			t.Fatalf("%q, then %q, %v", once, twice, err)
		}
	})
}

func checkMessage(t *testing.T, entry string, err error) {
	text := err.Error()
	if len(text) > 4*MaxEntryBytes+100 || !utf8.ValidString(text) {
		t.Fatalf("%q: message of %d bytes: %q", entry, len(text), text)
	}
	for _, r := range text {
		if !strconv.IsPrint(r) {
			t.Fatalf("%q: message %q has %q", entry, text, r)
		}
	}
}

// checkForm judges by other means than the code does.
func checkForm(t *testing.T, entry string) {
	if len(entry) < 2 || len(entry) > MaxEntryBytes || entry[0] != '/' || strings.ContainsAny(entry, "?#%;\\ \x7f") {
		t.Fatalf("accepted %q", entry)
	}
	segments := strings.Split(entry, "/")[1:]
	for i, s := range segments {
		last := i == len(segments)-1
		if s == "" || s == "." || s == ".." || strings.Contains(s, "*") && (s != "*" || !last) {
			t.Fatalf("accepted %q with segment %q", entry, s)
		}
	}
	for _, r := range entry {
		if r <= ' ' || r > '~' {
			t.Fatalf("accepted %q with %q", entry, r)
		}
	}
}
