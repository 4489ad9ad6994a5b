package words

import "strings"

// maxName bounds a name that is compared: longer ones are not mistyped names.
const maxName = 64

// Nearest returns the one of names that comes nearest to given, "" if none is
// near: at most a third of its letters may be wrong. Case, spaces, hyphens and
// underscores do not count. Of names that are equally near the first is
// returned. A text with any other character is no mistyped name.
func Nearest(given string, names []string) string {
	if len(given) > maxName || strings.ContainsFunc(given, isForeign) {
		return ""
	}
	bare := strings.NewReplacer("-", "", "_", "", " ", "")
	given = bare.Replace(strings.ToLower(given))
	best, least := "", maxName
	for _, name := range names {
		meant := bare.Replace(strings.ToLower(name))
		limit := min((len(meant)+1)/3, least-1)
		if wrong := Distance(given, meant, limit); wrong >= 0 {
			best, least = name, wrong
		}
	}
	return best
}

// isForeign reports whether r stands in no name.
func isForeign(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-_ ", r)
}

// Distance returns how many bytes must be inserted, removed, changed, or
// swapped with their neighbour to turn a into b, and -1 if that is more than
// limit.
func Distance(a, b string, limit int) int {
	if len(a)-len(b) > limit || len(b)-len(a) > limit {
		return -1
	}
	// Three rows of the table of the distances between beginnings of a and b.
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		smallest := row[0]
		for j := range len(b) {
			changed := last[j]
			if a[i] != b[j] {
				changed++
			}
			row[j+1] = min(changed, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
			smallest = min(smallest, row[j+1])
		}
		if smallest > limit {
			return -1 // later rows are not smaller
		}
		before, last, row = last, row, before
	}
	if last[len(b)] > limit {
		return -1
	}
	return last[len(b)]
}
