package fleet

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/opentcb/opentcb/internal/whitelist"
	"github.com/opentcb/opentcb/internal/yamlfile"
)

// file is the text of a fleet.
type file struct {
	profile string
	members []member // those of the lists too
	rules   []rule

	dir   string             // of the file; paths in it are relative to that
	seen  map[[2]string]bool // the environments of the members
	codes map[codeRule]*Code // what was read, so that each is read once
}

// member is a Mini Program in a file.
type member struct {
	appid  string
	envs   []string
	groups []string
}

// rule is what is wanted of the environments that it matches. Later rules
// override earlier ones.
type rule struct {
	appids, envs, groups []string // patterns
	open                 *bool
	allow                *[]string
	functions            map[string]*Code
}

// codeRule is a function's code in a file.
type codeRule struct {
	path              string
	handler           string
	installDependency bool
	noNodeModules     bool
	noDotFiles        bool
}

// Read reads a file, and the lists and the code that it names by paths relative to
// it. What is wrong with them is a words.Faults with the lines of
// the file.
func Read(name string) (*Fleet, error) {
	text, err := yamlfile.ReadFile(name)
	if err != nil {
		return nil, err
	}
	f := file{dir: filepath.Dir(name), seen: map[[2]string]bool{}, codes: map[codeRule]*Code{}}
	if err := yamlfile.Parse(text, name, f.read); err != nil {
		return nil, err
	}
	if len(f.members) == 0 {
		return nil, fmt.Errorf("%s: there are no Mini Programs in it: name them under miniprograms, or in a list", name)
	}
	fleet, err := f.expand()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return fleet, nil
}

func (f *file) read(n yamlfile.Node) {
	n.Members("a fleet file",
		yamlfile.Optional("profile", yamlfile.Text(&f.profile, nil)),
		yamlfile.Optional("miniprograms", yamlfile.List(f.readMember)),
		yamlfile.Optional("lists", yamlfile.List(f.readList)),
		yamlfile.Optional("rules", yamlfile.List(f.readRule)),
	)
}

func (f *file) readMember(n yamlfile.Node) {
	var m member
	n.Members("a Mini Program",
		yamlfile.Required("appid", yamlfile.Text(&m.appid, checkAppID)),
		yamlfile.Optional("envs", yamlfile.Texts(&m.envs, nil)),
		yamlfile.Optional("groups", yamlfile.Texts(&m.groups, nil)),
	)
	if err := f.add(m); err != nil {
		n.Report("%v", err)
	}
}

// appIDForm is the form of an appid, which becomes part of paths and commands.
var appIDForm = regexp.MustCompile(`^wx[0-9a-z]{16}$`)

func checkAppID(s string) string {
	if appIDForm.MatchString(s) {
		return ""
	}
	return "is no appid"
}

// add adds a Mini Program. It returns an error if it repeats an environment.
func (f *file) add(m member) error {
	for _, id := range m.envs {
		if id == "" || f.seen[[2]string{m.appid, id}] {
			return fmt.Errorf("environment %q of %s is there twice, or has no name", id, m.appid)
		}
		f.seen[[2]string{m.appid, id}] = true
	}
	f.members = append(f.members, m)
	return nil
}

func (f *file) readRule(n yamlfile.Node) {
	r := rule{functions: map[string]*Code{}}
	n.Members("a rule",
		yamlfile.Optional("match", func(n yamlfile.Node) {
			n.Members("match",
				yamlfile.Optional("appids", yamlfile.Texts(&r.appids, checkPattern)),
				yamlfile.Optional("envs", yamlfile.Texts(&r.envs, checkPattern)),
				yamlfile.Optional("groups", yamlfile.Texts(&r.groups, checkPattern)),
			)
		}),
		yamlfile.Optional("open", yamlfile.Bool(&r.open)),
		yamlfile.Optional("allow", func(n yamlfile.Node) {
			var entries []string
			yamlfile.Texts(&entries, nil)(n)
			list, err := whitelist.Normalize(entries)
			if err != nil {
				n.Report("allow: %v", err)
			}
			r.allow = &list
		}),
		yamlfile.Optional("functions", yamlfile.Named(func(name string, n yamlfile.Node) {
			r.functions[name] = f.readFunction(name, n)
		})),
	)
	f.rules = append(f.rules, r)
}

