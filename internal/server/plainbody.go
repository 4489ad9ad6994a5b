package server

import (
	"strconv"
	"strings"
)

// Most bodies are a few members with short values and nothing else. Taking
// those apart here costs a tenth of what encoding/json does, which counts where
// all else is read from memory. What is not of that plain form, down to
// an escape or a space in an odd place, is left to encoding/json, and
// FuzzDecode holds the two against each other.

// plainMembers takes an object apart whose values are plain, with one white
// space at most before each name and value. For each member it calls read,
// which reads the value at the beginning of a text and returns what follows
// it. It returns false as soon as read does or the body is of another form.
func plainMembers(body string, read func(name, from string) (rest string, ok bool)) bool {
	rest, ok := strings.CutPrefix(body, "{")
	for ok {
		var name string
		if name, rest, ok = plainText(rest); !ok {
			return false
		}
		if rest, ok = strings.CutPrefix(rest, ":"); !ok {
			return false
		}
		if rest, ok = read(name, rest); !ok {
			return false
		}
		if rest == "}" {
			return true
		}
		rest, ok = strings.CutPrefix(rest, ",")
	}
	return false
}

// readPlain reads a member's value by plainText or one of its kin. Of a member
// that is there twice the last counts, as with encoding/json.
func readPlain[T any](dest **T, from string, read func(string) (T, string, bool)) (rest string, ok bool) {
	value, rest, ok := read(from)
	*dest = &value
	return rest, ok
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

// plainTexts reads an array of such texts.
func plainTexts(s string) (texts []string, rest string, ok bool) {
	s, _ = strings.CutPrefix(s, " ")
	if rest, ok = strings.CutPrefix(s, "[]"); ok {
		return []string{}, rest, true
	}
	rest, ok = strings.CutPrefix(s, "[")
	for ok {
		var text string
		if text, rest, ok = plainText(rest); !ok {
			return nil, "", false
		}
		texts = append(texts, text)
		if after, end := strings.CutPrefix(rest, "]"); end {
			return texts, after, true
		}
		rest, ok = strings.CutPrefix(rest, ",")
	}
	return nil, "", false
}

// plainBool reads true or false.
func plainBool(s string) (value bool, rest string, ok bool) {
	s, _ = strings.CutPrefix(s, " ")
	if rest, ok = strings.CutPrefix(s, "true"); ok {
		return true, rest, true
	}
	rest, ok = strings.CutPrefix(s, "false")
	return false, rest, ok
}

// plainInt reads an integer without a sign. A fraction or an exponent is not
// what may follow a value, so a number that has one is not plain.
func plainInt(s string) (value int64, rest string, ok bool) {
	s, _ = strings.CutPrefix(s, " ")
	rest = strings.TrimLeft(s, "0123456789")
	digits := s[:len(s)-len(rest)]
	if len(digits) > 1 && digits[0] == '0' {
		return 0, "", false
	}
	value, err := strconv.ParseInt(digits, 10, 64)
	return value, rest, err == nil
}
