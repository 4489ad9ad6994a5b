package opentcb_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// Bounds that keep the code readable.
const (
	goColumns     = 120
	proseColumns  = 100
	functionLines = 60
	fileLines     = 350 // of a file that is no test
)

// TestSizes bounds functions and files.
func TestSizes(t *testing.T) {
	held := exceptions{t: t, rule: "size"}
	for folder, files := range goFolders(t) {
		var faults []string
		for _, name := range files {
			set := token.NewFileSet()
			file, err := parser.ParseFile(set, name, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			if n := set.File(file.Pos()).LineCount() - 1; n > fileLines {
				faults = append(faults, fmt.Sprintf("%s has %d lines, over %d", name, n, fileLines))
			}
			for _, decl := range file.Decls {
				f, ok := decl.(*ast.FuncDecl)
				if !ok {
					continue
				}
				if n := set.Position(f.End()).Line - set.Position(f.Pos()).Line + 1; n > functionLines {
					faults = append(faults, fmt.Sprintf("%s: %s has %d lines, over %d", name, f.Name.Name, n, functionLines))
				}
			}
		}
		held.check(folder, faults)
	}
	held.done()
}

// TestColumns bounds the lines of Go. A line may be as much longer as its
// longest string is.
func TestColumns(t *testing.T) {
	held := exceptions{t: t, rule: "columns"}
	for _, name := range filesOf(t, ".go") {
		var faults []string
		text := read(t, name)
		longest, multiline := stringsOf(t, text)
		n := 0
		for line := range lines(text) {
			n++
			if utf8.RuneCountInString(line)-longest[n] > goColumns && !multiline[n] {
				faults = append(faults, fmt.Sprintf("%s:%d is over %d columns", name, n, goColumns))
			}
		}
		held.check(path.Dir(name), faults)
	}
	held.done()
}

// stringsOf returns, by line, the columns of the longest string literal that
// begins and ends there, and the lines that a raw string goes over.
func stringsOf(t *testing.T, text string) (longest map[int]int, multiline map[int]bool) {
	t.Helper()
	longest, multiline = map[int]int{}, map[int]bool{}
	set := token.NewFileSet()
	file := set.AddFile("", -1, len(text))
	var s scanner.Scanner
	s.Init(file, []byte(text), nil, 0)
	for {
		pos, tok, literal := s.Scan()
		if tok == token.EOF {
			return longest, multiline
		}
		if tok != token.STRING {
			continue
		}
		first := file.Line(pos)
		last := first + strings.Count(literal, "\n")
		if first == last {
			longest[first] = max(longest[first], utf8.RuneCountInString(literal))
			continue
		}
		for line := first; line <= last; line++ {
			multiline[line] = true
		}
	}
}

// span is inline code, which is not wrapped.
var span = regexp.MustCompile("`[^`]*`")

// marker is what stands before the first word of a line.
var marker = regexp.MustCompile(`^\s*(?:[-*>]|\d+\.)?\s*`)

// TestProse wants prose wrapped, but for tables, code, and what has no space
// to wrap it at.
func TestProse(t *testing.T) {
	held := exceptions{t: t, rule: "prose"}
	for _, name := range filesOf(t, ".md") {
		var faults []string
		n, fence, code, before := 0, false, false, ""
		for line := range lines(read(t, name)) {
			n++
			if strings.HasPrefix(line, "```") {
				fence = !fence
			}
			indented := strings.HasPrefix(line, "    ") || strings.HasPrefix(line, "\t")
			code = indented && (code || strings.TrimSpace(before) == "")
			before = line
			table := strings.HasPrefix(line, "|") || strings.HasPrefix(line, "<!--")
			if utf8.RuneCountInString(line) <= proseColumns || fence || code || table {
				continue
			}
			words := span.ReplaceAllString(marker.ReplaceAllString(line, ""), "code")
			if strings.Contains(strings.TrimSpace(words), " ") {
				faults = append(faults, fmt.Sprintf("%s:%d is over %d columns", name, n, proseColumns))
			}
		}
		held.check(name, faults)
	}
	held.done()
}

func lines(text string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for line := range strings.Lines(text) {
			if !yield(strings.TrimSuffix(line, "\n")) {
				return
			}
		}
	}
}

// exceptions are the folders and pages that do not keep a rule yet. The list
// only shrinks; go test -v shows what can be taken off.
type exceptions struct {
	t     *testing.T
	rule  string
	fault map[string][]string
}

func (e *exceptions) check(name string, faults []string) {
	if e.fault == nil {
		e.fault = map[string][]string{}
	}
	e.fault[name] = append(e.fault[name], faults...)
}

func (e *exceptions) done() {
	e.t.Helper()
	var listed []string
	for line := range lines(read(e.t, "testdata/exceptions.txt")) {
		if rule, name, ok := strings.Cut(line, " "); ok && rule == e.rule {
			listed = append(listed, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(e.fault)) {
		faults := e.fault[name]
		for _, fault := range faults {
			if !slices.Contains(listed, name) {
				e.t.Error(fault)
			}
		}
		if len(faults) == 0 && slices.Contains(listed, name) {
			e.t.Logf("%s keeps the rule now: take the line %q off testdata/exceptions.txt", name, e.rule+" "+name)
		}
	}
	for _, name := range listed {
		if _, ok := e.fault[name]; !ok {
			e.t.Logf("%s does not exist: take the line %q off testdata/exceptions.txt", name, e.rule+" "+name)
		}
	}
}
