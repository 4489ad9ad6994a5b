package wirescript

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// text is a line of a script with its ${…} taken apart.
type text []part

// part is a literal, a value to put in, or something to match and keep.
type part struct {
	literal string
	ref     []string // the words of ${…}; for a capture its name, if it has one
	plus    int      // of ${v+2}
	pattern string   // of ${name:regexp}; not empty for captures only
}

var (
	nameForm = regexp.MustCompile(`^[a-z][a-z0-9]*$`)
	sumForm  = regexp.MustCompile(`^([a-z][a-z0-9]*)([+-][0-9]{1,9})$`)
)

// parseText takes a line apart. Captures are refused unless the line is matched
// against an answer.
func parseText(s string, captures bool) (text, error) {
	var t text
	for s != "" {
		at := strings.Index(s, "${")
		if at < 0 {
			return append(t, part{literal: s}), nil
		}
		if at > 0 {
			t = append(t, part{literal: s[:at]})
		}
		size := refSize(s[at:])
		if size == 0 {
			return nil, fmt.Errorf("no end of %q", s[at:])
		}
		p, err := parseRef(s[at+2 : at+size-1])
		if err != nil {
			return nil, err
		}
		if p.pattern != "" && !captures {
			return nil, fmt.Errorf("a pattern outside an answer: %s", s[at:at+size])
		}
		t, s = append(t, p), s[at+size:]
	}
	return t, nil
}

// refSize is the length of the ${…} that s begins with, 0 where it has no end.
// Braces inside (a regexp's {64}) pair up; a backslash takes one away.
func refSize(s string) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return 0
}

func parseRef(s string) (part, error) {
	if name, pattern, ok := strings.Cut(s, ":"); ok {
		if _, err := regexp.Compile(pattern); err != nil || pattern == "" {
			return part{}, fmt.Errorf("no regexp: %q", pattern)
		}
		if name == "" {
			return part{pattern: pattern}, nil
		}
		if !nameForm.MatchString(name) {
			return part{}, fmt.Errorf("no name: %q", name)
		}
		return part{ref: []string{name}, pattern: pattern}, nil
	}
	if m := sumForm.FindStringSubmatch(s); m != nil {
		plus, err := strconv.Atoi(m[2])
		return part{ref: []string{m[1]}, plus: plus}, err
	}
	words := strings.Fields(s)
	if len(words) == 0 || len(words) > 1 && functions[words[0]] != len(words)-1 {
		return part{}, fmt.Errorf("no value: ${%s}", s)
	}
	for _, word := range words {
		if !nameForm.MatchString(word) {
			return part{}, fmt.Errorf("no name: %q", word)
		}
	}
	return part{ref: words}, nil
}

// functions are the first words of ${…} with their number of arguments.
var functions = map[string]int{
	"secret": 1, "refresh": 2, "ticket": 1, "component": 1, "token": 2, "cloudbase": 1, "base64": 1, "sha256": 1,
}

// captures reports whether the text keeps or matches anything open.
func (t text) captures() bool {
	for _, p := range t {
		if p.pattern != "" {
			return true
		}
	}
	return false
}

// expand puts the values in.
func (t text) expand(r *run) (string, error) {
	var b strings.Builder
	for _, p := range t {
		if p.ref == nil {
			b.WriteString(p.literal)
			continue
		}
		value, err := r.moved(p)
		if err != nil {
			return "", err
		}
		b.WriteString(value)
	}
	return b.String(), nil
}

// match compares the whole of got with the text, and keeps what it captures.
func (t text) match(r *run, got string) error {
	if !t.captures() {
		want, err := t.expand(r)
		if err == nil && want != got {
			err = fmt.Errorf("got %s, want %s", quote(r, got), quote(r, want))
		}
		return err
	}
	form, err := t.regexp(r)
	if err != nil {
		return err
	}
	found := form.FindStringSubmatch(got)
	if found == nil {
		return fmt.Errorf("got %s, want %s", quote(r, got), r.redact(form.String()))
	}
	for i, p := range t {
		if p.pattern != "" && p.ref != nil {
			r.vars[p.ref[0]] = found[form.SubexpIndex(fmt.Sprintf("part%d", i))]
		}
	}
	return nil
}

func (t text) regexp(r *run) (*regexp.Regexp, error) {
	var b strings.Builder
	b.WriteString(`\A`)
	for i, p := range t {
		if p.pattern != "" {
			fmt.Fprintf(&b, `(?P<part%d>%s)`, i, p.pattern)
			continue
		}
		value, err := text{p}.expand(r)
		if err != nil {
			return nil, err
		}
		b.WriteString(regexp.QuoteMeta(value))
	}
	return regexp.Compile(b.String() + `\z`)
}

// quote shows a value in an error, short and without secrets.
func quote(r *run, s string) string {
	s = r.redact(s)
	if len(s) > 400 {
		return fmt.Sprintf("%.200q… (%d bytes)", s, len(s))
	}
	return strconv.Quote(s)
}
