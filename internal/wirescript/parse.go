package wirescript

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"
)

// line is one line of a script: its number, how far it is indented, the rest.
type line struct {
	number int
	indent int
	text   string
}

// fault is an error at a line.
type fault struct {
	number int
	err    error
}

func (f fault) Error() string { return f.err.Error() }

// parse reads a script. Its errors begin with file and line.
func parse(file, data string) (Script, error) {
	script := Script{Name: strings.TrimSuffix(path.Base(file), ".txt"), names: map[string]bool{}}
	lines, err := split(data)
	if err == nil {
		err = script.read(lines)
	}
	if err == nil {
		return script, nil
	}
	number := 1
	if at, ok := errors.AsType[fault](err); ok {
		number = at.number
	}
	return script, fmt.Errorf("%s:%d: %w", file, number, err)
}

// split cuts a script into lines without comments; blank lines stay, since
// they end a paragraph.
func split(data string) ([]line, error) {
	var lines []line
	for i, s := range strings.Split(data, "\n") {
		if strings.ContainsAny(s, "\t\r") {
			return nil, fault{i + 1, errors.New("a tab or carriage return: write it as \\t, \\r in quotes")}
		}
		body := strings.TrimLeft(s, " ")
		if strings.HasPrefix(body, "#") {
			continue
		}
		lines = append(lines, line{i + 1, len(s) - len(body), strings.TrimRight(body, " ")})
	}
	return lines, nil
}

// heading is the first line of a case: clause ids, two spaces, a title.
var heading = regexp.MustCompile(`^((?:[A-Z]{2}-[0-9]+ )+) (\S.*)$`)

// read takes the world and the cases from the lines.
func (s *Script) read(lines []line) error {
	for len(lines) > 0 {
		first := lines[0]
		size := 1
		for size < len(lines) && (lines[size].text == "" || lines[size].indent > 0) {
			size++
		}
		block := lines[1:size]
		lines = lines[size:]
		match := heading.FindStringSubmatch(first.text)
		switch {
		case first.text == "" && len(block) == 0:
		case first.indent > 0:
			return fault{first.number, errors.New("indented under nothing")}
		case first.text == "world" && len(s.Cases) == 0:
			if err := s.readWorld(first, block); err != nil {
				return err
			}
		case match != nil:
			c := Case{
				Script: s.Name, Line: first.number, Clauses: strings.Fields(match[1]), Title: match[2],
				Reads: onlyReads(block),
			}
			p := caseParser{c: &c, world: s.names, made: map[string]bool{"scheme": true}}
			if err := p.read(block); err != nil {
				return err
			}
			s.Cases = append(s.Cases, c)
		case first.text != "":
			return fault{first.number, fmt.Errorf("neither a world nor a heading: %q", first.text)}
		}
	}
	return nil
}

// readWorld keeps the world's text and the names in it.
func (s *Script) readWorld(first line, block []line) error {
	world, err := parseText(unindent(block), false)
	if err != nil {
		return fault{first.number, err}
	}
	for _, p := range world {
		if p.ref != nil {
			s.names[strings.Join(p.ref, " ")] = true
		}
	}
	s.world = world
	return nil
}

