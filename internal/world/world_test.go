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
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
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

// Every good file is what the .json beside it says, and that is read back with its lines.
func TestGoodFiles(t *testing.T) {
	for name, data := range files(t, "good") {
		t.Run(filepath.Base(name), func(t *testing.T) {
			w, err := Parse(data, "w.yaml")
			if err != nil {
				t.Fatal(err)
			}
			got, err := json.MarshalIndent(w, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(content(t, name+".json")), string(got)+"\n"); diff != "" {
				t.Errorf("world (-want +got):\n%s", diff)
			}
			again, err := Decode(got, "w.json")
			if diff := cmp.Diff(w, again); err != nil || diff != "" {
				t.Errorf("decoded: %v (-parsed +decoded):\n%s", err, diff)
			}
		})
	}
}

// Every bad file has just the faults that the .faults beside it lists. All secrets in these files contain "hush".
func TestBadFiles(t *testing.T) {
	for name, data := range files(t, "bad") {
		t.Run(filepath.Base(name), func(t *testing.T) {
			w, err := Parse(data, filepath.Base(name)+".yaml")
			var faults Faults
			if !errors.As(err, &faults) || w != nil {
				t.Fatalf("got %v and %v, want Faults and no world", w, err)
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

func TestDecodeTellsCarriedLines(t *testing.T) {
	const sent = `{"platforms":[{"appid":"wx00000000000000c1","secret":"","line":12},
		{"appid":"wx00000000000000c2","secret":"s","line":15}],
		"miniprograms":[{"appid":"wx00000000000000a1","line":0},{"appid":"wx00000000000000c2","line":20}],
		"functoins":[]}`
	_, err := Decode([]byte(sent), "w.yaml")
	want := strings.Join([]string{
		`w.yaml:3: line must be a whole number from 1 to 67108865 in plain decimal digits; this is 0`,
		`w.yaml:4: a world file has no member "functoins": did you mean functions?`,
		`w.yaml:12: secret must be 1 to 128 printable ASCII characters without spaces`,
		`w.yaml:20: wx00000000000000c2 is a Mini Program here and a platform on line 15`,
	}, "\n")
	if diff := cmp.Diff(want, fmt.Sprint(err)); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
}

func TestRead(t *testing.T) {
	w, err := Read(strings.NewReader("miniprograms: [{appid: wx00000000000000a1}]"), "w.yaml")
	if want := (&World{MiniPrograms: []MiniProgram{{AppID: "wx00000000000000a1", Line: 1}}}); err != nil || !cmp.Equal(want, w) {
		t.Errorf("got %+v, %v", w, err)
	}
	broken := errors.New("disk gone")
	var faults Faults
	if _, err := Read(iotest.ErrReader(broken), "w.yaml"); !errors.Is(err, broken) || errors.As(err, &faults) {
		t.Errorf("a reader's error became %v", err)
	}
}

// endless is a comment without end.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	e.read += len(p)
	return copy(p, bytes.Repeat([]byte{'#'}, len(p))), nil
}

func TestTooLarge(t *testing.T) {
	var e endless
	_, err := Read(&e, "w.yaml")
	if err == nil || err.Error() != "w.yaml: a world file has at most 67108864 bytes" {
		t.Errorf("got %v", err)
	}
	if e.read > 2*MaxBytes {
		t.Errorf("read %d bytes", e.read)
	}
	dense := append([]byte("["), bytes.Repeat([]byte("a,"), maxValues)...)
	if _, err := Parse(append(dense, ']'), "w.yaml"); err == nil || !strings.Contains(err.Error(), "several files") {
		t.Errorf("dense: got %v", err)
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
