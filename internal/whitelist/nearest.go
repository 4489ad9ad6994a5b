package whitelist

import "strings"

// Nearest returns the entry that comes nearest to a refused path, for a person
// who looks for the slip; "" if none is near. Near is an entry that becomes the
// path, or the beginning of it that a "/*" entry asks for, when at most a third
// of its bytes are changed; letters that differ in case count as the same. Of
// entries that are as near as another the longest is given, then the first.
func Nearest(entries []string, path string) string {
	nearest, least := "", MaxEntryBytes
	path = strings.ToLower(path)
	for _, entry := range entries {
		want, have := strings.ToLower(entry), path
		if folder, ok := strings.CutSuffix(want, "/*"); ok {
			want, have = folder, beginning(path, strings.Count(folder, "/"))
		}
		d := distance(want, have, min(least, len(want)/3))
		if d >= 0 && (d < least || len(entry) > len(nearest)) {
			nearest, least = entry, d
		}
	}
	return nearest
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

// distance returns how many bytes must be put in, taken out or changed to make
// a of b (Levenshtein), -1 if they are more than limit.
func distance(a, b string, limit int) int {
	if len(a)-len(b) > limit || len(b)-len(a) > limit {
		return -1
	}
	row := make([]int, len(b)+1) // of the table of all distances of beginnings
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		corner, smallest := row[0], i+1
		row[0] = i + 1
		for j := range len(b) {
			changed := corner
			if a[i] != b[j] {
				changed++
			}
			corner = row[j+1]
			row[j+1] = min(changed, row[j]+1, corner+1)
			smallest = min(smallest, row[j+1])
		}
		if smallest > limit {
			return -1 // it only grows
		}
	}
	if row[len(b)] > limit {
		return -1
	}
	return row[len(b)]
}
