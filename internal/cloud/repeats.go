package cloud

import (
	"errors"
	"slices"
	"strconv"
	"sync"
)

// The bounds on records of what can be repeated without end by whoever holds a
// credential that is good no more, and costs the record a line each minute.
const (
	repeatSpan       = 60_000      // milliseconds
	noMinute         = -repeatSpan // a time whose minute no record is of
	repeatsKeptApart = 64          // of one account in a minute; further ones are counted together
)

// repeated names what is recorded once a minute and counted then: a refusal of
// one credential.
type repeated struct {
	platform, appid string
	action, target  string
	by              string
	code            int
	credential      int64 // tells the credentials of one account apart
}

// repeatCount is what became of one repeated in a minute.
type repeatCount struct {
	minute int64
	more   int64  // how many came after the one that was recorded
	last   Record // the latest of them
}

// repeats keeps refusals that anybody can repeat from filling the audit record:
// of each credential the first in a minute is recorded as it is, and the others
// as a count when the minute is over. It is safe for concurrent use.
type repeats struct {
	mu     sync.Mutex
	counts map[repeated]*repeatCount
	apart  map[string]int // how many of a platform are counted apart
}

func newRepeats() *repeats {
	return &repeats{counts: map[repeated]*repeatCount{}, apart: map[string]int{}}
}

// first reports whether a record is the first of its minute, and counts it if
// not. credential tells apart what the record does not.
func (r *repeats) first(rec Record, credential int64) bool {
	key := repeated{rec.Platform, rec.AppID, rec.Action, rec.Target, rec.By, int(rec.Code), credential}
	r.mu.Lock()
	defer r.mu.Unlock()
	count := r.counts[key]
	if count == nil && r.apart[key.platform] >= repeatsKeptApart {
		key = repeated{platform: rec.Platform, action: rec.Action, code: int(rec.Code)}
		rec.AppID, rec.Target = "", ""
		count = r.counts[key]
	}
	switch {
	case count == nil:
		r.counts[key] = &repeatCount{minute: rec.At / repeatSpan}
		r.apart[key.platform]++
		return true
	default:
		count.more++
		count.last = rec
		return false
	}
}

// due returns the counts of the minutes before that of a time, and forgets them.
// A clock that was set back ends a minute too.
func (r *repeats) due(now int64) []Record {
	r.mu.Lock()
	defer r.mu.Unlock()
	var recs []Record
	for key, count := range r.counts {
		if count.minute == now/repeatSpan {
			continue
		}
		if count.more > 0 {
			count.last.Detail = strconv.FormatInt(count.more, 10) + " more in this minute"
			recs = append(recs, count.last)
			if count.last.Action == actAdmin { // it goes on: one record a minute, which counts
				*count = repeatCount{minute: now / repeatSpan}
				continue
			}
		}
		delete(r.counts, key)
		if r.apart[key.platform]--; r.apart[key.platform] == 0 {
			delete(r.apart, key.platform)
		}
	}
	return recs
}

// RefuseSecret records the refusal of a secret of a platform, or of one of a Mini
// Program at a platform, from an address: the first of a minute, and then a count,
// since anybody can guess without end. It returns the error to answer with.
func (s *Service) RefuseSecret(rid, platform, appid, action, address string, outcome error) error {
	c := s.caller(rid)
	c.Platform, c.AppID = platform, appid
	return s.recordOnce(c, action, address, 0, outcome)
}

// recordOnce records a refusal that can be repeated without end: the first of a
// minute, and then a count. credential tells apart what the record does not. It
// returns the error to answer with.
func (s *Service) recordOnce(c Caller, action, target string, credential int64, outcome error) error {
	rec := c.record(action, target)
	rec.Code = CodeOf(outcome)
	if !s.repeats.first(rec, credential) {
		return outcome
	}
	return s.recordOutcome(c, action, target, outcome)
}

// deadCredential are the refusals that a credential meets when it is good no
// more, and then whenever it is shown.
var deadCredential = []Kind{InvalidToken, InvalidCredential, TokenExpired, NotAuthorized, LinkInvalid}

// recordRefusal records the refusal of a known caller, once a minute if it is
// because of a credential that is good no more: whoever has ever held one can
// repeat that for ever. It returns the error to answer with.
func (s *Service) recordRefusal(c Caller, action, target string, outcome error) error {
	e, ok := errors.AsType[*Error](outcome)
	if !ok || e.Kind != s.invalid && !slices.Contains(deadCredential, e.Kind) {
		return s.recordOutcome(c, action, target, outcome)
	}
	return s.recordOnce(c, action, target, c.issued, outcome)
}
