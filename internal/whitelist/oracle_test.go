package whitelist

import (
	"net/url"
	"path"
	"regexp"
	"strings"
)

// allows is the definition of a whitelist, as naive as can be: by it Judge is
// judged.
func allows(entries []string, path string) bool {
	for _, entry := range entries {
		switch {
		case entry == path:
			return true
		case entry == "/*" && strings.HasPrefix(path, "/"):
			return true
		case strings.HasSuffix(entry, "/*"):
			if folder := entry[:len(entry)-1]; strings.HasPrefix(path, folder) && len(path) > len(folder) {
				return true
			}
		}
	}
	return false
}

var (
	plainBytes = regexp.MustCompile(`^/[!"$&'()*+,\-./0-9:<=>@A-Z[\]^_` + "`" + `a-z{|}~]*$`)
	oddSegment = regexp.MustCompile(`/(\.|\.\.|)(/|$)`)
)

// isPlain is the definition of plain form (CC-4) by other means than the code's.
func isPlain(path string) bool {
	return len(path) <= 1024 && plainBytes.MatchString(path) &&
		(path == "/" || !oddSegment.MatchString(path))
}

// reading is a path as some server may read it.
type reading struct {
	text   string
	folded bool // upper case was made lower
}

// lenient are the liberties that servers take with a path.
var lenient = []func(string) string{
	decode,
	path.Clean,
	func(s string) string { return strings.ReplaceAll(s, `\`, "/") },
	func(s string) string { return matrix.ReplaceAllString(s, "") },
	func(s string) string { return cut(s, ";") },
	func(s string) string { return cut(s, "\x00") },
	func(s string) string { return cut(s, "?") },
	func(s string) string { return cut(s, "#") },
	func(s string) string { return slashes.ReplaceAllString(s, "/") },
	func(s string) string { return blanks.Replace(s) },
	func(s string) string { return lookalikes.Replace(s) },
	func(s string) string { return absolute.ReplaceAllString(s, "/") },
}

var (
	matrix     = regexp.MustCompile(`;[^/]*`)
	slashes    = regexp.MustCompile(`/+`)
	absolute   = regexp.MustCompile(`^(?:[A-Za-z][A-Za-z0-9+.-]*:)?//[^/]*/?`)
	blanks     = strings.NewReplacer(" ", "", "\t", "", "\r", "", "\n", "", "\x00", "")
	lookalikes = strings.NewReplacer(
		"\xc0\xae", ".", "\xc0\xaf", "/", "\xc1\x9c", `\`, "\xe0\x80\xae", ".", "\xe0\x80\xaf", "/", "\xf0\x80\x80\xae", ".", // overlong
		"．", ".", "／", "/", "＼", `\`, "％", "%", "；", ";", "‥", "..", "…", "...", "∕", "/",
	)
)

func cut(s, mark string) string {
	before, _, _ := strings.Cut(s, mark)
	return before
}

// decode decodes the escapes that are ones and leaves the others.
func decode(s string) string {
	return escape.ReplaceAllStringFunc(s, func(e string) string {
		b, err := url.PathUnescape(e)
		if err != nil {
			return e
		}
		return b
	})
}

var escape = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)

// readings are all that come of a path when a server takes some of the
// liberties, in any order, one or more times: up to so many steps.
func readings(raw string, steps int) []reading {
	all := []reading{{text: raw}}
	seen := map[reading]bool{all[0]: true}
	add := func(r reading) {
		if !seen[r] {
			seen[r] = true
			all = append(all, r)
		}
	}
	for from := 0; steps > 0; steps-- {
		to := len(all)
		for _, r := range all[from:to] {
			for _, read := range lenient {
				add(reading{read(r.text), r.folded})
			}
			add(reading{strings.ToLower(r.text), true})
		}
		from = to
	}
	return all
}

// misread returns a reading that makes an admitted path dangerous, if there is
// one: it is another path, or one that the entries do not allow. A server that
// knows no case has the list in lower case, too.
func misread(entries []string, raw string) (reading, bool) {
	lower := make([]string, len(entries))
	for i, entry := range entries {
		lower[i] = strings.ToLower(entry)
	}
	for _, r := range readings(raw, 4) {
		list, same := entries, raw
		if r.folded {
			list, same = lower, strings.ToLower(raw)
		}
		if r.text != same || !allows(list, r.text) {
			return r, true
		}
	}
	return reading{}, false
}
