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
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/opentcb/opentcb/internal/whitelist"
)

// Fleet is what a file wants of which Mini Programs, in the order of the file.
type Fleet struct {
	Profile      string // the profile to use; "" if the file names none
	MiniPrograms []MiniProgram
}

// MiniProgram is an account with the environments that the file names.
type MiniProgram struct {
	AppID string
	Envs  []Env
}

// Env is an environment and what is wanted of it.
type Env struct {
	ID        string
	Open      *bool     // the account's switch; nil: as it is
	Allow     *[]string // the whitelist, each entry once; nil: as it is
	Functions []Function
	groups    []string
}

// Function is a function that is wanted, by name.
type Function struct {
	Name string
	Code *Code
}

// file is the text of a fleet.
type file struct {
	Profile      string   `yaml:"profile"`
	MiniPrograms []member `yaml:"miniprograms"`
	Lists        []string `yaml:"lists"`
	Rules        []rule   `yaml:"rules"`
}

// member is a Mini Program in a file.
type member struct {
	AppID  string   `yaml:"appid"`
	Envs   []string `yaml:"envs"`
	Groups []string `yaml:"groups"`
}

// rule is what is wanted of the environments that it matches. Later rules
// override earlier ones.
type rule struct {
	Match struct {
		AppIDs []string `yaml:"appids"`
		Envs   []string `yaml:"envs"`
		Groups []string `yaml:"groups"`
	} `yaml:"match"`
	Open      *bool               `yaml:"open"`
	Allow     *[]string           `yaml:"allow"`
	Functions map[string]codeRule `yaml:"functions"`
}

// codeRule is a function's code in a file.
type codeRule struct {
	Code              string `yaml:"code"`
	Handler           string `yaml:"handler"`
	InstallDependency bool   `yaml:"install_dependency"`
	NoNodeModules     bool   `yaml:"no_node_modules"`
	NoDotFiles        bool   `yaml:"no_dot_files"`
}

// Read reads a file, and the lists and the code that it names by paths relative to
// it. Its errors say what is wrong and where.
func Read(name string) (*Fleet, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	var f file
	if err := d.Decode(&f); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	dir := filepath.Dir(name)
	for _, list := range f.Lists {
		members, err := readList(filepath.Join(dir, filepath.FromSlash(list)))
		if err != nil {
			return nil, err
		}
		f.MiniPrograms = append(f.MiniPrograms, members...)
	}
	fleet, err := f.expand(dir)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return fleet, nil
}

