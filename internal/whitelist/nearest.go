package whitelist

import (
	"strings"

	"github.com/opentcb/opentcb/internal/nearest"
)

// Nearest returns the entry that comes nearest to a refused path, for a person
// who looks for the slip; "" if none is near. Near is an entry that becomes the
// path, or the beginning of it that a "/*" entry asks for, when at most a third
// of its bytes are changed; letters that differ in case count as the same. Of
// entries that are as near as another the longest is given, then the first.
func Nearest(entries []string, path string) string {
	best, least := "", MaxEntryBytes
	path = strings.ToLower(path)
	for _, entry := range entries {
		want, have := strings.ToLower(entry), path
		if folder, ok := strings.CutSuffix(want, "/*"); ok {
			want, have = folder, beginning(path, strings.Count(folder, "/"))
		}
		d := nearest.Distance(want, have, min(least, len(want)/3))
		if d >= 0 && (d < least || len(entry) > len(best)) {
			best, least = entry, d
		}
	}
	return best
}

// beginning returns the first n segments of a path, or all that it has.
func beginning(path string, n int) string {
	for i := range len(path) {
		if path[i] != '/' {
			continue
		}
		if n == 0 {
			return path[:i]
		}
		n--
	}
	return path
}
