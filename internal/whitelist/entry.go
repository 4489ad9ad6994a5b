package whitelist

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Bounds of a list (UT-10).
const (
	MaxEntries    = 1000 // entries, repeated ones counted
	MaxEntryBytes = 256  // bytes of an entry
)

// ErrTooMany reports that a list has over MaxEntries entries.
var ErrTooMany = errors.New("api_whitelist has over 1000 entries")

// EntryError reports why an entry cannot be on a whitelist (UT-10).
type EntryError struct {
	Entry  string // the entry, made printable, and shortened if it is over MaxEntryBytes
	Reason string // what is wrong with it
}

// Error returns the entry and the reason, fit to be shown to the caller.
func (e *EntryError) Error() string {
	return fmt.Sprintf(`api_whitelist entry "%s" %s`, e.Entry, e.Reason)
}

// CheckEntry checks that an entry can be on a whitelist: it is "/*", a path in
// plain form, or such a path followed by "/*" (UT-10). The error is an
// *EntryError.
func CheckEntry(entry string) error {
	if reason := entryFault(entry); reason != "" {
		return &EntryError{Entry: shown(entry), Reason: reason}
	}
	return nil
}

// Normalize returns a list as it is kept: its entries in their order, each only
// once, at its first place; never nil (UT-2, UT-10). The error is ErrTooMany, or
// the *EntryError of the first entry that cannot be on a list.
func Normalize(entries []string) ([]string, error) {
	if len(entries) > MaxEntries {
		return nil, ErrTooMany
	}
	list := make([]string, 0, len(entries))
	seen := make(map[string]bool, len(entries))
	for _, entry := range entries {
		if err := CheckEntry(entry); err != nil {
			return nil, err
		}
		if !seen[entry] {
			seen[entry] = true
			list = append(list, entry)
		}
	}
	return list, nil
}

// entryFault returns what is wrong with an entry, "" if nothing is.
func entryFault(entry string) string {
	switch {
	case len(entry) > MaxEntryBytes:
		return fmt.Sprintf("is over %d bytes", MaxEntryBytes)
	case !strings.HasPrefix(entry, "/"):
		return "does not begin with /"
	}
	path, below := strings.CutSuffix(entry, "/*")
	switch {
	case below && path == "":
		return "" // everything
	case strings.Contains(path, "*"):
		return "has a * that is not its last segment"
	}
	return plainFault(path)
}

// shown makes an entry printable for a message. An entry of valid length is
// shown whole, so that its sender can find it.
func shown(entry string) string {
	const tooLongShows = 64
	var b strings.Builder
	for i, r := range entry {
		if len(entry) > MaxEntryBytes && i >= tooLongShows {
			return b.String() + "…"
		}
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(entry[i:], "\uFFFD"):
			fmt.Fprintf(&b, `\x%02x`, entry[i])
		case strconv.IsPrint(r):
			b.WriteRune(r)
		default:
			quoted := strconv.QuoteRune(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		}
	}
	return b.String()
}
