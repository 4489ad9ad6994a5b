package whitelist

import "strings"

// plainFault returns why a path is not in plain form, "" if it is (CC-4, UT-10).
// Entries and calls have the same rules, so that both read a path in the same
// way. The caller checks the length, and admits "/" where it is allowed.
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

// special has the slash and the bytes that byteFault refuses. Every call waits
// for this check, which is most of what judging its path costs.
var special = func() (table [256]bool) {
	for b := range table {
		table[b] = b == '/' || byteFault(byte(b)) != ""
	}
	return table
}()

// startsWithDots reports whether the first segment is one that a server resolves.
func startsWithDots(rest string) bool {
	segment, _, _ := strings.Cut(rest, "/")
	return segment == "." || segment == ".."
}

// byteFault returns why no path may have the byte, "" if one may: some server
// reads it as something other than itself.
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
