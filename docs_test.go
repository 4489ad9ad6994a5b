package opentcb_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/opentcb/opentcb/tcb"
)

const wirePages = "docs/wire"

// codeRow is a row of the table of codes: code, text and where.
var codeRow = regexp.MustCompile("(?m)^\\| (-?\\d+) \\| `([^`|]+)` \\| ([^|]+) \\|$")

// TestCodesPage compares docs/wire/codes.md with the table of package tcb.
func TestCodesPage(t *testing.T) {
	page := map[tcb.Code]string{}
	for _, row := range codeRow.FindAllStringSubmatch(read(t, wirePages+"/codes.md"), -1) {
		code := atoi(t, row[1])
		if _, twice := page[code]; twice {
			t.Errorf("codes.md has %d twice", code)
		}
		page[code] = row[2]
	}
	declared := declaredCodes(t)
	for name, code := range declared {
		text, onPage := page[code]
		switch {
		case !onPage:
			t.Errorf("codes.md lacks %d, tcb.%s", code, name)
		case text != code.Text():
			t.Errorf("codes.md has %q for %d, package tcb %q", text, code, code.Text())
		}
		delete(page, code)
	}
	for code := range page {
		t.Errorf("codes.md has %d, which package tcb has not", code)
	}
	if len(declared) == 0 {
		t.Error("no codes found in package tcb")
	}
}

// firstCell is the first cell of a row of a page's table of failures: a code,
// or several.
var firstCell = regexp.MustCompile(`(?m)^\| (-?\d+(?:, -?\d+)*) \|`)

// TestFailureTables wants every code that a page lists to be one of package
// tcb.
func TestFailureTables(t *testing.T) {
	var known []tcb.Code
	for _, code := range declaredCodes(t) {
		known = append(known, code)
	}
	rows := 0
	for _, file := range pagesBelow(t, wirePages) {
		_, failures, _ := strings.Cut(read(t, file), "\n## Failures\n")
		failures, _, _ = strings.Cut(failures, "\n## ")
		for _, row := range firstCell.FindAllStringSubmatch(failures, -1) {
			rows++
			for word := range strings.SplitSeq(row[1], ", ") {
				if code := atoi(t, word); !slices.Contains(known, code) {
					t.Errorf("%s lists %d, which package tcb has not", file, code)
				}
			}
		}
	}
	if rows == 0 {
		t.Error("no tables of failures found")
	}
}

// TestWirePages wants a page for every interface that the server has, and no
// page for one that it has not.
func TestWirePages(t *testing.T) {
	want := []string{"codes.md", "envelope.md", "cloudcalls.md"}
	for _, route := range routes(t) {
		want = append(want, pageOf(route))
	}
	slices.Sort(want)
	var have []string
	for _, file := range pagesBelow(t, wirePages) {
		have = append(have, path.Base(file))
	}
	for _, name := range want {
		if !slices.Contains(have, name) {
			t.Errorf("%s/%s is not there", wirePages, name)
		}
	}
	for _, name := range have {
		if !slices.Contains(want, name) {
			t.Errorf("%s/%s is about no interface of the server", wirePages, name)
		}
	}
}

// pageOf is the name of an interface's page, that of its path's last segment.
func pageOf(route string) string {
	dir, name := path.Split(route)
	if name == "get" || name == "v2" { // which say too little
		name = path.Base(dir) + "_" + name
	}
	return name + ".md"
}

// clauseID is a clause that a page names.
var clauseID = regexp.MustCompile(`\b(?:EN|CS|UT|DF|CR|UP|CC|QU)-\d+\b`)

// TestClausesOfPages wants every clause that a page names to have its row in
// docs/clauses.md.
func TestClausesOfPages(t *testing.T) {
	clauses := read(t, "docs/clauses.md")
	for _, file := range pagesBelow(t, wirePages) {
		for _, id := range clauseID.FindAllString(read(t, file), -1) {
			if !strings.Contains(clauses, "\n| "+id+" |") {
				t.Errorf("%s names %s, which docs/clauses.md has not", file, id)
			}
		}
	}
}

var (
	link   = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	fenced = regexp.MustCompile("(?ms)^```.*?^```")
	scheme = regexp.MustCompile(`^[a-z]+:`)
	title  = regexp.MustCompile(`(?m)^#+ (.*)$`)
	// inAnchor is what an anchor has none of.
	inAnchor = regexp.MustCompile(`[^\pL\pN_ -]`)
)

