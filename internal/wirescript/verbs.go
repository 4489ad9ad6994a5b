package wirescript

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// verbs parse the steps that begin with a word of their own.
var verbs = map[string]func(p *caseParser, first line, rest string) (step, error){
	"fresh": parseFresh, "let": parseLet, "login": parseLogin, "operator": parseOperator, "clock": parseClock,
	"restart": parseRestart, "peek": parsePeek, "sign": parseSign, "upload": parseUpload, "check": parseCheck,
	"upstream": parseUpstream,
}

// act is a step that is a function.
type act func(*run) error

func (a act) play(r *run) error { return a(r) }

func parseFresh(p *caseParser, _ line, rest string) (step, error) {
	p.c.require("operator")
	if rest != "" {
		return nil, errors.New("more after fresh")
	}
	return act(func(*run) error { return nil }), nil
}

var letForm = regexp.MustCompile(`^([a-z][a-z0-9]*) = (\S.*)$`)

// parseLet reads "NAME = VALUE".
func parseLet(p *caseParser, _ line, rest string) (step, error) {
	m := letForm.FindStringSubmatch(rest)
	if m == nil {
		return nil, errors.New("want: let NAME = VALUE")
	}
	value, err := p.letValue(m[2])
	if err != nil {
		return nil, err
	}
	return act(func(r *run) error {
		s, err := value(r)
		r.vars[m[1]] = s
		return err
	}), p.make(m[1])
}

var repeatForm = regexp.MustCompile(`^repeat ([0-9]{1,8}) (".*")$`)

// letValue reads what a let stands for.
func (p *caseParser) letValue(s string) (func(*run) (string, error), error) {
	if name, ok := strings.CutPrefix(s, "zip:"); ok {
		if zips[name] == nil {
			return nil, fmt.Errorf("no zip:%s", name)
		}
		return func(*run) (string, error) { return string(zips[name]()), nil }, nil
	}
	if m := repeatForm.FindStringSubmatch(s); m != nil {
		return p.repetition(m[1], m[2])
	}
	t, err := p.quotable(s)
	return t.expand, err
}

// repetition reads the same text many times.
func (p *caseParser) repetition(count, quoted string) (func(*run) (string, error), error) {
	n, _ := strconv.Atoi(count)
	unit, err := p.quotable(quoted)
	if n*len(quoted) > answerLimit {
		err = errors.New("repeat: too much")
	}
	return func(r *run) (string, error) {
		s, err := unit.expand(r)
		return strings.Repeat(s, n), err
	}, err
}

var checkForm = regexp.MustCompile(`^(\$\{[^}]*\}) is (not )?(\S.*)$`)

// parseCheck reads "VALUE is [not] PATTERN".
func parseCheck(p *caseParser, _ line, rest string) (step, error) {
	m := checkForm.FindStringSubmatch(rest)
	if m == nil {
		return nil, errors.New("want: check VALUE is [not] PATTERN")
	}
	value, err := p.text(m[1])
	if err != nil {
		return nil, err
	}
	pattern, err := p.pattern(m[3])
	return act(func(r *run) error {
		got, err := value.expand(r)
		if err != nil {
			return err
		}
		err = pattern.match(r, got)
		if m[2] == "" {
			return err
		}
		if err == nil {
			return fmt.Errorf("got %s, want another", quote(r, got))
		}
		return nil
	}), err
}

// parseLogin reads "login c1 a1 18,49".
func parseLogin(p *caseParser, _ line, rest string) (step, error) {
	words := strings.Fields(rest)
	if len(words) != 3 || !p.world[words[0]] || !p.world[words[1]] {
		return nil, errors.New("want: login c1 a1 SETS")
	}
	sets, err := parseSets(words[2])
	p.c.require("operator")
	return act(func(r *run) error { return r.login(words[0], words[1], sets) }), err
}

func parseSets(s string) ([]int, error) {
	var sets []int
	for word := range strings.SplitSeq(s, ",") {
		set, err := strconv.Atoi(word)
		if err != nil {
			return nil, fmt.Errorf("no permission set: %q", word)
		}
		sets = append(sets, set)
	}
	return sets, nil
}

func parseClock(p *caseParser, _ line, rest string) (step, error) {
	d, err := time.ParseDuration(strings.TrimPrefix(rest, "+"))
	if err != nil || d <= 0 || !strings.HasPrefix(rest, "+") {
		return nil, errors.New("want: clock +DURATION")
	}
	p.c.require("clock")
	return act(func(r *run) error {
		r.p.moved += d
		return r.p.target.Clock(d)
	}), nil
}

func parseRestart(p *caseParser, _ line, rest string) (step, error) {
	if rest != "" {
		return nil, errors.New("more after restart")
	}
	p.c.require("restart")
	return act((*run).restart), nil
}

var peekForm = regexp.MustCompile(`^(stored|log|metrics|audit) (has|lacks) (\S.*)$`)

// parsePeek reads "PLACE has|lacks VALUE" and "PLACE lacks secrets".
func parsePeek(p *caseParser, _ line, rest string) (step, error) {
	m := peekForm.FindStringSubmatch(rest)
	if m == nil {
		return nil, errors.New("want: peek stored|log|metrics|audit has|lacks VALUE")
	}
	p.c.require("peek " + m[1])
	value, err := p.quotable(m[3])
	return act(func(r *run) error {
		data, err := r.p.target.Peek[m[1]]()
		if err != nil {
			return err
		}
		if m[2] == "lacks" && m[3] == "secrets" {
			return r.lacksSecrets(m[1], string(data))
		}
		want, err := value.expand(r)
		if err == nil && holds(string(data), want) != (m[2] == "has") {
			err = fmt.Errorf("want: %s %s %s", m[1], m[2], quote(r, want))
		}
		return err
	}), err
}

func (r *run) lacksSecrets(place, data string) error {
	for secret, kind := range r.secrets {
		if holds(data, secret) {
			return fmt.Errorf("the %s shows a %s", place, kind)
		}
	}
	return nil
}

// holds reports whether data shows a value: as it is, in hex, in base64, or the
// bytes whose base64 it is.
func holds(data, value string) bool {
	forms := []string{value, hex.EncodeToString([]byte(value)), base64.StdEncoding.EncodeToString([]byte(value))}
	if raw, err := base64.StdEncoding.DecodeString(value); err == nil && len(raw) >= 16 {
		forms = append(forms, string(raw), hex.EncodeToString(raw))
	}
	for _, form := range forms {
		if strings.Contains(data, form) {
			return true
		}
	}
	return false
}
