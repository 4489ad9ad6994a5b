package wirescript

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// requestStep is a paragraph: a request and its answers.
type requestStep struct {
	method  string
	target  text
	raw     bool // sent byte for byte, as quoted
	headers []headerLine
	signed  text           // CRLF-joined lines of a headers line
	body    text           // nil: no body
	answers []*expectation // any of them will do
}

var (
	requestForm = regexp.MustCompile(`^([A-Z]{2,10}) (\S.*)$`)
	signedForm  = regexp.MustCompile(`^headers (\$\{[^}]*\})$`)
)

// request reads a paragraph that is a request with its answers.
func (p *caseParser) request() (step, error) {
	s := &requestStep{}
	lines := p.paragraph()
	m := requestForm.FindStringSubmatch(lines[0].text)
	if m == nil {
		return nil, fault{lines[0].number, fmt.Errorf("no step: %q", lines[0].text)}
	}
	s.method = m[1]
	target, err := p.quotable(m[2])
	if err != nil {
		return nil, fault{lines[0].number, err}
	}
	s.target, s.raw = target, m[2][0] == '"'
	rest, err := p.head(s, lines[1:])
	if err != nil {
		return nil, err
	}
	s.answers, err = p.answers(lines[0], rest)
	if err == nil && s.raw && s.signed != nil {
		err = errors.New("a quoted target goes with headers and a body only")
	}
	return s, err
}

// head reads header lines and body up to the answer; it returns the lines from
// there on.
func (p *caseParser) head(s *requestStep, lines []line) ([]line, error) {
	for len(lines) > 0 {
		header, signed := headerForm.FindStringSubmatch(lines[0].text), signedForm.FindStringSubmatch(lines[0].text)
		var err error
		switch {
		case header != nil:
			var value text
			value, err = p.text(header[2])
			s.headers = append(s.headers, headerLine{header[1], value})
		case signed != nil:
			s.signed, err = p.text(signed[1])
		default:
			return p.requestBody(s, lines)
		}
		if err != nil {
			return nil, fault{lines[0].number, err}
		}
		lines = lines[1:]
	}
	return nil, nil
}

func (p *caseParser) requestBody(s *requestStep, lines []line) ([]line, error) {
	size := 0
	for size < len(lines) && !strings.HasPrefix(lines[size].text, "=>") {
		size++
	}
	if size == 0 {
		return lines, nil
	}
	body := joinLines(lines[:size])
	var err error
	if quoted, ok := strings.CutPrefix(body, "body "); ok {
		s.body, err = p.quotable(quoted)
	} else {
		s.body, err = p.text(body)
	}
	if err != nil {
		return nil, fault{lines[0].number, err}
	}
	return lines[size:], nil
}

// answers reads "=>" and every "or".
func (p *caseParser) answers(first line, lines []line) ([]*expectation, error) {
	p.made["rid"], p.made["message"] = true, true
	var answers []*expectation
	for mark := "=>"; len(lines) > 0; mark = "or" {
		s, ok := strings.CutPrefix(lines[0].text, mark+" ")
		if !ok {
			return nil, fault{lines[0].number, fmt.Errorf("no answer after %s", mark)}
		}
		size := 1
		for size < len(lines) && !strings.HasPrefix(lines[size].text, "or ") {
			size++
		}
		e, err := p.expectation(lines[0], s, lines[1:size])
		if err != nil {
			if _, placed := errors.AsType[fault](err); placed {
				return nil, err
			}
			return nil, fault{lines[0].number, err}
		}
		answers, lines = append(answers, e), lines[size:]
	}
	if len(answers) == 0 {
		return nil, fault{first.number, errors.New("a request without an answer")}
	}
	return answers, nil
}

// play sends the request and checks the answer.
func (s *requestStep) play(r *run) error {
	got, err := s.send(r)
	if err != nil {
		return err
	}
	return s.check(r, got)
}

// check holds an answer against the expectations; the first that fits counts.
func (s *requestStep) check(r *run, got *answer) error {
	var first error
	for _, e := range s.answers {
		err := e.check(r, got)
		if err == nil {
			return nil
		}
		if first == nil {
			first = err
		}
	}
	return fmt.Errorf("%w\n\tanswer: HTTP %d %s", first, got.status, quote(r, string(got.body)))
}
