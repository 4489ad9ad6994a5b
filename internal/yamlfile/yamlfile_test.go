package yamlfile

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// zoo is what the files of these tests say. package world tests the rest, with
// many more files.
type zoo struct {
	Keeper, Key string
	Open        *bool
	Animals     map[string][]string
}

func readZoo(text string) (zoo, error) {
	z := zoo{Animals: map[string][]string{}}
	err := Parse([]byte(text), "zoo.yaml", func(n Node) {
		n.Members("a zoo",
			Required("keeper", Text(&z.Keeper, nil)),
			Optional("key", Secret(&z.Key, nil)),
			Optional("open", Bool(&z.Open)),
			Optional("animals", Named(func(name string, n Node) {
				var foods []string
				n.Members("an animal", Required("foods", Texts(&foods, nil)))
				z.Animals[name] = foods
			})),
		)
	})
	return z, err
}

func TestParse(t *testing.T) {
	got, err := readZoo("keeper: Ada\nkey: |\n  two\n  lines\nopen: false\nanimals: {emu: {foods: [seeds, grass]}, 7: {foods: []}}\n")
	want := zoo{"Ada", "two\nlines\n", new(false), map[string][]string{"emu": {"seeds", "grass"}, "7": nil}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// A member of a free name may stand there once and with a value, and a name is a word.
func TestFaults(t *testing.T) {
	_, err := readZoo("keepr: Ada\nkey: [hush]\nanimals:\n  emu: {foods: [no]}\n  emu: {}\n  [a]: {}\n  <<: {}\n  cat: 5\n  hush:\n")
	want := strings.Join([]string{
		`zoo.yaml:1: a zoo has no member "keepr": did you mean keeper?`,
		`zoo.yaml:1: a zoo needs keeper`,
		`zoo.yaml:2: key must be a string; this is a list`,
		`zoo.yaml:4: an entry of foods must be a string, and YAML can read this as another type: write it in quotes, "no"`,
		`zoo.yaml:5: "emu" is said twice, first on line 4`,
		`zoo.yaml:6: the name of a member must be a word; this is a list`,
		`zoo.yaml:7: a merge (<<) is not allowed: write the members out`,
		`zoo.yaml:8: an animal must be a mapping of ` + "`name: value`" + `; this is a number`,
		`zoo.yaml:9: an entry of animals has no value (a space after a colon missing?)`,
	}, "\n")
	if diff := cmp.Diff(want, fmt.Sprint(err)); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
}

// ReadFile reads no more of a huge file than shows that it is too large.
func TestTooLarge(t *testing.T) {
	name := filepath.Join(t.TempDir(), "huge.yaml")
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(name, 1<<36); err != nil {
		t.Fatal(err)
	}
	data, err := ReadFile(name)
	if err != nil || len(data) != MaxBytes+1 {
		t.Fatalf("%d bytes, %v", len(data), err)
	}
	read := func(Node) { t.Error("there is nothing to read") }
	if err := Parse(data, "w.yaml", read); err == nil || err.Error() != "w.yaml: a file has at most 67108864 bytes" {
		t.Errorf("got %v", err)
	}
	dense := append([]byte("["), bytes.Repeat([]byte("a,"), maxValues)...)
	if err := Parse(append(dense, ']'), "w.yaml", read); err == nil || !strings.Contains(err.Error(), "several files") {
		t.Errorf("dense: got %v", err)
	}
}
