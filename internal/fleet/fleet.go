package fleet

import (
	"fmt"
	"path"
	"slices"
	"strings"
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

// expand applies the rules to every environment.
func (f *file) expand() (*Fleet, error) {
	fleet, at := &Fleet{Profile: f.profile}, map[string]int{}
	for _, m := range f.members {
		i, known := at[m.appid]
		if !known {
			i = len(fleet.MiniPrograms)
			at[m.appid], fleet.MiniPrograms = i, append(fleet.MiniPrograms, MiniProgram{AppID: m.appid})
		}
		for _, id := range m.envs {
			fleet.MiniPrograms[i].Envs = append(fleet.MiniPrograms[i].Envs, f.wanted(m, id))
		}
	}
	for _, m := range fleet.MiniPrograms {
		if err := m.oneSwitch(); err != nil {
			return nil, err
		}
	}
	return fleet, nil
}

// wanted returns what the rules want of an environment.
func (f *file) wanted(m member, id string) Env {
	e, functions := Env{ID: id, groups: m.groups}, map[string]*Code{}
	for _, r := range f.rules {
		if !fits(r.appids, m.appid) || !fits(r.envs, id) || !fits(r.groups, m.groups...) {
			continue
		}
		if r.open != nil {
			e.Open = r.open
		}
		if r.allow != nil {
			e.Allow = r.allow
		}
		for name, code := range r.functions {
			functions[name] = code
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
			return fmt.Errorf("%s has one switch for all its environments, and the rules want it open for one of %s and %s "+
				"and closed for the other", m.AppID, first.ID, e.ID)
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
