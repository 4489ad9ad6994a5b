package wirescript

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

var update = flag.Bool("update", false, "write docs/clauses.md anew")

// load reads the project's own scripts.
func load(t *testing.T) []Script {
	t.Helper()
	scripts, err := Load(Scripts)
	if err != nil {
		t.Fatal(err)
	}
	return scripts
}

// root is the folder of go.mod.
func root(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	for err == nil {
		if _, missing := os.Stat(filepath.Join(dir, "go.mod")); missing == nil {
			return dir
		}
		if filepath.Dir(dir) == dir {
			t.Fatal("no go.mod above")
		}
		dir = filepath.Dir(dir)
	}
	t.Fatal(err)
	return ""
}

func proved(t *testing.T) map[string][]string {
	t.Helper()
	tests, err := GoTests(os.DirFS(root(t)))
	if err != nil {
		t.Fatal(err)
	}
	return tests
}

// TestClauses fails on a clause that nothing proves, and on one that is proved
// but does not exist.
func TestClauses(t *testing.T) {
	cases, tests, ids := Clauses(load(t)), proved(t), ClauseIDs()
	for _, id := range ids {
		if len(cases[id])+len(tests[id]) == 0 {
			t.Errorf("%s has no wire script, and no Go test says // Proves: %s", id, id)
		}
	}
	for id := range cases {
		if !slices.Contains(ids, id) {
			t.Errorf("no such clause: %s: %v", id, cases[id])
		}
	}
}

// TestTable holds docs/clauses.md to the scripts and tests.
func TestTable(t *testing.T) {
	page := filepath.Join(root(t), "docs", "clauses.md")
	want := Table(load(t), proved(t))
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("docs/clauses.md is not of today: go test ./internal/wirescript -run TestTable -update")
	}
}
