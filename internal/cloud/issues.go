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

// aheadAllowed is how far issue times may be ahead of a server's clock: those of
// several servers differ. Beyond, a clock was wrong when the last one was made.
const aheadAllowed = time.Minute

// Issues are the times, ascending in Unix milliseconds, at which access tokens of
// one platform or authorization were issued: as many as are needed to know when
// a token was superseded. A token is known by its issue time, which no two share.
//
// So where the last issue is ahead of the clock, the next is yet later. If that is
// by over aheadAllowed, the time by the clock stands before it, negative: its
// predecessors' overlap counts from there. To a server of before, such an entry is
// older than all.
type Issues []int64

// issuesKept is how many exact times are kept. Beyond, times within one
// second count as the last of them, so that a client that asks for tokens
// without end makes 300 entries at most; a token then lives up to a second
// longer than five minutes.
const issuesKept = 16

// next returns the issue time of a new token, which is not before from, and the
// times to store with it.
func (is Issues) next(now, from int64) (issued int64, next Issues) {
	issued = max(now, from)
	if n := len(is); n > 0 {
		issued = max(issued, is[n-1]+1)
	}
	// Of the times over five minutes old only the newest matters.
	first := 0
	for i, t := range is {
		if t > 0 && is.made(i)+overlap.Milliseconds() <= now {
			first = is.begin(i)
		}
	}
	kept, made := slices.Clone(is[first:]), issued
	if issued > now+aheadAllowed.Milliseconds() {
		made = now
	}
	if last := len(kept) - 1; kept.times() > issuesKept && kept.made(last)/1000 == made/1000 {
		kept = kept[:kept.begin(last)]
	}
	if made != issued {
		kept = append(kept, -made)
	}
	return issued, append(kept, issued)
}

// times returns how many issue times there are.
func (is Issues) times() (n int) {
	for _, t := range is {
		if t > 0 {
			n++
		}
	}
	return n
}

// begin returns where the entry begins whose issue time is at i.
func (is Issues) begin(i int) int {
	if i > 0 && is[i-1] < 0 {
		return i - 1
	}
	return i
}

// made returns when the token of the issue time at i was issued.
func (is Issues) made(i int) int64 {
	if begin := is.begin(i); begin < i {
		return -is[begin]
	}
	return is[i]
}

// superseded reports whether a token issued at that time has had a successor for
// five minutes (CR-8).
func (is Issues) superseded(issued, now int64) bool {
	for i, t := range is {
		if t > issued && is.made(i)+overlap.Milliseconds() <= now {
			return true
		}
	}
	return false
}

// ahead returns how far the last issue is ahead of a clock; 0 for what is allowed.
func (is Issues) ahead(now int64) time.Duration {
	if len(is) == 0 || is[len(is)-1]-now <= aheadAllowed.Milliseconds() {
		return 0
	}
	return time.Duration(is[len(is)-1]-now) * time.Millisecond
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
