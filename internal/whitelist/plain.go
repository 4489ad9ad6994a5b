package whitelist

import "strings"

// plainFault says why a path is not in plain form, "" if it is (CC-4, UT-10).
// These are the rules for entries and for calls alike, so that both read a path
// in the same way; the length and "/" alone are for the caller to judge.
func plainFault(path string) string {
	if !strings.HasPrefix(path, "/") {
		return "does not begin with /"
	}
	for i := range len(path) {
		b := path[i]
		if !special[b] {
			continue
		}
		if b != '/' {
			return byteFault(b)
		}
		rest := path[i+1:]
		if rest == "" || rest[0] == '/' {
			return "has an empty segment"
		}
		if rest[0] == '.' && startsWithDots(rest) {
			return "has a segment . or .."
		}
	}
	return ""
}

// special has the slash and the bytes that byteFault refuses: a call waits for
// this judgement, which is most of what it costs.
var special = func() (table [256]bool) {
	for b := range table {
		table[b] = b == '/' || byteFault(byte(b)) != ""
	}
	return table
}()

// startsWithDots says whether the first segment is one that a server resolves.
func startsWithDots(rest string) bool {
	segment, _, _ := strings.Cut(rest, "/")
	return segment == "." || segment == ".."
}

// byteFault refuses the bytes that some server reads as something else than
// themselves.
func byteFault(b byte) string {
	switch {
	case b <= ' ' || b > '~':
		return "has a byte that is a space or not printable ASCII"
	case b == '?':
		return "has a query"
	case b == '#':
		return "has a fragment"
	case b == '%':
		return "has an escape"
	case b == ';' || b == '\\':
		return "has a ; or \\, which no path may have"
	}
	return ""
}
