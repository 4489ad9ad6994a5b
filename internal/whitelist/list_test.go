package whitelist

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// segments are such that folders and paths sort close to each other, before
// and after the slash, and nest.
var segments = []string{"a", "b", "ab", "a-b", "a.b", "a!", "a0", "aa", "A", "a_", "a~", "...", "c"}

func randomPath(rng *rand.Rand, depth int) string {
	var b strings.Builder
	for range 1 + rng.IntN(depth) {
		b.WriteString("/" + segments[rng.IntN(len(segments))])
	}
	return b.String()
}

func randomEntries(rng *rand.Rand) []string {
	entries := make([]string, rng.IntN(30))
	for i := range entries {
		entries[i] = randomPath(rng, 4)
		if rng.IntN(2) == 0 {
			entries[i] += "/*"
		}
		if rng.IntN(500) == 0 {
			entries[i] = "/*"
		}
	}
	return entries
}

// A list admits what one of its entries admits, and nothing else, in whatever
// order they are, however they nest.
//
// Proves: CC-4
func TestJudgeIsTheDefinition(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	yes, no := 0, 0
	for range 3000 {
		entries, err := Normalize(randomEntries(rng))
		if err != nil {
			t.Fatal(err)
		}
		given := slices.Clone(entries)
		list := NewList(entries)
		if !slices.Equal(entries, given) {
			t.Fatalf("NewList changed %q to %q", given, entries)
		}
		paths := slices.Concat(entries, []string{"/", "/*"}) // each entry taken for a path, too
		for range 40 {
			paths = append(paths, randomPath(rng, 6))
		}
		for _, path := range paths {
			_, err := list.Judge(path)
			if want := allows(entries, path); (err == nil) != want {
				t.Fatalf("%q by %q: %v, want %v", path, entries, err, want)
			}
			if err == nil {
				yes++
			} else if no++; !errors.Is(err, ErrNotListed) {
				t.Fatalf("%q: %v", path, err)
			}
		}
	}
	if yes < 10000 || no < 10000 {
		t.Errorf("%d admitted, %d refused: the test tells little", yes, no)
	}
}

// "-" and "." sort before "/", "0" behind it: what lies in a folder is not what
// sorts behind it.
func TestJudgeAmongNeighbours(t *testing.T) {
	entries := []string{"/a/*", "/a-b", "/a/b/*", "/a.b/*", "/a0", "/b/c/d", "/b/*"}
	list := NewList(entries)
	for path, want := range map[string]bool{
		"/a": false, "/a/a": true, "/a/b": true, "/a/b/c": true, "/a/z/z": true, "/a-b": true, "/a-b/c": false,
		"/a.b": false, "/a.b/c": true, "/a.c": false, "/a0": true, "/a00": false, "/a-": false, "/a.": false,
		"/b": false, "/b/c": true, "/b/c/d": true, "/b/c/d/e": true, "/": false, "/*": false,
	} {
		if _, err := list.Judge(path); (err == nil) != want {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// The longest and the deepest entries are found.
func TestJudgeLongestEntries(t *testing.T) {
	folder := "/" + strings.Repeat("a", MaxEntryBytes-3) + "/"
	deep := strings.Repeat("/a", MaxEntryBytes/2-1) + "/"
	list := NewList([]string{folder + "*", deep + "*", "/" + strings.Repeat("b", MaxEntryBytes-1)})
	for _, path := range []string{
		folder + "x", deepest(folder), deep + "x", deepest(deep), "/" + strings.Repeat("b", MaxEntryBytes-1),
	} {
		if _, err := list.Judge(path); err != nil {
			t.Errorf("%.30s…: %v", path, err)
		}
	}
	for _, path := range []string{
		deep[:len(deep)-1], "/" + strings.Repeat("b", MaxEntryBytes), "/" + strings.Repeat("b", MaxEntryBytes-2),
	} {
		if _, err := list.Judge(path); !errors.Is(err, ErrNotListed) {
			t.Errorf("%.30s…: %v", path, err)
		}
	}
}

// A thousand environments with a thousand entries each are to fit in memory.
func TestListMemory(t *testing.T) {
	entries := realistic(rand.New(rand.NewPCG(1, 2)), MaxEntries)
	if kept := keptBytes(entries, 100); kept > 80 {
		t.Errorf("%.0f bytes per entry beside the entries", kept)
	}
}
