package whitelist

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func TestSuggest(t *testing.T) {
	long := "/wxa/" + strings.Repeat("a", MaxEntryBytes)
	for _, c := range []struct {
		name  string
		most  int
		paths []string
		want  []string
	}{
		{"nothing", 3, nil, []string{}},
		{"each once, sorted", 3, []string{"/b", "/a/x", "/b"}, []string{"/a/x", "/b"}},
		{"the root", 3, []string{"/", "/a"}, []string{"/*"}},
		{"what no list admits", 3, []string{"/a", "/a//b", "/a/../b", "b", "/a%62"}, []string{"/a"}},
		{"too long for an entry", 3, []string{long, "/wxa/b", "/b"}, []string{"/b", "/wxa/*"}},
		{"too long at the top", 3, []string{long[4:], "/b"}, []string{"/*"}},
		{"an asterisk", 9, []string{"/wxa/*", "/a/b*/c", "/a/d"}, []string{"/a/*", "/wxa/*"}},
		{"the fullest folder", 3, []string{"/a/x", "/a/y", "/b/x", "/b/y", "/b/z"}, []string{"/a/x", "/a/y", "/b/*"}},
		{"two folders", 2, []string{"/a/x", "/a/y", "/b/x", "/b/y", "/b/z"}, []string{"/a/*", "/b/*"}},
		{"the deeper of two", 4, []string{"/a/x", "/a/y", "/b/c/x", "/b/c/y", "/d"}, []string{"/a/x", "/a/y", "/b/c/*", "/d"}},
		{"not the root before others", 3, []string{"/a", "/b", "/c/x", "/c/y"}, []string{"/a", "/b", "/c/*"}},
		{"folders alone", 2, []string{"/a/b/x", "/a/c/x", "/d"}, []string{"/a/*", "/d"}},
		{"only the root", 2, []string{"/a/x", "/b/x", "/c/x"}, []string{"/*"}},
		{"folders that must be", 2, []string{"/a/x*", "/b/x*", "/c/d/x*", "/c/e/x*"}, []string{"/*"}},
		{"a folder of those", 3, []string{"/a/x*", "/b/x*", "/c/d/x*", "/c/e/x*"}, []string{"/a/*", "/b/*", "/c/*"}},
	} {
		if got := suggest(c.paths, c.most); got == nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %.80q, want %q", c.name, got, c.want)
		}
	}
}

// checkSuggestion says what every suggestion must be.
func checkSuggestion(t *testing.T, paths, got []string, most int) {
	t.Helper()
	if len(got) > most {
		t.Fatalf("%d entries, over %d", len(got), most)
	}
	normal, err := Normalize(got)
	if err != nil || !slices.Equal(normal, got) || !slices.IsSorted(got) {
		t.Fatalf("%.200q: %v", got, err)
	}
	list := NewList(got)
	exact := true
	entries := map[string]bool{}
	for _, path := range paths {
		if !isPlain(path) {
			continue
		}
		if _, err := list.Judge(path); err != nil {
			t.Fatalf("%q is not admitted by %.200q", path, got)
		}
		entries[path] = true
		exact = exact && len(path) <= MaxEntryBytes && path != "/" && !strings.Contains(path, "*")
	}
	if exact && len(entries) <= most {
		if len(got) != len(entries) || slices.ContainsFunc(got, func(e string) bool { return !entries[e] }) {
			t.Fatalf("%.200q is not exact for %.200q", got, paths)
		}
	}
	for i, entry := range got {
		if _, err := NewList(slices.Delete(slices.Clone(got), i, i+1)).Judge(admitted(entry)); err == nil {
			t.Fatalf("%q is not needed in %.200q", entry, got)
		}
	}
}

func TestSuggestProperty(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	odd := []string{
		"/", "/*", "/a/*", "/a*/b", "/a//b", "/a/..", "b", "/" + strings.Repeat("a", 300),
		"/c" + strings.Repeat("/a", 200),
	}
	for range 3000 {
		var paths []string
		for range rng.IntN(60) {
			paths = append(paths, randomPath(rng, 5))
		}
		for range max(0, rng.IntN(6)-3) {
			paths = append(paths, odd[rng.IntN(len(odd))])
		}
		given := slices.Clone(paths)
		most := 1 + rng.IntN(30)
		checkSuggestion(t, paths, suggest(paths, most), most)
		if !slices.Equal(paths, given) {
			t.Fatal("the given paths were changed")
		}
	}
}

// As many paths as are ever watched are folded no further than they must.
func TestSuggestMany(t *testing.T) {
	var paths []string
	for i := range 5000 {
		paths = append(paths, fmt.Sprintf("/wxa/f%d/p%d", i%50, i))
	}
	for i := range MaxEntries - 60 {
		paths = append(paths, fmt.Sprintf("/cgi-bin/g%d/p", i))
	}
	got := Suggest(paths)
	checkSuggestion(t, paths, got, MaxEntries)
	if len(got) != MaxEntries-60+50 || !slices.Contains(got, "/wxa/f49/*") || !slices.Contains(got, "/cgi-bin/g7/p") {
		t.Errorf("%d entries", len(got))
	}
	if exact := Suggest(paths[:MaxEntries]); len(exact) != MaxEntries || slices.Contains(exact, "/wxa/f0/*") {
		t.Errorf("a thousand paths became %d entries", len(exact))
	}
	if one := Suggest(paths[:MaxEntries+1]); len(one) != MaxEntries+1-20 {
		t.Errorf("a thousand and one paths became %d entries", len(one))
	}
}

// Whatever is observed, the suggestion admits it and is a whitelist.
func FuzzSuggest(f *testing.F) {
	f.Add("/a\n/b/c\n/b/d\n/b/d/e", 2)
	f.Add("/\n/*\n/a*b\n/../x", 1)
	f.Add("/a/x*\n/b/x*\n/c/d/x*\n/c/e/x*", 2)
	f.Add("/"+strings.Repeat("a", 300)+"\n/c"+strings.Repeat("/a", 200), 3)
	f.Add("/a/*\n/a\n/a/b\n/a-b\n/a.b/c", 3)
	f.Fuzz(func(t *testing.T, lines string, most int) {
		if most = max(1, min(most, MaxEntries)); len(lines) > 1<<14 {
			return
		}
		paths := strings.Split(lines, "\n")
		checkSuggestion(t, paths, suggest(paths, most), most)
	})
}

func BenchmarkSuggest(b *testing.B) {
	rng := rand.New(rand.NewPCG(9, 10))
	paths := realistic(rng, 10000)
	for b.Loop() {
		Suggest(paths)
	}
}
