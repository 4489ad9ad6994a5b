package server

import "strings"

// Most bodies are a few members with short texts and nothing else. Taking
// those apart here costs a tenth of what encoding/json does, which counts where
// all else is read from memory. What is not of that plain form, down to
// an escape or a space in an odd place, is left to encoding/json, and
// FuzzDecode holds the two against each other.

// plainTexts takes an object apart whose values are texts without escapes,
// with one white space at most between its parts. It calls set for each
// member, and returns false as soon as set does or the body is of another form.
func plainTexts(body string, set func(name, value string) bool) bool {
	rest, ok := strings.CutPrefix(body, "{")
	for ok {
		var name, value string
		if name, rest, ok = plainText(rest); !ok {
			return false
		}
		if rest, ok = strings.CutPrefix(rest, ":"); !ok {
			return false
		}
		if value, rest, ok = plainText(rest); !ok || !set(name, value) {
			return false
		}
		if rest == "}" {
			return true
		}
		rest, ok = strings.CutPrefix(rest, ",")
	}
	return false
}

// plainText reads a text without escapes: printable ASCII between quotes.
func plainText(s string) (text, rest string, ok bool) {
	if s, _ = strings.CutPrefix(s, " "); len(s) == 0 || s[0] != '"' {
		return "", "", false
	}
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return s[1:i], s[i+1:], true
		case c < ' ' || c > '~' || c == '\\':
			return "", "", false
		}
	}
	return "", "", false
}

// setOnce sets a member that is not set yet.
func setOnce(dest **string, value string) bool {
	if *dest != nil {
		return false
	}
	*dest = &value
	return true
}
