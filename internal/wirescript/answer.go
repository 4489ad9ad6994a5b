package wirescript

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// answer is what the server said.
type answer struct {
	status int
	header http.Header
	length int64 // Content-Length, -1 where there was none
	body   []byte
	broken error // why it is not whole
}

// expectation is what an answer has to be.
type expectation struct {
	status  int
	headers []headerLine
	bodies  []bodyCheck
	json    *jsonPattern
	fails   *failure
	refused string // code of an upload's failure
	success bool   // an upload's
	broken  bool   // the answer breaks off
}

type headerLine struct {
	name  string
	value text // nil: absent
}

// bodyCheck is a "body is", "has", "lacks" or "empty" line.
type bodyCheck struct {
	how     string
	content text
}

// failure is a fails line (EN-4).
type failure struct {
	code   int
	text   string         // the code's own
	detail text           // nil: any or none, unless form is given
	form   *regexp.Regexp // between slashes
}

var (
	statusForm = regexp.MustCompile(`^([1-5][0-9][0-9])(?: (.*))?$`)
	headerForm = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9_-]*):(?: +(.*))?$`)
	bodyForm   = regexp.MustCompile(`^body (is|has|lacks|empty)(?: (.+))?$`)
)

// expectation reads one answer: what follows "=>" or "or" on its line, and the
// lines below.
func (p *caseParser) expectation(first line, s string, lines []line) (*expectation, error) {
	e := &expectation{status: http.StatusOK}
	if m := statusForm.FindStringSubmatch(s); m != nil {
		e.status, _ = strconv.Atoi(m[1])
		s = m[2]
	}
	kind, rest, _ := strings.Cut(s, " ")
	var err error
	switch {
	case kind == "fails":
		e.fails, err = p.failure(rest)
	case kind == "refused" && rest != "":
		e.refused = rest
	case s == "uploaded":
		e.success = true
	case s == "broken":
		e.broken = true
	default:
		if s != "" {
			lines = append([]line{{first.number, first.indent, s}}, lines...)
		}
		return e, p.checks(e, lines)
	}
	if err == nil && len(lines) > 0 {
		return nil, fault{lines[0].number, errors.New("more after the answer")}
	}
	return e, err
}

// checks reads the header and body lines of an answer; a JSON pattern or a
// fails line is last.
func (p *caseParser) checks(e *expectation, lines []line) error {
	for i, l := range lines {
		header, body := headerForm.FindStringSubmatch(l.text), bodyForm.FindStringSubmatch(l.text)
		var err error
		switch {
		case header != nil:
			check := headerLine{name: header[1]}
			if header[2] != "" {
				check.value, err = p.pattern(header[2])
			}
			e.headers = append(e.headers, check)
		case body != nil:
			check := bodyCheck{how: body[1]}
			check.content, err = p.quotable(body[2])
			if (check.how == "empty") != (body[2] == "") {
				err = fmt.Errorf("body %s of what", check.how)
			}
			e.bodies = append(e.bodies, check)
		case strings.HasPrefix(l.text, "fails ") && i == len(lines)-1:
			e.fails, err = p.failure(strings.TrimPrefix(l.text, "fails "))
		default:
			if e.json, err = parsePattern(joinLines(lines[i:])); err == nil {
				err = p.checkPattern(e.json)
			}
			if err != nil {
				return fault{l.number, err}
			}
			return nil
		}
		if err != nil {
			return fault{l.number, err}
		}
	}
	return nil
}

// quotable reads a text that may stand in quotes.
func (p *caseParser) quotable(s string) (text, error) {
	s, err := unquoted(s)
	if err != nil {
		return nil, err
	}
	return p.text(s)
}

// unquoted takes the quotes away, if there are any.
func unquoted(s string) (string, error) {
	if !strings.HasPrefix(s, `"`) {
		return s, nil
	}
	content, err := strconv.Unquote(s)
	if err != nil {
		return "", fmt.Errorf("no quoted text: %s", s)
	}
	return content, nil
}

func joinLines(lines []line) string {
	texts := make([]string, len(lines))
	for i, l := range lines {
		texts[i] = l.text
	}
	return strings.Join(texts, "\n")
}

// failure reads "CODE text[: detail]"; the text has to be the code's own.
func (p *caseParser) failure(s string) (*failure, error) {
	number, rest, _ := strings.Cut(s, " ")
	code, err := strconv.Atoi(number)
	if err != nil || codeTexts[code] == "" {
		return nil, fmt.Errorf("no errcode: %q", number)
	}
	f := &failure{code: code, text: textOf(code, rest)}
	detail, ok := strings.CutPrefix(rest, f.text)
	if !ok || f.text == "" || detail != "" && !strings.HasPrefix(detail, ": ") {
		return nil, fmt.Errorf("the text of %d is %q", code, codeTexts[code])
	}
	if detail == "" {
		return f, nil
	}
	detail = detail[2:]
	if len(detail) > 1 && detail[0] == '/' && strings.HasSuffix(detail, "/") {
		f.form, err = regexp.Compile(detail[1 : len(detail)-1])
		return f, err
	}
	f.detail, err = p.text(detail)
	return f, err
}

// check compares an answer with what is expected.
func (e *expectation) check(r *run, got *answer) error {
	if e.broken || got.broken != nil {
		if !e.broken {
			return got.broken
		}
		if got.broken == nil {
			return errors.New("a whole answer")
		}
		return nil
	}
	if got.status != e.status {
		return fmt.Errorf("HTTP %d, want %d", got.status, e.status)
	}
	for _, h := range e.headers {
		if err := h.check(r, got); err != nil {
			return err
		}
	}
	for _, b := range e.bodies {
		if err := b.check(r, string(got.body)); err != nil {
			return err
		}
	}
	if e.json == nil && e.fails == nil && e.refused == "" && !e.success {
		return nil
	}
	return e.checkJSON(r, got)
}

// checkJSON holds the answer to EN-2, and its value to the expectation.
func (e *expectation) checkJSON(r *run, got *answer) error {
	if kind := got.header.Get("Content-Type"); kind != "application/json; charset=utf-8" {
		return fmt.Errorf("Content-Type %q (EN-2)", kind)
	}
	if got.length != int64(len(got.body)) {
		return fmt.Errorf("Content-Length %d of %d bytes (EN-2)", got.length, len(got.body))
	}
	value, err := decode(got.body)
	if err != nil {
		return fmt.Errorf("no JSON object: %w", err)
	}
	r.learn(value)
	switch {
	case e.json != nil:
		return e.json.match(r, "answer", value)
	case e.fails != nil:
		return e.fails.check(r, value)
	default:
		return e.checkUpload(r, value)
	}
}

func (h headerLine) check(r *run, got *answer) error {
	values := got.header.Values(h.name)
	if h.value == nil {
		if len(values) > 0 {
			return fmt.Errorf("%s: %s, want none", h.name, r.redact(values[0]))
		}
		return nil
	}
	if len(values) != 1 {
		return fmt.Errorf("%d values of %s, want 1", len(values), h.name)
	}
	return in(h.name, h.value.match(r, values[0]))
}

func (b bodyCheck) check(r *run, got string) error {
	want, err := b.content.expand(r)
	if err != nil {
		return err
	}
	holds := false
	switch b.how {
	case "empty":
		holds = got == ""
	case "is":
		holds = got == want
	case "has":
		holds = strings.Contains(got, want)
	case "lacks":
		holds = !strings.Contains(got, want)
	}
	if !holds {
		return fmt.Errorf("body is %s, want: body %s %s", quote(r, got), b.how, quote(r, want))
	}
	return nil
}
