package cloud

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// overlap is how long a token outlives the issue of its successor (CR-8).
const overlap = 5 * time.Minute

// Issues are the times, ascending in Unix milliseconds, at which access tokens of
// one platform or authorization were issued: as many as are needed to know when
// a token was superseded. A token is known by its issue time, which no two share.
type Issues []int64

// issuesKept is how many exact times are kept. Beyond, times within one
// second count as the last of them, so that a client that asks for tokens
// without end makes 300 entries at most; a token then lives up to a second
// longer than five minutes.
const issuesKept = 16

// next returns the issue time of a new token and the times to store with it.
func (is Issues) next(now int64) (int64, Issues) {
	issued := now
	if n := len(is); n > 0 {
		issued = max(now, is[n-1]+1) // clocks of two servers may differ
	}
	// Of the times over five minutes old only the newest matters.
	first := 0
	for first+1 < len(is) && is[first+1]+overlap.Milliseconds() <= now {
		first++
	}
	kept := slices.Clone(is[first:])
	if n := len(kept); n > issuesKept && kept[n-1]/1000 == issued/1000 {
		kept = kept[:n-1]
	}
	return issued, append(kept, issued)
}

// superseded reports whether a token issued at that time has had a successor for
// five minutes (CR-8).
func (is Issues) superseded(issued, now int64) bool {
	successor, _ := slices.BinarySearch(is, issued+1)
	return successor < len(is) && is[successor]+overlap.Milliseconds() <= now
}

// String writes the times in decimal digits, separated by commas: the stored
// form.
func (is Issues) String() string {
	var b []byte
	for i, t := range is {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, t, 10)
	}
	return string(b)
}

// ParseIssues reads the stored form.
func ParseIssues(s string) (Issues, error) {
	if s == "" {
		return nil, nil
	}
	var is Issues
	for word := range strings.SplitSeq(s, ",") {
		t, err := strconv.ParseInt(word, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("issue time %q: %w", word, err)
		}
		is = append(is, t)
	}
	return is, nil
}