// unindent joins lines, the smallest indent taken away.
func unindent(block []line) string {
	least := 1 << 20
	for _, l := range block {
		if l.text != "" {
			least = min(least, l.indent)
		}
	}
	var b strings.Builder
	for _, l := range block {
		if l.text != "" {
			b.WriteString(strings.Repeat(" ", l.indent-least) + l.text)
		}
		b.WriteByte('\n')
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// caseParser reads the steps of one case. It knows which names exist, so that
// a misspelt one is told at its line.
type caseParser struct {
	c     *Case
	world map[string]bool
	made  map[string]bool
	lines []line // not yet read
}

func (p *caseParser) read(block []line) error {
	p.lines = block
	for len(p.lines) > 0 {
		if p.lines[0].text == "" {
			p.lines = p.lines[1:]
			continue
		}
		first := p.lines[0]
		s, err := p.step()
		if err != nil {
			if _, placed := errors.AsType[fault](err); placed {
				return err
			}
			return fault{first.number, err}
		}
		p.c.steps = append(p.c.steps, placed{first.number, s})
	}
	if len(p.c.steps) == 0 {
		return fault{p.c.Line, errors.New("a case without steps")}
	}
	return nil
}

// step reads the next step: one of a line, or a paragraph with an answer.
func (p *caseParser) step() (step, error) {
	verb, rest, _ := strings.Cut(p.lines[0].text, " ")
	if verb == "each" {
		first := p.lines[0]
		p.lines = p.lines[1:]
		return parseEach(p, first, rest)
	}
	if parse, ok := verbs[verb]; ok {
		first := p.lines[0]
		p.lines = p.lines[1:]
		return parse(p, first, rest)
	}
	return p.request()
}

// block takes the lines that are indented deeper than first.
func (p *caseParser) block(first line) []line {
	size := 0
	for size < len(p.lines) && p.lines[size].indent > first.indent {
		size++
	}
	block := p.lines[:size]
	p.lines = p.lines[size:]
	return block
}

// paragraph takes the lines up to the next blank one, or up to what the
// upstream saw.
func (p *caseParser) paragraph() []line {
	size := 0
	for size < len(p.lines) && p.lines[size].text != "" && !p.lines[size].isSaw() {
		size++
	}
	lines := p.lines[:size]
	p.lines = p.lines[size:]
	return lines
}

// text parses a text whose values have to exist.
func (p *caseParser) text(s string) (text, error) {
	t, err := parseText(s, false)
	if err != nil {
		return nil, err
	}
	return t, p.check(t)
}

// pattern parses a text of an answer; what it captures exists from here on.
func (p *caseParser) pattern(s string) (text, error) {
	t, err := parseText(s, true)
	if err != nil {
		return nil, err
	}
	return t, p.check(t)
}

// check finds every value of the text in the case or the world, and makes what
// the text captures.
func (p *caseParser) check(t text) error {
	for _, part := range t {
		switch {
		case part.pattern != "" && part.ref != nil:
			if p.world[part.ref[0]] {
				return fmt.Errorf("${%s} is a name of the world", part.ref[0])
			}
			p.made[part.ref[0]] = true
		case part.ref != nil:
			if err := p.find(part.ref); err != nil {
				return err
			}
		}
	}
	return nil
}

// find reports whether a value exists, and notes what it needs of the target.
func (p *caseParser) find(ref []string) error {
	name := strings.Join(ref, " ")
	switch {
	case len(ref) == 1 && p.made[name]:
		return nil
	case p.world[name]:
		p.c.use(name)
		return nil
	}
	switch ref[0] {
	case "ticket", "component", "token", "cloudbase":
		for _, arg := range ref[1:] {
			if !p.world[arg] {
				return fmt.Errorf("the world has no ${%s}", arg)
			}
		}
		p.c.use(name)
		return nil
	case "base64", "sha256":
		if len(ref) == 2 {
			return p.find(ref[1:])
		}
	}
	return fmt.Errorf("no value ${%s} in the case or the world", name)
}

// checkPattern is check for every text of a JSON pattern.
func (p *caseParser) checkPattern(pattern *jsonPattern) error {
	if err := p.check(pattern.content); err != nil {
		return err
	}
	for _, value := range pattern.values {
		if err := p.checkPattern(value); err != nil {
			return err
		}
	}
	return nil
}

// make notes that a step makes a value of that name.
func (p *caseParser) make(name string) error {
	if !nameForm.MatchString(name) || functions[name] > 0 {
		return fmt.Errorf("no name: %q", name)
	}
	if p.world[name] {
		return fmt.Errorf("${%s} is a name of the world", name)
	}
	p.made[name] = true
	return nil
}

// placed is a step with its line, for errors.
type placed struct {
	number int
	step   step
}

func (s placed) play(r *run) error {
	if err := s.step.play(r); err != nil {
		return fmt.Errorf("%s.txt:%d: %w", r.c.Script, s.number, err)
	}
	return nil
}
