package wirescript

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"sort"
	"strings"
)

// Scripts are the wire tests of the specification's sections 1 to 7.
//
//go:embed scripts/*.txt
var Scripts embed.FS

// A Script is one file of cases that play in the same world.
type Script struct {
	Name  string // the file's name without folder and ending
	Cases []Case

	world text
	names map[string]bool // what the world names
}

// A Case proves clauses, in steps.
type Case struct {
	Script  string   // name of its script
	Line    int      // of its heading
	Clauses []string // ids, such as "CS-1"
	Title   string
	Needs   []string // what the target must be able to do: "clock", "operator", "peek log", …
	Uses    []string // values of the world that it uses: "c1", "token c1 a1", …
	Reads   bool     // it changes nothing on a server; making the key that getcodesecret answers does not count

	steps []step
}

// A step is one act of a case.
type step interface {
	// play does the step; an error says what differs from the script.
	play(*run) error
}

// Load reads every script of the folder tree, in the order of their names. The
// first fault is returned, with its file and line.
func Load(files fs.FS) ([]Script, error) {
	var scripts []Script
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || path.Ext(name) != ".txt" {
			return err
		}
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		script, err := parse(name, string(data))
		scripts = append(scripts, script)
		return err
	})
	return scripts, err
}

// Clauses returns, for every clause that a case names, those cases as
// "script: title", in order.
func Clauses(scripts []Script) map[string][]string {
	cases := map[string][]string{}
	for _, script := range scripts {
		for _, c := range script.Cases {
			for _, id := range c.Clauses {
				cases[id] = append(cases[id], c.Script+": "+c.Title)
			}
		}
	}
	return cases
}

// require notes a capability that the case needs, once.
func (c *Case) require(what string) { c.Needs = insert(c.Needs, what) }

// use notes a value of the world that the case needs, once.
func (c *Case) use(name string) { c.Uses = insert(c.Uses, name) }

func insert(sorted []string, s string) []string {
	at := sort.SearchStrings(sorted, s)
	if at < len(sorted) && sorted[at] == s {
		return sorted
	}
	return append(sorted[:at:at], append([]string{s}, sorted[at:]...)...)
}

// String is where the case stands and what it proves.
func (c Case) String() string {
	return fmt.Sprintf("%s.txt:%d %s  %s", c.Script, c.Line, strings.Join(c.Clauses, " "), c.Title)
}