func checkPattern(s string) string {
	if _, err := path.Match(s, ""); err != nil {
		return "is no pattern"
	}
	return ""
}

// readFunction reads a function and its code, nil if there is a fault.
func (f *file) readFunction(name string, n yamlfile.Node) *Code {
	var c codeRule
	n.Members("a function",
		yamlfile.Required("code", yamlfile.Text(&c.path, yamlfile.NotEmpty)),
		yamlfile.Optional("handler", yamlfile.Text(&c.handler, nil)),
		yamlfile.Optional("install_dependency", flag(&c.installDependency)),
		yamlfile.Optional("no_node_modules", flag(&c.noNodeModules)),
		yamlfile.Optional("no_dot_files", flag(&c.noDotFiles)),
	)
	if f.codes[c] == nil && c.path != "" {
		code, err := readCode(f.dir, c)
		if err != nil {
			n.Report("function %s: %v", name, err)
		}
		f.codes[c] = code
	}
	return f.codes[c]
}

// flag reads true or false; a member that is left out is false.
func flag(target *bool) yamlfile.Read {
	return func(n yamlfile.Node) {
		var value *bool
		yamlfile.Bool(&value)(n)
		*target = value != nil && *value
	}
}

// readList reads the list that a file names, and reports what is wrong with it
// where it is named.
func (f *file) readList(n yamlfile.Node) {
	var name string
	yamlfile.Text(&name, nil)(n)
	if name == "" {
		return
	}
	members, wrong := readMembers(filepath.Join(f.dir, filepath.FromSlash(name)))
	for _, err := range wrong {
		n.Report("%v", err)
	}
	for _, m := range members {
		if err := f.add(m); err != nil {
			n.Report("%s: %v", name, err)
		}
	}
}

// readMembers reads a list: lines of an appid, an environment, and optionally
// groups separated by spaces. It reads what a spreadsheet writes: a mark at the
// beginning of the file, names of the columns, blanks around a value, and rows
// that are empty. Bad rows are reported all at once, each with file and line.
func readMembers(name string) (members []member, wrong []error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, []error{err}
	}
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(text, []byte("\ufeff"))))
	r.FieldsPerRecord, r.Comment, r.TrimLeadingSpace = -1, '#', true
	for first := true; ; first = false {
		fields, err := r.Read()
		if errors.Is(err, io.EOF) {
			return members, wrong
		}
		if e, ok := errors.AsType[*csv.ParseError](err); ok {
			wrong = append(wrong, fmt.Errorf("%s:%d: %w", name, e.Line, e.Err))
			continue
		}
		if err != nil {
			return nil, append(wrong, fmt.Errorf("%s: %w", name, err))
		}
		fields = trimmed(fields)
		if len(fields) == 0 || first && strings.EqualFold(fields[0], "appid") {
			continue
		}
		m, err := readRow(fields)
		if err != nil {
			line, _ := r.FieldPos(0)
			wrong = append(wrong, fmt.Errorf("%s:%d: %w", name, line, err))
			continue
		}
		members = append(members, m)
	}
}

// trimmed returns the fields of a row without the blanks around them, and
// without empty ones at its end.
func trimmed(fields []string) []string {
	for i, f := range fields {
		fields[i] = strings.TrimSpace(f)
	}
	for len(fields) > 0 && fields[len(fields)-1] == "" {
		fields = fields[:len(fields)-1]
	}
	return fields
}

func readRow(fields []string) (member, error) {
	if len(fields) != 2 && len(fields) != 3 || fields[1] == "" {
		return member{}, errors.New("give appid,env or appid,env,groups")
	}
	if wrong := checkAppID(fields[0]); wrong != "" {
		return member{}, fmt.Errorf("%q %s", fields[0], wrong)
	}
	m := member{appid: fields[0], envs: []string{fields[1]}}
	if len(fields) == 3 {
		m.groups = strings.Fields(fields[2])
	}
	return m, nil
}
