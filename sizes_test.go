package opentcb_test

import (
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"regexp"
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
	for _, files := range goFolders(t) {
		for _, name := range files {
			set := token.NewFileSet()
			file, err := parser.ParseFile(set, name, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			if n := set.File(file.Pos()).LineCount() - 1; n > fileLines {
				t.Errorf("%s has %d lines, over %d", name, n, fileLines)
			}
			for _, decl := range file.Decls {
				f, ok := decl.(*ast.FuncDecl)
				if !ok {
					continue
				}
				if n := set.Position(f.End()).Line - set.Position(f.Pos()).Line + 1; n > functionLines {
					t.Errorf("%s: %s has %d lines, over %d", name, f.Name.Name, n, functionLines)
				}
			}
		}
	}
}

// TestColumns bounds the lines of Go. A line may be as much longer as its
// longest string is.
func TestColumns(t *testing.T) {
	for _, name := range filesOf(t, ".go") {
		text := read(t, name)
		longest, multiline := stringsOf(t, text)
		n := 0
		for line := range lines(text) {
			n++
			if utf8.RuneCountInString(line)-longest[n] > goColumns && !multiline[n] {
				t.Errorf("%s:%d is over %d columns", name, n, goColumns)
			}
		}
	}
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
	for _, name := range filesOf(t, ".md") {
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
				t.Errorf("%s:%d is over %d columns", name, n, proseColumns)
			}
		}
	}
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
