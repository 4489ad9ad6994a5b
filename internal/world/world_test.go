package world

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/words"
)

// files are the world files of a folder of testdata, by name.
func files(t testing.TB, folder string) map[string][]byte {
	t.Helper()
	names, err := filepath.Glob(filepath.Join("testdata", folder, "*.yaml"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no world files in %s: %v", folder, err)
	}
	found := make(map[string][]byte)
	for _, name := range names {
		found[strings.TrimSuffix(name, ".yaml")] = content(t, name)
	}
	return found
}

func content(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Every good file is the world that the .json beside it says, with its lines.
func TestGoodFiles(t *testing.T) {
	for name, data := range files(t, "good") {
		t.Run(filepath.Base(name), func(t *testing.T) {
			w, err := Parse(data, "w.yaml")
			if err != nil {
				t.Fatal(err)
			}
			text, err := json.Marshal(written(w, true))
			if err != nil {
				t.Fatal(err)
			}
			var want, got any
			if err := errors.Join(json.Unmarshal(content(t, name+".json"), &want), json.Unmarshal(text, &got)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("world (-want +got):\n%s", diff)
			}
		})
	}
}

// Every bad file has just the faults that the .faults beside it lists. All secrets in these files contain "hush".
func TestBadFiles(t *testing.T) {
	for name, data := range files(t, "bad") {
		t.Run(filepath.Base(name), func(t *testing.T) {
			w, err := Parse(data, filepath.Base(name)+".yaml")
			if _, ok := err.(words.Faults); !ok || !cmp.Equal(w, cloud.World{}) {
				t.Fatalf("got %v and %v, want faults and no world", w, err)
			}
			if diff := cmp.Diff(string(content(t, name+".faults")), err.Error()+"\n"); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
			if strings.Contains(err.Error(), "hush") {
				t.Error("a fault shows a secret")
			}
		})
	}
}

// An alias that the file does not define is refused by the library, in its own words, which would show the secret.
func TestSecretThatLooksLikeAlias(t *testing.T) {
	_, err := Parse([]byte("platforms:\n  - secret: *hush\n"), "w.yaml")
	if err == nil || strings.Contains(err.Error(), "hush") || !strings.Contains(err.Error(), "alias") {
		t.Errorf("got %v", err)
	}
}

// A file with thousands of faults reports the first hundred, by line, and how
// many more.
func TestFaultsAreCapped(t *testing.T) {
	var b strings.Builder
	b.WriteString("functions:\n")
	for i := range 5000 {
		fmt.Fprintf(&b, "  - {env: test-1, name: %d-}\n", i)
	}
	b.WriteString("platforms: 1\n")
	_, err := Parse([]byte(b.String()), "w.yaml")
	found, ok := err.(words.Faults)
	if !ok || len(found) != 101 {
		t.Fatalf("got %d faults", len(found))
	}
	for i, f := range found[:100] {
		if f.Line != i+2 || f.File != "w.yaml" {
			t.Fatalf("fault %d is %v", i, f)
		}
	}
	if last := found[100].String(); last != "and 4901 more" {
		t.Errorf("the last is %q", last)
	}
}

// manyMiniPrograms is a world file of n Mini Programs.
func manyMiniPrograms(n int) []byte {
	var b bytes.Buffer
	b.WriteString("miniprograms:\n")
	for i := range n {
		fmt.Fprintf(&b, "  - appid: wx%016x\n", i)
	}
	return b.Bytes()
}

func BenchmarkParse100000(b *testing.B) {
	data := manyMiniPrograms(100_000)
	b.ReportAllocs()
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if w, err := Parse(data, "w.yaml"); err != nil || len(w.MiniPrograms) != 100_000 {
			b.Fatal(err)
		}
	}
}
