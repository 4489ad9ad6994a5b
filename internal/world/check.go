package world

import (
	"slices"
	"strconv"
	"strings"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/yamlfile"
)

const (
	lower  = "abcdefghijklmnopqrstuvwxyz"
	letter = lower + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digit  = "0123456789"
)

// madeOf reports whether s has no bytes but those of alphabet.
func madeOf(s, alphabet string) bool {
	return strings.Trim(s, alphabet) == ""
}

// checkAppID checks the appid of a platform or a Mini Program.
func checkAppID(s string) string {
	if hex, ok := strings.CutPrefix(s, "wx"); ok && len(hex) == 16 && madeOf(hex, digit+"abcdef") {
		return ""
	}
	return "is no appid: wx and 16 lower-case hex digits"
}

func checkEnvironment(s string) string {
	if len(s) >= 2 && len(s) <= 64 && madeOf(s[:1], lower) && madeOf(s, lower+digit+"-") {
		return ""
	}
	return "is no environment id: 2 to 64 of a-z 0-9 -, beginning with a letter"
}

// checkFunction checks the name of a function (UP-1).
func checkFunction(s string) string {
	if len(s) >= 2 && len(s) <= 60 && madeOf(s, letter+digit+"-_") &&
		madeOf(s[:1], letter) && madeOf(s[len(s)-1:], letter+digit) {
		return ""
	}
	return "is no function name: 2 to 60 letters, digits, - and _, beginning with a letter, ending with a letter or digit"
}

func checkSecret(s string) string {
	visible := func(r rune) bool { return r > ' ' && r <= '~' }
	if len(s) >= 1 && len(s) <= 128 && !strings.ContainsFunc(s, func(r rune) bool { return !visible(r) }) {
		return ""
	}
	return "must be 1 to 128 printable ASCII characters without spaces"
}

// checkWord checks a secret of letters and digits. The rules know how many.
func checkWord(s string) string {
	if madeOf(s, letter+digit) {
		return ""
	}
	return "must be letters and digits"
}

// checkTicket checks a verify ticket (CR-2).
func checkTicket(s string) string {
	return checkToken(s, "ticket@@@")
}

// checkRefreshToken checks a refresh token (CR-5).
func checkRefreshToken(s string) string {
	return checkToken(s, "refreshtoken@@@")
}

// checkToken checks a token's characters (CR-10, and the @ of the prefix).
func checkToken(s, prefix string) string {
	if len(s) <= 512 && len(s) > len(prefix) && strings.HasPrefix(s, prefix) && madeOf(s, letter+digit+"-_@") {
		return ""
	}
	return "must be " + prefix + " and more, in all at most 512 of A-Z a-z 0-9 - _ @"
}

// once reports an item that repeats an earlier one; parts are what makes it
// unique. A part that had a fault of its own is "": then nothing is compared.
func (r *reader) once(n yamlfile.Node, what string, parts ...string) {
	if slices.Contains(parts, "") {
		return
	}
	name := what + " " + strings.Join(parts, " ")
	if first, repeated := r.seen[name]; repeated {
		n.Report("%s is repeated, first on line %d", name, first)
		return
	}
	r.seen[name] = n.Line()
}

// oneOwner reports an environment that is neither common nor batch, or both.
func oneOwner(n yamlfile.Node) {
	switch common, batch := n.Has("appid"), n.Has("platform"); {
	case common && batch:
		n.Report("an environment has either appid (common) or platform (batch), not both")
	case !common && !batch:
		n.Report("an environment needs appid (common: a Mini Program's) or platform (batch: a platform's)")
	}
}

// agreeOnSwitch reports two environments of one account that disagree on open,
// which is the one switch of the account (UT-5).
func (r *reader) agreeOnSwitch(n yamlfile.Node, e cloud.WorldEnvironment) {
	if e.Open == nil || e.Account == "" {
		return
	}
	says := strconv.FormatBool(*e.Open)
	first, known := r.switches[e.Account]
	if !known {
		r.switches[e.Account] = mention{says, n.Line()}
	} else if first.what != says {
		n.Report("open is %s here and %s on line %d, and both are the one switch of %s", says, first.what, first.line, e.Account)
	}
}