// readList reads a list: lines of an appid, an environment, and optionally groups
// separated by spaces.
func readList(name string) ([]member, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.FieldsPerRecord, r.Comment, r.TrimLeadingSpace = -1, '#', true
	var members []member
	for {
		fields, err := r.Read()
		if errors.Is(err, io.EOF) {
			return members, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		line, _ := r.FieldPos(0)
		if line == 1 && fields[0] == "appid" {
			continue // the names of the columns
		}
		if len(fields) != 2 && len(fields) != 3 {
			return nil, fmt.Errorf("%s: line %d: give appid,env or appid,env,groups", name, line)
		}
		m := member{AppID: fields[0], Envs: []string{fields[1]}}
		if len(fields) == 3 {
			m.Groups = strings.Fields(fields[2])
		}
		members = append(members, m)
	}
}

// appIDForm is the form of an appid, which becomes part of paths and commands.
var appIDForm = regexp.MustCompile(`^wx[0-9a-z]{16}$`)

// expand applies the rules to every environment.
func (f *file) expand(dir string) (*Fleet, error) {
	codes, err := f.check(dir)
	if err != nil {
		return nil, err
	}
	fleet, at, seen := &Fleet{Profile: f.Profile}, map[string]int{}, map[[2]string]bool{}
	for _, m := range f.MiniPrograms {
		if !appIDForm.MatchString(m.AppID) {
			return nil, fmt.Errorf("%q is no appid", m.AppID)
		}
		i, known := at[m.AppID]
		if !known {
			i = len(fleet.MiniPrograms)
			at[m.AppID], fleet.MiniPrograms = i, append(fleet.MiniPrograms, MiniProgram{AppID: m.AppID})
		}
		for _, id := range m.Envs {
			if id == "" || seen[[2]string{m.AppID, id}] {
				return nil, fmt.Errorf("environment %q of %s is there twice, or has no name", id, m.AppID)
			}
			seen[[2]string{m.AppID, id}] = true
			fleet.MiniPrograms[i].Envs = append(fleet.MiniPrograms[i].Envs, f.wanted(m, id, codes))
		}
	}
	for _, m := range fleet.MiniPrograms {
		if err := m.oneSwitch(); err != nil {
			return nil, err
		}
	}
	return fleet, nil
}

// check checks every rule, and reads the code.
func (f *file) check(dir string) (map[codeRule]*Code, error) {
	if len(f.MiniPrograms) == 0 {
		return nil, errors.New("there are no Mini Programs in it: name them under miniprograms, or in a list")
	}
	codes := map[codeRule]*Code{}
	for i, r := range f.Rules {
		where := fmt.Sprintf("rule %d", i+1)
		for _, pattern := range slices.Concat(r.Match.AppIDs, r.Match.Envs, r.Match.Groups) {
			if _, err := path.Match(pattern, ""); err != nil {
				return nil, fmt.Errorf("%s: the pattern %q cannot be", where, pattern)
			}
		}
		if r.Allow != nil {
			list, err := whitelist.Normalize(*r.Allow)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", where, err)
			}
			f.Rules[i].Allow = &list
		}
		for name, c := range r.Functions {
			if codes[c] != nil {
				continue
			}
			code, err := readCode(dir, c)
			if err != nil {
				return nil, fmt.Errorf("%s: function %s: %w", where, name, err)
			}
			codes[c] = code
		}
	}
	return codes, nil
}

// wanted returns what the rules want of an environment.
func (f *file) wanted(m member, id string, codes map[codeRule]*Code) Env {
	e, functions := Env{ID: id, groups: m.Groups}, map[string]*Code{}
	for _, r := range f.Rules {
		if !fits(r.Match.AppIDs, m.AppID) || !fits(r.Match.Envs, id) || !fits(r.Match.Groups, m.Groups...) {
			continue
		}
		if r.Open != nil {
			e.Open = r.Open
		}
		if r.Allow != nil {
			e.Allow = r.Allow
		}
		for name, c := range r.Functions {
			functions[name] = codes[c]
		}
	}
	for name, code := range functions {
		e.Functions = append(e.Functions, Function{name, code})
	}
	slices.SortFunc(e.Functions, func(a, b Function) int { return strings.Compare(a.Name, b.Name) })
	return e
}

// fits reports whether one of the names matches one of the patterns, or there are
// no patterns.
func fits(patterns []string, names ...string) bool {
	for _, p := range patterns {
		for _, name := range names {
			if ok, _ := path.Match(p, name); ok {
				return true
			}
		}
	}
	return len(patterns) == 0
}

// oneSwitch checks that the environments of an account agree on its one switch.
func (m MiniProgram) oneSwitch() error {
	var first *Env
	for i, e := range m.Envs {
		switch {
		case e.Open == nil:
		case first == nil:
			first = &m.Envs[i]
		case *first.Open != *e.Open:
			return fmt.Errorf("%s has one switch for all its environments, and the rules want it open for one of %s and %s and closed for the other", m.AppID, first.ID, e.ID)
		}
	}
	return nil
}

// Only keeps the environments whose Mini Program, name or group matches one of the
// patterns, and returns their number.
func (f *Fleet) Only(patterns []string) int {
	n := 0
	for i, m := range f.MiniPrograms {
		f.MiniPrograms[i].Envs = slices.DeleteFunc(m.Envs, func(e Env) bool {
			return !fits(patterns, append([]string{m.AppID, e.ID}, e.groups...)...)
		})
		n += len(f.MiniPrograms[i].Envs)
	}
	f.MiniPrograms = slices.DeleteFunc(f.MiniPrograms, func(m MiniProgram) bool { return len(m.Envs) == 0 })
	return n
}