// TestLinks wants every relative link of the documentation to lead to a file of
// the repository, and one with an anchor to a title there.
func TestLinks(t *testing.T) {
	for _, file := range append(pagesBelow(t, "docs"), "README.md", "CONTRIBUTING.md", "CHANGELOG.md") {
		for _, m := range link.FindAllStringSubmatch(fenced.ReplaceAllString(read(t, file), ""), -1) {
			target, anchor, _ := strings.Cut(m[1], "#")
			if scheme.MatchString(target) {
				continue
			}
			to := file
			if target != "" {
				to = path.Join(path.Dir(file), target)
			}
			if _, err := os.Stat(to); err != nil || !filepath.IsLocal(to) {
				t.Errorf("%s links to %s, which is not there", file, m[1])
			} else if anchor != "" && !slices.Contains(anchors(t, to), anchor) {
				t.Errorf("%s links to %s, and that page has no such title", file, m[1])
			}
		}
	}
}

// anchors are the titles of a page, as links name them.
func anchors(t *testing.T, page string) []string {
	t.Helper()
	var found []string
	for _, m := range title.FindAllStringSubmatch(fenced.ReplaceAllString(read(t, page), ""), -1) {
		name := inAnchor.ReplaceAllString(strings.ToLower(m[1]), "")
		found = append(found, strings.ReplaceAll(name, " ", "-"))
	}
	return found
}

// routes are the paths of the server's interfaces: of every endpoint in
// internal/server, and of the upload, which has the wire name of its action.
func routes(t *testing.T) []string {
	t.Helper()
	found := []string{"/updatefunctioncode"}
	files, err := filepath.Glob("internal/server/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		ast.Inspect(parse(t, name), func(n ast.Node) bool {
			if lit, ok := n.(*ast.CompositeLit); ok && isNamed(lit.Type, "endpoint") {
				found = append(found, endpointPath(t, name, lit))
			}
			return true
		})
	}
	if len(found) == 1 {
		t.Error("no endpoints found in internal/server")
	}
	return found
}

// endpointPath is the path member of an endpoint.
func endpointPath(t *testing.T, file string, lit *ast.CompositeLit) string {
	t.Helper()
	for _, element := range lit.Elts {
		kv, ok := element.(*ast.KeyValueExpr)
		if !ok || !isNamed(kv.Key, "path") {
			continue
		}
		if text, ok := kv.Value.(*ast.BasicLit); ok {
			value, err := strconv.Unquote(text.Value)
			if err != nil {
				t.Fatal(err)
			}
			return value
		}
	}
	t.Fatalf("%s has an endpoint whose path is not written out", file)
	return ""
}

// declaredCodes are the constants of type Code in package tcb, by name.
func declaredCodes(t *testing.T) map[string]tcb.Code {
	t.Helper()
	codes := map[string]tcb.Code{}
	ast.Inspect(parse(t, "tcb/code.go"), func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !isNamed(spec.Type, "Code") {
			return true
		}
		for i, name := range spec.Names {
			codes[name.Name] = intLiteral(t, spec.Values[i])
		}
		return false
	})
	return codes
}

func intLiteral(t *testing.T, e ast.Expr) tcb.Code {
	t.Helper()
	switch e := e.(type) {
	case *ast.UnaryExpr:
		return -intLiteral(t, e.X)
	case *ast.BasicLit:
		return atoi(t, e.Value)
	}
	t.Fatal("a code that is not a number")
	return 0
}

func isNamed(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}

func parse(t *testing.T, name string) *ast.File {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func atoi(t *testing.T, s string) tcb.Code {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return tcb.Code(n)
}

// pagesBelow lists the pages below a folder.
func pagesBelow(t *testing.T, folder string) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(folder, func(file string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasSuffix(file, ".md") {
			files = append(files, filepath.ToSlash(file))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// goBlock is an example in Go on a page.
var goBlock = regexp.MustCompile("(?ms)^```go\n(.*?)^```$")

// TestGoExamples: every example in Go on a page stands, line for line, in a test
// that is compiled.
func TestGoExamples(t *testing.T) {
	var compiled []string
	for _, name := range []string{"tcb/example_test.go", "opentcbtest/mine_test.go"} {
		compiled = append(compiled, unindented(read(t, name)))
	}
	pages, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, page := range append(pages, "README.md") {
		for _, block := range goBlock.FindAllStringSubmatch(read(t, page), -1) {
			found++
			here := func(source string) bool { return strings.Contains(source, unindented(block[1])) }
			if !slices.ContainsFunc(compiled, here) {
				t.Errorf("%s: no test has\n%s", page, block[1])
			}
		}
	}
	if found == 0 {
		t.Error("no examples found")
	}
}

// unindented returns a text without the white space at the beginning of its lines.
func unindented(text string) string {
	return regexp.MustCompile(`(?m)^[ \t]+`).ReplaceAllString(text, "")
}
