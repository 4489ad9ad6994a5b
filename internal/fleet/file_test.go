package fleet

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opentcb/opentcb/internal/words"
)

// readText reads a file of that text, with a list and code beside it.
func readText(t testing.TB, text string) (*Fleet, error) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"fleet.yaml": text, "code/index.js": "1", "more/index.js": "2",
		"list.csv": "# Mini Programs\nwx0000000000000002,prod-2,shops pilots\nwx0000000000000003,prod-3\n",
		"bad.csv":  "wx0000000000000002\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return Read(filepath.Join(dir, "fleet.yaml"))
}

const ruled = `
miniprograms: [{appid: wx0000000000000001, envs: [prod-1, test-1], groups: [cafes]}]
lists: [list.csv]
rules:
  - open: true
    allow: [/wxa/one, /wxa/one]
    functions: {a: {code: code}, b: {code: code}}
  - match: {groups: [shops, cafes], envs: ["prod-*"]}
    allow: []
    functions: {b: {code: more, handler: main.run}}
`

// TestRules: a rule counts where all that it matches fits, and the last one
// that speaks of a thing counts.
func TestRules(t *testing.T) {
	f, err := readText(t, ruled)
	if err != nil {
		t.Fatal(err)
	}
	handlers := map[string]string{}
	for _, m := range f.MiniPrograms {
		for _, e := range m.Envs {
			if len(e.Functions) != 2 || !*e.Open {
				t.Errorf("%s: %+v", e.ID, e)
				continue
			}
			handlers[e.ID] = e.Functions[1].Code.Handler + " " + strings.Join(*e.Allow, " ")
		}
	}
	want := map[string]string{"prod-1": "main.run ", "test-1": "index.main /wxa/one", "prod-2": "main.run ", "prod-3": "index.main /wxa/one"}
	for id, w := range want {
		if handlers[id] != w {
			t.Errorf("%s is %q, want %q", id, handlers[id], w)
		}
	}
	for pattern, left := range map[string][]string{
		"pilots": {"prod-2"}, "wx*1": {"prod-1", "test-1"}, "prod-[13]": {"prod-1", "prod-3"}, "nobody": nil,
	} {
		f, _ := readText(t, ruled)
		n := f.Only([]string{pattern})
		var ids []string
		for _, m := range f.MiniPrograms {
			for _, e := range m.Envs {
				ids = append(ids, e.ID)
			}
		}
		if !slices.Equal(ids, left) || n != len(left) {
			t.Errorf("only %s: %v, %d", pattern, ids, n)
		}
	}
}

// TestFilesThatCannotBe says what is wrong and where.
func TestFilesThatCannotBe(t *testing.T) {
	const one = "miniprograms: [{appid: wx0000000000000001, envs: [prod-1]}]\n"
	for text, want := range map[string]string{
		"":                  "no Mini Programs",
		"rules: [}":         "fleet.yaml:1: the YAML breaks here",
		"minprograms: []":   `fleet.yaml:1: a fleet file has no member "minprograms": did you mean miniprograms?`,
		"lists: [bad.csv]":  "bad.csv:1: give appid,env",
		"lists: [none.csv]": "none.csv",
		"miniprograms: [{appid: ../x, envs: [a]}]":                  `"../x" is no appid`,
		one + "lists: [list.csv]\nrules: [{allow: [wxa]}]":          "fleet.yaml:3: allow: ",
		one + "rules: [{match: {envs: ['[']}}]":                     `fleet.yaml:2: an entry of envs "[" is no pattern`,
		one + "rules: [{functions: {a: {}}}]":                       "fleet.yaml:2: a function needs code",
		one + "rules: [{functions: {a: {code: nowhere}}}]":          "nowhere",
		one + "rules: [{functions: {a: {code: ''}}}]":               `code "" is empty`,
		one + "rules: [{open: maybe}]":                              "fleet.yaml:2: open must be true or false",
		"miniprograms: [{appid: wx0000000000000001, envs: [a, a]}]": "there twice",
	} {
		if _, err := readText(t, text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// All faults of a file, its lists and its code are reported at once.
func TestAllFaults(t *testing.T) {
	_, err := readText(t, `miniprograms:
  - {appid: wx0000000000000001, envs: [a], grups: [x]}
  - {appid: wx0000000000000001, envs: [a]}
lists: [bad.csv, list.csv, list.csv]
rules:
  - allow: [no-slash, yes]
    functions: {a: {code: nowhere}, b: {code: code}}
`)
	found, ok := errors.AsType[words.Faults](err)
	var lines []int
	for _, f := range found {
		lines = append(lines, f.Line)
	}
	if !ok || !slices.Equal(lines, []int{2, 3, 4, 4, 4, 6, 6, 7}) {
		t.Errorf("lines %v of %v", lines, err)
	}
}

// FuzzFile: whatever a file says, it is read or refused, and an account has
// one switch.
func FuzzFile(f *testing.F) {
	f.Add(ruled)
	f.Add("miniprograms: [{appid: wx0000000000000001, envs: [a, b]}]\nrules: [{open: true}, {match: {envs: [a]}, open: false}]")
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "code:") {
			return // it would read any file of the machine
		}
		fleet, err := readText(t, text)
		if err != nil {
			return
		}
		for _, m := range fleet.MiniPrograms {
			if err := m.oneSwitch(); err != nil {
				t.Error(err)
			}
		}
	})
}
