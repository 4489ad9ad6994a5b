package wirescript

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// eachStep does the step below it with each of some values.
type eachStep struct {
	name    string
	values  []text
	altered text // in their place: every alteration of this
	step    step
}

var eachForm = regexp.MustCompile(`^([a-z][a-z0-9]*) in(?: (.*))?$`)

// parseEach reads "NAME in VALUES" with the values on the line or below it, and
// the step that follows.
func parseEach(p *caseParser, first line, rest string) (step, error) {
	m := eachForm.FindStringSubmatch(rest)
	if m == nil {
		return nil, errors.New("want: each NAME in VALUES")
	}
	s := &eachStep{name: m[1]}
	err := s.readValues(p, first, m[2])
	if err == nil {
		err = p.make(s.name)
	}
	if err != nil {
		return nil, err
	}
	if len(p.lines) == 0 || p.lines[0].text == "" || strings.HasPrefix(p.lines[0].text, "each ") {
		return nil, errors.New("no step below each")
	}
	if s.step, err = p.step(); err != nil || len(p.lines) == 0 || !p.lines[0].isSaw() {
		return s, err
	}
	saw, err := p.step() // of each request
	request := s.step
	s.step = act(func(r *run) error {
		if err := request.play(r); err != nil {
			return err
		}
		return saw.play(r)
	})
	return s, err
}

func (s *eachStep) readValues(p *caseParser, first line, list string) error {
	if altered, ok := strings.CutPrefix(list, "altered "); ok {
		var err error
		s.altered, err = p.text(altered)
		return err
	}
	values := strings.Split(list, " | ")
	if list == "" {
		values = nil
		for _, l := range p.block(first) {
			values = append(values, l.text)
		}
	}
	for _, value := range values {
		t, err := p.quotable(value)
		if err != nil {
			return err
		}
		s.values = append(s.values, t)
	}
	if len(values) == 0 {
		return errors.New("each of nothing")
	}
	return nil
}

func (s *eachStep) play(r *run) error {
	values, err := s.expand(r)
	if err != nil {
		return err
	}
	for _, value := range values {
		r.vars[s.name] = value
		if err := s.step.play(r); err != nil {
			return fmt.Errorf("with %s %s: %w", s.name, quote(r, value), err)
		}
	}
	return nil
}

func (s *eachStep) expand(r *run) ([]string, error) {
	if s.altered != nil {
		value, err := s.altered.expand(r)
		return alterations(value), err
	}
	values := make([]string, len(s.values))
	for i, t := range s.values {
		var err error
		if values[i], err = t.expand(r); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// alphabet is in the order of base64url: the next letter differs in the lowest
// bit, which a decoder that forgives padding bits overlooks in the last one.
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// alterations are a value with each of its characters changed, with one more,
// and cut short by one.
func alterations(value string) []string {
	var altered []string
	for i := range len(value) {
		letter := byte('A')
		if at := strings.IndexByte(alphabet, value[i]); at >= 0 {
			letter = alphabet[at^1]
		}
		altered = append(altered, value[:i]+string(letter)+value[i+1:])
	}
	return append(altered, value+"A", value[:max(len(value)-1, 0)])
}
