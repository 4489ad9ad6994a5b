package world

import "strings"

// nearest is the name that is most probably meant by given, "" where none is near: at most a third of its letters wrong.
func nearest(given string, names []string) string {
	if len(given) > maxShown || !only(given, letter+digit+"-_ ") {
		return ""
	}
	plain := strings.NewReplacer("-", "", "_", "", " ", "")
	given = plain.Replace(strings.ToLower(given))
	best, least := "", -1
	for _, name := range names {
		bare := plain.Replace(name)
		wrong := distance(given, bare)
		if wrong <= (len(bare)+1)/3 && (least < 0 || wrong < least) {
			best, least = name, wrong
		}
	}
	return best
}

// distance counts the bytes to insert, delete, replace, or swap with their neighbour to make a into b.
func distance(a, b string) int {
	before, last := []int(nil), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			changed := last[j-1]
			if a[i-1] != b[j-1] {
				changed++
			}
			row[j] = min(changed, last[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
