package wirescript

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// jsonPattern is what a JSON value has to be.
type jsonPattern struct {
	kind    byte // '{', '[', '"', or 0: a bare word or ${…}, compared with the compact text
	names   []string
	values  []*jsonPattern // members or elements
	more    bool           // ended by "...": others are admitted
	content text
}

// patternParser reads a pattern by descent; every literal of it is checked
// while the script is read, not while it is played.
type patternParser struct {
	s     string
	depth int
}

func parsePattern(s string) (*jsonPattern, error) {
	p := &patternParser{s: s}
	pattern, err := p.value()
	if err == nil {
		if p.space(); p.s != "" {
			err = fmt.Errorf("more after the pattern: %q", p.s)
		}
	}
	return pattern, err
}

func (p *patternParser) space() { p.s = strings.TrimLeft(p.s, " \t\r\n") }

// take consumes a mark if it comes next.
func (p *patternParser) take(mark string) bool {
	p.space()
	rest, ok := strings.CutPrefix(p.s, mark)
	p.s = rest
	return ok
}

func (p *patternParser) value() (*jsonPattern, error) {
	if p.depth++; p.depth > 100 {
		return nil, errors.New("pattern too deep")
	}
	defer func() { p.depth-- }()
	switch {
	case p.take("{"):
		return p.list('{', "}")
	case p.take("["):
		return p.list('[', "]")
	case p.take(`"`):
		content, err := p.quoted()
		return &jsonPattern{kind: '"', content: content}, err
	default:
		content, err := p.bare()
		return &jsonPattern{content: content}, err
	}
}

// list reads members or elements up to the closing mark.
func (p *patternParser) list(kind byte, end string) (*jsonPattern, error) {
	list := &jsonPattern{kind: kind}
	if p.take(end) {
		return list, nil
	}
	for {
		if p.take("...") {
			list.more = true
			if !p.take(end) {
				return nil, errors.New("... is not last")
			}
			return list, nil
		}
		if kind == '{' {
			name, err := p.memberName()
			if err != nil {
				return nil, err
			}
			list.names = append(list.names, name)
		}
		value, err := p.value()
		if err != nil {
			return nil, err
		}
		list.values = append(list.values, value)
		if p.take(end) {
			return list, nil
		}
		if !p.take(",") {
			return nil, fmt.Errorf("want , or %s before %q", end, p.s)
		}
	}
}

func (p *patternParser) memberName() (string, error) {
	if !p.take(`"`) {
		return "", fmt.Errorf("no member name: %q", p.s)
	}
	at := strings.IndexAny(p.s, `"\`)
	if at < 0 || p.s[at] != '"' {
		return "", errors.New("no end of a member name")
	}
	name := p.s[:at]
	p.s = p.s[at+1:]
	if !p.take(":") {
		return "", fmt.Errorf("no : after %q", name)
	}
	return name, nil
}

// quoted reads a string up to its closing quote: JSON escapes outside ${…},
// everything as it stands inside.
func (p *patternParser) quoted() (text, error) {
	var content text
	for i := 0; i < len(p.s); {
		switch {
		case p.s[i] == '\\' && i+1 < len(p.s):
			i += 2
			continue
		case p.s[i] == '"' || strings.HasPrefix(p.s[i:], "${"):
			var literal string
			if err := json.Unmarshal([]byte(`"`+p.s[:i]+`"`), &literal); err != nil {
				return nil, fmt.Errorf("no JSON string: %q", p.s[:i])
			}
			if literal != "" {
				content = append(content, part{literal: literal})
			}
			if p.s[i] == '"' {
				p.s = p.s[i+1:]
				return content, nil
			}
			size := refSize(p.s[i:])
			ref, err := parseText(p.s[i:i+size], true)
			if err != nil || size == 0 {
				return nil, fmt.Errorf("no value: %q: %v", p.s[i:], err)
			}
			content = append(content, ref...)
			p.s = p.s[i+size:]
			i = 0
		default:
			i++
		}
	}
	return nil, errors.New("no end of a string")
}

// bare reads a number, true, false, null or a ${…} that stands for any value.
func (p *patternParser) bare() (text, error) {
	size := 0
	if strings.HasPrefix(p.s, "${") {
		size = refSize(p.s)
	}
	if size == 0 {
		size = strings.IndexAny(p.s+",", ",]} \t\r\n")
		if !json.Valid([]byte(p.s[:size])) {
			return nil, fmt.Errorf("no JSON value: %q", p.s)
		}
	}
	content, err := parseText(p.s[:size], true)
	p.s = p.s[size:]
	return content, err
}

// match compares a decoded value with the pattern; at is where it stands.
func (p *jsonPattern) match(r *run, at string, got any) error {
	switch p.kind {
	case '{':
		members, ok := got.(map[string]any)
		if !ok {
			return fmt.Errorf("%s: no object", at)
		}
		return p.matchMembers(r, at, members)
	case '[':
		elements, ok := got.([]any)
		if !ok {
			return fmt.Errorf("%s: no array", at)
		}
		return p.matchElements(r, at, elements)
	case '"':
		s, ok := got.(string)
		if !ok {
			return fmt.Errorf("%s: no string", at)
		}
		return in(at, p.content.match(r, s))
	default:
		return in(at, p.content.match(r, compact(got)))
	}
}

func (p *jsonPattern) matchMembers(r *run, at string, got map[string]any) error {
	for i, name := range p.names {
		value, ok := got[name]
		if !ok {
			return fmt.Errorf("%s: no member %q", at, name)
		}
		if err := p.values[i].match(r, at+"."+name, value); err != nil {
			return err
		}
	}
	if !p.more && len(got) != len(p.names) {
		return fmt.Errorf("%s: %d members, want %d", at, len(got), len(p.names))
	}
	return nil
}

func (p *jsonPattern) matchElements(r *run, at string, got []any) error {
	if len(got) < len(p.values) || !p.more && len(got) != len(p.values) {
		return fmt.Errorf("%s: %d elements, want %d", at, len(got), len(p.values))
	}
	for i, want := range p.values {
		if err := want.match(r, fmt.Sprintf("%s[%d]", at, i), got[i]); err != nil {
			return err
		}
	}
	return nil
}

func in(at string, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", at, err)
	}
	return nil
}

// compact is a value as JSON without white space, characters as themselves.
func compact(value any) string {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return err.Error()
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// decode reads one JSON value and nothing else. Numbers stay as written; a
// member that comes twice is a fault.
func decode(data []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	value, err := decodeValue(d)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("more after the JSON value")
	}
	return value, nil
}

func decodeValue(d *json.Decoder) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		members := map[string]any{}
		for d.More() {
			name, err := d.Token()
			if err != nil {
				return nil, err
			}
			if _, twice := members[name.(string)]; twice {
				return nil, fmt.Errorf("member %q comes twice", name)
			}
			if members[name.(string)], err = decodeValue(d); err != nil {
				return nil, err
			}
		}
		_, err = d.Token()
		return members, err
	case json.Delim('['):
		elements := []any{}
		for d.More() {
			value, err := decodeValue(d)
			if err != nil {
				return nil, err
			}
			elements = append(elements, value)
		}
		_, err = d.Token()
		return elements, err
	}
	return token, nil
}
