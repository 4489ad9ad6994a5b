package opentcb_test

import (
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// mapped is a line of a package's map: a file, and what it is.
var mapped = regexp.MustCompile(`(?m)^\t([0-9A-Za-z_]+\.go) {2,}\S`)

// TestMaps wants the comment of every package to be a map that names each of
// its files, and none that does not exist. A package of one file needs no map.
func TestMaps(t *testing.T) {
	for folder, files := range goFolders(t) {
		var comments, named []string
		for _, file := range files {
			comment := packageComment(t, file)
			if comment == "" {
				continue
			}
			comments = append(comments, path.Base(file))
			for _, m := range mapped.FindAllStringSubmatch(comment, -1) {
				named = append(named, m[1])
			}
		}
		if len(comments) != 1 {
			t.Errorf("%s: the comment of the package is in %q, and should be in one file", folder, comments)
			continue
		}
		for _, file := range files {
			if name := path.Base(file); name != "doc.go" && len(files) > 1 && !slices.Contains(named, name) {
				t.Error(path.Join(folder, comments[0]) + " does not name " + name)
			}
		}
		for _, name := range named {
			if _, err := os.Stat(path.Join(folder, name)); err != nil {
				t.Error(path.Join(folder, comments[0]) + " names " + name + ", which does not exist")
			}
		}
	}
}

// packageComment is the comment of a file's package clause.
func packageComment(t *testing.T, name string) string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.PackageClauseOnly|parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	return file.Doc.Text()
}

// treeLine is a line of the tree of packages: folders, and what they are.
var treeLine = regexp.MustCompile(`(?m)^\t((?:[a-z0-9]+/)+ {2,}\S.*)$`)

// TestTree wants the tree in the comment of the root to be the list of layers.
func TestTree(t *testing.T) {
	tree := treeOf(t, packageComment(t, "doc.go"))
	want := []string{"docs", "interop"}
	for _, l := range layers {
		want = append(want, l.name)
	}
	for _, name := range want {
		if tree[name] == "" {
			t.Errorf("%s is missing in the tree of doc.go", name)
		}
		delete(tree, name)
	}
	for name := range tree {
		t.Errorf("the tree of doc.go has %s, which the list of layers has not", name)
	}
}

// treeOf returns the lines of a tree by their folders.
func treeOf(t *testing.T, text string) map[string]string {
	t.Helper()
	lines := map[string]string{}
	for _, m := range treeLine.FindAllStringSubmatch(text, -1) {
		name := strings.TrimSuffix(strings.Fields(m[1])[0], "/")
		if lines[name] != "" {
			t.Errorf("a tree has %s twice", name)
		}
		lines[name] = m[1]
	}
	return lines
}

// goFolders are the files of Go that are no tests, by their folders.
func goFolders(t *testing.T) map[string][]string {
	t.Helper()
	folders := map[string][]string{}
	for _, file := range filesOf(t, ".go") {
		if !strings.HasSuffix(file, "_test.go") {
			folders[path.Dir(file)] = append(folders[path.Dir(file)], file)
		}
	}
	return folders
}

// filesOf lists the files of the repository whose names end so, but for those
// of testdata and hidden folders.
func filesOf(t *testing.T, ending string) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(".", func(file string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && file != "." && (name == "testdata" || name == "node_modules" || strings.HasPrefix(name, ".")) {
			return filepath.SkipDir
		}
		if !d.IsDir() && strings.HasSuffix(name, ending) {
			files = append(files, filepath.ToSlash(file))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
