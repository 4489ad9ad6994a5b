package whitelist

import (
	"strings"

	"github.com/opentcb/opentcb/internal/words"
)

// Nearest returns the entry that is nearest to a refused path, to show a person
// a slip in one of them; "" if none is near. An entry is near if changing at
// most a third of its bytes makes it the path, or, for a "/*" entry, as many
// segments of the path. Case does not count. Of entries that are equally near it
// returns the longest, then the first.
func Nearest(entries []string, path string) string {
	best, least := "", MaxEntryBytes
	path = strings.ToLower(path)
	for _, entry := range entries {
		want, have := strings.ToLower(entry), path
		if folder, ok := strings.CutSuffix(want, "/*"); ok {
			want, have = folder, beginning(path, strings.Count(folder, "/"))
		}
		d := words.Distance(want, have, min(least, len(want)/3))
		if d >= 0 && (d < least || len(entry) > len(best)) {
			best, least = entry, d
		}
	}
	return best
}

// beginning returns the first n segments of a path, or all if it has fewer.
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
