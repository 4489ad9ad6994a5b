package wirescript

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// isSaw tells the step that belongs to the request above it.
func (l line) isSaw() bool { return strings.HasPrefix(l.text, "upstream saw ") }

// parseUpstream reads what the upstream answers, what it saw, how it is.
func parseUpstream(p *caseParser, first line, rest string) (step, error) {
	p.c.require("upstream")
	how, rest, _ := strings.Cut(rest, " ")
	switch {
	case how == "answers":
		return p.upstreamAnswers(first, rest)
	case how == "saw" && rest == "nothing":
		return act((*run).sawNothing), nil
	case how == "saw":
		return p.upstreamSaw(first, rest)
	case rest != "":
	case how == "up":
		return act(func(r *run) error { return r.p.target.Upstream.up() }), nil
	case how == "down":
		return act(func(r *run) error { return r.p.target.Upstream.down() }), nil
	}
	return nil, errors.New("want: upstream answers|saw|up|down …")
}

// upstreamAnswers reads "STATUS [broken] [BODY]" and header lines.
func (p *caseParser) upstreamAnswers(first line, rest string) (step, error) {
	m := statusForm.FindStringSubmatch(rest)
	if m == nil {
		return nil, errors.New("want: upstream answers STATUS BODY")
	}
	reply := upstreamReply{}
	reply.status, _ = strconv.Atoi(m[1])
	rest, reply.broken = strings.CutPrefix(m[2], "broken ")
	body, err := p.quotable(rest)
	if err != nil {
		return nil, err
	}
	var headers []headerLine
	for _, l := range p.block(first) {
		m := headerForm.FindStringSubmatch(l.text)
		if m == nil {
			return nil, fault{l.number, errors.New("no header")}
		}
		value, err := p.text(m[2])
		if err != nil {
			return nil, fault{l.number, err}
		}
		headers = append(headers, headerLine{m[1], value})
	}
	return act(func(r *run) (err error) {
		reply := reply
		reply.header = http.Header{}
		for _, h := range headers {
			value, err := h.value.expand(r)
			if err != nil {
				return err
			}
			reply.header.Add(h.name, value)
		}
		reply.body, err = body.expand(r)
		r.p.target.Upstream.answer(reply)
		return err
	}), nil
}

// upstreamSaw reads "METHOD TARGET" and lines as below an answer.
func (p *caseParser) upstreamSaw(first line, rest string) (step, error) {
	m := requestForm.FindStringSubmatch(rest)
	if m == nil {
		return nil, errors.New("want: upstream saw METHOD TARGET, or nothing")
	}
	plain, err := unquoted(m[2])
	if err != nil {
		return nil, err
	}
	target, err := p.pattern(plain)
	if err != nil {
		return nil, err
	}
	e := &expectation{status: http.StatusOK}
	if err := p.checks(e, p.block(first)); err != nil {
		return nil, err
	}
	if e.json != nil || e.fails != nil {
		return nil, errors.New("a request has headers and a body: body is …")
	}
	return act(func(r *run) error { return r.saw(m[1], target, e) }), nil
}

// saw looks at the one request since the last look. No request that is
// forwarded shows a secret, the token above all (CC-1).
func (r *run) saw(method string, target text, e *expectation) error {
	saw := r.p.target.Upstream.look()
	if len(saw) != 1 {
		return fmt.Errorf("the upstream saw %d requests, want 1", len(saw))
	}
	if saw[0].method != method {
		return fmt.Errorf("the upstream saw %s, want %s", saw[0].method, method)
	}
	err := target.match(r, saw[0].target)
	if err == nil {
		err = e.check(r, &saw[0].answer)
	}
	if err == nil {
		err = r.lacksSecrets("request that the upstream saw", saw[0].text())
	}
	return in("upstream", err)
}

func (r *run) sawNothing() error {
	if saw := r.p.target.Upstream.look(); len(saw) > 0 {
		return fmt.Errorf("the upstream saw %d requests, want none: %s %s", len(saw), saw[0].method, quote(r, saw[0].target))
	}
	return nil
}

// text is all of a request.
func (s sighting) text() string {
	var b strings.Builder
	b.WriteString(s.target + "\n")
	for name, values := range s.header {
		b.WriteString(name + ": " + strings.Join(values, "\n") + "\n")
	}
	b.Write(s.body)
	return b.String()
}
