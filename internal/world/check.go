package world

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

const (
	lower  = "abcdefghijklmnopqrstuvwxyz"
	letter = lower + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digit  = "0123456789"
)

// only is whether s is made of the bytes of alphabet.
func only(s, alphabet string) bool {
	return strings.Trim(s, alphabet) == ""
}

// checkAppID: `wx` and 16 lower-case hex digits, for platforms and Mini Programs alike.
func checkAppID(s string) string {
	if hex, ok := strings.CutPrefix(s, "wx"); ok && len(hex) == 16 && only(hex, digit+"abcdef") {
		return ""
	}
	return "is no appid: wx and 16 lower-case hex digits"
}

func checkEnvironment(s string) string {
	if len(s) >= 2 && len(s) <= 64 && only(s[:1], lower) && only(s, lower+digit+"-") {
		return ""
	}
	return "is no environment id: 2 to 64 of a-z 0-9 -, beginning with a letter"
}

// checkFunction: UP-1.
func checkFunction(s string) string {
	if len(s) >= 2 && len(s) <= 60 && only(s[:1], letter) && only(s[len(s)-1:], letter+digit) && only(s, letter+digit+"-_") {
		return ""
	}
	return "is no function name: 2 to 60 letters, digits, - and _, beginning with a letter, ending with a letter or digit"
}

func checkPath(s string) string {
	if s == "" {
		return "is no path: leave zip out for a function without code"
	}
	return ""
}

func checkSecret(s string) string {
	visible := func(r rune) bool { return r > ' ' && r <= '~' }
	if len(s) >= 1 && len(s) <= 128 && !strings.ContainsFunc(s, func(r rune) bool { return !visible(r) }) {
		return ""
	}
	return "must be 1 to 128 printable ASCII characters without spaces"
}

// checkTicket: CR-2.
func checkTicket(s string) string {
	return checkToken(s, "ticket@@@")
}

// checkRefreshToken: CR-5.
func checkRefreshToken(s string) string {
	return checkToken(s, "refreshtoken@@@")
}

// checkToken: CR-10, and the @ of the prefix.
func checkToken(s, prefix string) string {
	if len(s) <= 512 && len(s) > len(prefix) && strings.HasPrefix(s, prefix) && only(s, letter+digit+"-_@") {
		return ""
	}
	return "must be " + prefix + " and more, in all at most 512 of A-Z a-z 0-9 - _ @"
}

// once tells an item that an earlier one repeats; parts are what makes it unique. With a part that had a fault of its own
// ("") nothing is said.
func (d *decoder) once(line int, what string, parts ...string) {
	for _, part := range parts {
		if part == "" {
			return
		}
	}
	name := what + " " + strings.Join(parts, " ")
	if first, repeated := d.seen[name]; repeated {
		d.faults.add(line, "%s is repeated, first on line %d", name, first)
		return
	}
	d.seen[name] = line
}

// oneOwner tells an environment that is neither common nor batch, or both.
func (d *decoder) oneOwner(n *yaml.Node, line int) {
	switch common, batch := value(n, "appid") != nil, value(n, "platform") != nil; {
	case common && batch:
		d.faults.add(line, "an environment has either appid (common) or platform (batch), not both")
	case !common && !batch:
		d.faults.add(line, "an environment needs appid (common: a Mini Program's) or platform (batch: a platform's)")
	}
}

// agreeOpen tells two environments of one account that say otherwise of its one switch (UT-5).
func (d *decoder) agreeOpen(e Environment) {
	account := e.AppID + e.Platform
	if e.Open == nil || account == "" || (e.AppID != "" && e.Platform != "") {
		return
	}
	says := "false"
	if *e.Open {
		says = "true"
	}
	first, known := d.opens[account]
	if !known {
		d.opens[account] = mention{says, e.Line}
	} else if first.what != says {
		d.faults.add(e.Line, "open is %s here and %s on line %d, and both are the one switch of %s", says, first.what, first.line, account)
	}
}
