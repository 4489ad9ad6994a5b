package journal

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// maxInstead is how many kinds of other calls are told.
const maxInstead = 10

// kind is a kind of calls that a filter did not choose.
type kind struct {
	missed    int // bits of what did not fit
	iface     string
	differing string // what the calls have in place of what did not fit
}

// kindCount is how many calls there were of a kind, and what they asked for.
type kindCount struct {
	kind
	calls   int
	last    int64
	actions []string
}

// Instead returns what came that a filter did not choose, a line for each kind of
// calls, nearest first: "2 calls of usecloudaccesstoken, both get: errcode 0
// instead of 40097".
func (j *Journal) Instead(f Filter) []string {
	counts := map[kind]*kindCount{}
	for _, e := range j.Find(Filter{Since: f.Since}, 0, MaxEntries) {
		missed := f.missed(e)
		if missed == 0 {
			continue
		}
		k := kind{missed, e.Interface, f.differing(e, missed)}
		c := counts[k]
		if c == nil {
			c = &kindCount{kind: k}
			counts[k] = c
		}
		c.calls, c.last = c.calls+1, e.Seq
		if !slices.Contains(c.actions, e.Action) {
			c.actions = append(c.actions, e.Action)
		}
	}
	var all []*kindCount
	for _, c := range counts {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b *kindCount) int {
		return cmp.Or(cmp.Compare(a.missed, b.missed), cmp.Compare(b.last, a.last))
	})
	var lines []string
	for _, c := range all[:min(len(all), maxInstead)] {
		lines = append(lines, c.String())
	}
	return lines
}

// String writes a line for a person.
func (c *kindCount) String() string {
	noun, each := "calls", "all "
	switch {
	case c.iface == "push" && c.calls == 1:
		noun = "push"
	case c.iface == "push":
		noun = "pushes"
	case c.calls == 1:
		noun = "call"
	}
	text := strconv.Itoa(c.calls) + " " + noun
	if c.iface != "push" {
		text += " of " + c.iface
	}
	switch c.calls {
	case 1:
		each = ""
	case 2:
		each = "both "
	}
	if len(c.actions) == 1 && c.actions[0] != "" {
		text += ", " + each + c.actions[0]
	}
	if c.differing != "" {
		text += ": " + c.differing
	}
	return text
}

// differing says what an entry has in place of what did not fit.
func (f *Filter) differing(e *Entry, missed int) string {
	var parts []string
	add := func(bit int, name, is, want string) {
		if missed&bit != 0 {
			parts = append(parts, fmt.Sprintf("%s %s instead of %s", name, cmp.Or(is, "none"), want))
		}
	}
	add(missPath, "path", e.Path, f.Path)
	add(missPlatform, "platform", e.Platform, f.Platform)
	add(missAppID, "appid", e.AppID, f.AppID)
	add(missEnv, "env", e.Env, f.Env)
	add(missFunction, "function", e.Function, f.Function)
	if missed&missErrCode != 0 {
		is := "none"
		if e.ErrCode != nil {
			is = strconv.Itoa(*e.ErrCode)
		}
		parts = append(parts, fmt.Sprintf("errcode %s instead of %d", is, *f.ErrCode))
	}
	if missed&missText != 0 {
		parts = append(parts, fmt.Sprintf("without the text %q", f.Text))
	}
	return strings.Join(parts, ", ")
}
