package wirescript

import (
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
)

// sections are the specification's sections with their number of clauses, but for
// those that are not built yet.
var sections = []struct {
	prefix, title string
	clauses       int
	missing       []int
}{
	{"EN", "Envelope of every call", 14, nil},
	{"CS", "getcodesecret", 10, nil},
	{"UT", "usecloudaccesstoken", 16, nil},
	{"DF", "downloadfunction", 11, nil},
	{"CR", "Credentials", 11, nil},
	{"UP", "Uploading protected code", 9, nil},
	{"CC", "Cloud calls", 8, nil},
	{"IV", "invokecloudfunction", 10, nil},
	{"CO", "The consent page", 9, nil},
	{"AI", "What a platform may ask", 6, nil},
	{"AD", "Who may use the admin interface", 4, nil},
	{"TL", "TLS and names", 5, nil},
	{"LV", "Living with it", 5, nil},
	{"FC", "A function's configuration", 4, nil},
	{"RT", "What a runtime gets", 5, nil},
	{"RN", "The runner", 8, nil},
	{"OP", "What the operator sees and changes", 10, nil},
	{"PU", "Pushes to the platform's event address", 15, nil},
	{"CK", "Clock", 4, nil},
	{"RS", "Reset, snapshots, ephemeral servers", 4, nil},
	{"QU", "Quotas and addresses", 4, nil},
	{"FA", "Faults", 4, nil},
	{"JN", "Journal", 5, nil},
}

// ClauseIDs returns the ids of all clauses that are listed, in order.
func ClauseIDs() []string {
	var ids []string
	for _, section := range sections {
		for i := 1; i <= section.clauses; i++ {
			if !slices.Contains(section.missing, i) {
				ids = append(ids, fmt.Sprintf("%s-%d", section.prefix, i))
			}
		}
	}
	return ids
}

var (
	provesForm = regexp.MustCompile(`(?m)^\s*// Proves: ((?:[A-Z]{2}-[0-9]+[ ,]*)+)$`)
	clauseForm = regexp.MustCompile(`[A-Z]{2}-[0-9]+`)
	testForm   = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
)

// GoTests finds the clauses that Go tests prove: a comment line
// "// Proves: UT-16, CR-11" stands above or in the test, in a _test.go file
// anywhere in the tree. It returns "file TestName" for every clause.
func GoTests(tree fs.FS) (map[string][]string, error) {
	proved := map[string][]string{}
	err := fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && name != "." && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "node_modules") {
			return fs.SkipDir
		}
		if entry.IsDir() || !strings.HasSuffix(name, "_test.go") {
			return nil
		}
		data, err := fs.ReadFile(tree, name)
		for _, at := range provesForm.FindAllSubmatchIndex(data, -1) {
			test := name + " " + testNear(string(data), at[0])
			for _, id := range clauseForm.FindAllString(string(data[at[2]:at[3]]), -1) {
				proved[id] = append(proved[id], test)
			}
		}
		return err
	})
	return proved, err
}

// testNear is the test whose comment or body a place of a file is in.
func testNear(source string, at int) string {
	tests := testForm.FindAllStringSubmatchIndex(source, -1)
	inside := ""
	for _, test := range tests {
		name := source[test[2]:test[3]]
		if test[0] < at {
			inside = name
		} else if !strings.Contains(source[at:test[0]], "\n\n") {
			return name // the comment is its own
		}
	}
	return inside
}

// Table is the page that lists for every clause what proves it, as Markdown.
func Table(scripts []Script, goTests map[string][]string) string {
	var b strings.Builder
	b.WriteString("# Clauses and their tests\n\n" +
		"What proves each clause of the wire. Made from the wire scripts in `internal/wirescript/scripts`\n" +
		"and the `// Proves:` comments of the Go tests; made anew by\n" +
		"`go test ./internal/wirescript -run TestTable -update`.\n")
	cases := Clauses(scripts)
	for _, section := range sections {
		fmt.Fprintf(&b, "\n## %s\n\n| clause | proved by |\n|---|---|\n", section.title)
		for _, id := range ClauseIDs() {
			if strings.HasPrefix(id, section.prefix) {
				fmt.Fprintf(&b, "| %s | %s |\n", id, strings.Join(proofs(cases[id], goTests[id]), "<br>"))
			}
		}
	}
	return b.String()
}

func proofs(cases, goTests []string) []string {
	var all []string
	for _, c := range cases {
		all = append(all, strings.NewReplacer("|", `\|`, "<", "&lt;").Replace(c))
	}
	for _, test := range goTests {
		all = append(all, "`"+test+"`")
	}
	return slices.Compact(all)
}
