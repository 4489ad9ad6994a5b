package opentcb_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/opentcb/opentcb/"

// layers is the list of packages, each with those of ours that it may import.
// A package imports only packages above it in the list.
var layers = []struct {
	name    string
	imports string
}{
	{"internal/codezip", ""},
	{"internal/words", ""},
	{"internal/clock", ""},
	{"internal/push", ""},
	{"tcb", "internal/codezip internal/words internal/push"},
	{"internal/journal", ""},
	{"internal/inject", "internal/words internal/journal"},
	{"internal/whitelist", "internal/words"},
	{"internal/yamlfile", "internal/words"},
	{"internal/seal", ""},
	{"internal/tc3", ""},
	{"internal/secretfile", ""},
	{"internal/blob", ""},
	{"internal/stall", ""},
	{"internal/throttle", ""},
	{"internal/intercept", "internal/secretfile"},
	{"internal/gateway", "internal/whitelist internal/stall"},
	{"internal/invoke", ""},
	{"internal/agent", "internal/codezip internal/secretfile"},
	{"internal/runner", "internal/secretfile internal/agent"},
	{"internal/wirescript", ""},
	{"internal/s3blob", "internal/blob internal/stall"},
	{"internal/profile", "tcb internal/secretfile internal/yamlfile"},
	{"internal/fleet", "internal/codezip tcb internal/words internal/whitelist internal/yamlfile internal/secretfile"},
	{"internal/cloud", "tcb internal/push internal/whitelist internal/words internal/seal internal/codezip internal/blob"},
	{"internal/world", "internal/yamlfile internal/cloud"},
	{"internal/sqlstore", "tcb internal/secretfile internal/cloud"},
	{"internal/backup", "internal/blob internal/seal internal/sqlstore"},
	{"internal/consent", "internal/throttle internal/cloud"},
	{"internal/delivery", "internal/journal internal/inject internal/cloud"},
	{"internal/relay", "internal/push tcb internal/secretfile internal/yamlfile internal/seal internal/profile internal/cloud internal/delivery"},
	{"internal/server", "internal/journal internal/inject tcb internal/consent internal/throttle internal/tc3 internal/blob internal/gateway internal/invoke internal/cloud"},
	{"internal/admin", "internal/journal internal/inject tcb internal/clock internal/words internal/throttle internal/blob internal/world internal/cloud"},
	{"internal/node", "internal/clock internal/blob internal/s3blob internal/codezip internal/yamlfile internal/world internal/seal internal/secretfile internal/cloud internal/sqlstore internal/backup internal/server internal/delivery internal/admin internal/intercept"},
	{"cmd/opentcb", "internal/journal internal/inject internal/clock internal/codezip internal/words tcb internal/secretfile internal/profile internal/fleet internal/wirescript internal/agent internal/runner internal/cloud internal/backup internal/admin internal/node internal/intercept internal/relay"},
	{"opentcbtest", "internal/journal internal/inject tcb internal/clock internal/admin internal/node"},
	// From tests only:
	{"internal/blobtest", "internal/blob"},
	{"internal/storetest", "internal/cloud tcb"},
	{"internal/soaktest", ""},
	{"internal/proxytest", ""},
	{"internal/testserver", ""},
	{"bench", "tcb internal/whitelist internal/seal internal/blob internal/cloud internal/sqlstore internal/node"},
}

// standardOnly are packages that import nothing but the standard library, so
// that they can be read, fuzzed and reused by themselves.
var standardOnly = []string{
	"internal/words", "internal/clock", "internal/push",
	"tcb", "internal/journal", "internal/inject",
	"internal/whitelist", "internal/seal", "internal/tc3", "internal/secretfile",
	"internal/codezip", "internal/blob", "internal/stall", "internal/throttle", "internal/gateway", "internal/invoke",
	"internal/intercept",
	"internal/agent", "internal/wirescript",
}

// fromTestsOnly are packages that no code outside tests imports.
var fromTestsOnly = []string{
	"internal/blobtest", "internal/storetest", "internal/soaktest", "internal/proxytest",
	"internal/testserver",
}

// TestLayers reads the imports of every file that is not a test. It parses
// them itself: what a test learns from another program is not seen by the
// test cache.
func TestLayers(t *testing.T) {
	seen := map[string]bool{}
	for pkg, imports := range packageImports(t) {
		if pkg == "." {
			continue
		}
		i := slices.IndexFunc(layers, func(l struct{ name, imports string }) bool { return l.name == pkg })
		if i < 0 {
			t.Errorf("package %s has no line in the list of layers", pkg)
			continue
		}
		seen[pkg] = true
		checkImports(t, pkg, strings.Fields(layers[i].imports), imports)
	}
	for _, l := range layers {
		if !seen[l.name] {
			t.Errorf("the list of layers has %s, which is not there", l.name)
		}
	}
}

func checkImports(t *testing.T, pkg string, allowed, imports []string) {
	t.Helper()
	for _, path := range imports {
		ours, isOurs := strings.CutPrefix(path, module)
		switch {
		case isOurs && slices.Contains(fromTestsOnly, ours):
			t.Errorf("%s imports %s, which is for tests only", pkg, ours)
		case isOurs && !slices.Contains(allowed, ours):
			t.Errorf("%s may not import %s", pkg, ours)
		case !isOurs && strings.Contains(strings.SplitN(path, "/", 2)[0], ".") && slices.Contains(standardOnly, pkg):
			t.Errorf("%s imports %s, and may import only the standard library", pkg, path)
		}
	}
}

// TestLayersAreOrdered keeps the list itself free of circles.
func TestLayersAreOrdered(t *testing.T) {
	above := map[string]bool{}
	for _, l := range layers {
		for _, name := range strings.Fields(l.imports) {
			if !above[name] {
				t.Errorf("%s imports %s, which does not stand above it", l.name, name)
			}
		}
		above[l.name] = true
	}
}

// packageImports returns what each package of the module imports outside its
// tests. bench is a module of its own, which imports packages of this one;
// interop imports none.
func packageImports(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name := d.Name(); path == "interop" || name == "testdata" || path != "." && strings.HasPrefix(name, ".") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		pkg := filepath.ToSlash(filepath.Dir(path))
		found[pkg] = append(found[pkg], fileImports(t, path)...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func fileImports(t *testing.T, path string) []string {
	t.Helper()
	if strings.HasSuffix(path, "_test.go") {
		return nil
	}
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	imports := make([]string, len(file.Imports))
	for i, spec := range file.Imports {
		imports[i] = strings.Trim(spec.Path.Value, `"`)
	}
	return imports
}

// TestModule keeps the module one that go install takes by its version, which
// an exclude or a replace forbids.
func TestModule(t *testing.T) {
	for line := range lines(read(t, "go.mod")) {
		if word, _, _ := strings.Cut(line, " "); word == "exclude" || word == "replace" {
			t.Errorf("go.mod has %q", line)
		}
	}
}
