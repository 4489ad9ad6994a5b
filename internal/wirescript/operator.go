package wirescript

import (
	"errors"
	"strings"
)

// operatorForms are the acts of the operator with their number of arguments.
var operatorForms = map[string]int{"authorize": 3, "revoke": 2, "ticket": 1, "token": 1, "deploy": 3, "apply": 0,
	"disable": 1, "enable": 1}

// parseOperator reads "operator ACT ARGUMENTS [-> NAME]".
func parseOperator(p *caseParser, first line, rest string) (step, error) {
	p.c.require("operator")
	rest, result, named := strings.Cut(rest, " -> ")
	words := splitWords(rest)
	count, ok := operatorForms[words[0]]
	if !ok || count != len(words)-1 {
		return nil, errors.New("want: operator authorize|revoke|ticket|token|deploy|apply|disable|enable …")
	}
	if words[0] == "apply" {
		world, err := p.text(unindent(p.block(first)))
		return act(func(r *run) error {
			s, err := world.expand(r)
			if err != nil {
				return err
			}
			return r.p.target.Operator.Apply(s)
		}), err
	}
	s := operatorStep{act: words[0], result: result}
	for _, word := range words[1:] {
		arg, err := p.text(word)
		if err != nil {
			return nil, err
		}
		s.args = append(s.args, arg)
	}
	if named != (s.act == "authorize" || s.act == "ticket" || s.act == "token") {
		return nil, errors.New("-> NAME belongs to authorize, ticket and token")
	}
	if named {
		return s, p.make(result)
	}
	return s, nil
}

// splitWords is strings.Fields that leaves ${…} whole; there is at least one.
func splitWords(s string) []string {
	words := []string{""}
	for _, word := range strings.Split(s, " ") {
		last := &words[len(words)-1]
		switch {
		case strings.Contains(*last, "${") && !strings.Contains(*last, "}"):
			*last += " " + word
		case *last == "":
			*last = word
		default:
			words = append(words, word)
		}
	}
	return words
}

// operatorStep is an act of the operator on named things.
type operatorStep struct {
	act    string
	args   []text
	result string
}

func (s operatorStep) play(r *run) error {
	args := make([]string, len(s.args))
	for i, arg := range s.args {
		var err error
		if args[i], err = arg.expand(r); err != nil {
			return err
		}
	}
	operator := r.p.target.Operator
	switch s.act {
	case "token":
		token, err := operator.CloudbaseToken(args[0])
		r.vars[s.result] = token
		r.keepSecret("cloudbase", token)
		return err
	case "authorize":
		sets, err := parseSets(args[2])
		if err != nil {
			return err
		}
		code, err := operator.Authorize(args[0], args[1], sets)
		r.vars[s.result] = code
		r.keepSecret("authorization code", code)
		return err
	case "ticket":
		ticket, err := operator.Ticket(args[0])
		r.vars[s.result] = ticket
		r.keepSecret("ticket", ticket)
		return err
	case "disable", "enable":
		return operator.Disable(args[0], s.act == "disable")
	case "revoke":
		return operator.Revoke(args[0], args[1])
	default:
		code, err := zipNamed(args[2])
		if err != nil {
			return err
		}
		return operator.Deploy(args[0], args[1], code)
	}
}
