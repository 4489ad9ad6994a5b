package cloud

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/opentcb/opentcb/tcb"
)

// RefusalsKept is how many records of refused cloud calls are kept. No environment
// loses one while it has no more than its share, which is the same for each that has
// any; calls of which no environment is known count as one.
const RefusalsKept = 1_000_000

// RefusalStore keeps the records of refused cloud calls, apart from the audit
// record.
type RefusalStore interface {
	// Refusals gives the records of refused cloud calls from since until
	// until (Unix milliseconds, exclusive) to each, oldest first, and ends
	// early with an error of each.
	Refusals(ctx context.Context, since, until int64, each func(Record) error) error
	// AppendRefusals writes records of refused cloud calls. The same records,
	// given again after an error, are written once.
	AppendRefusals(ctx context.Context, recs []Record) error
}

// refusedCall is what is recorded of a refused cloud call beside the usual. A
// Record holds it in its detail.
type refusedCall struct {
	version int64  // of the permission that was in force; 0 if it did not come to that
	reason  string // why the path is not in plain form; "" if it is
	path    string // as it can be shown
}

// detail is the stored form: a line for each member.
func (r refusedCall) detail() string {
	return strconv.FormatInt(r.version, 10) + "\n" + r.reason + "\n" + r.path
}

// parseRefusedCall reads the stored form.
func parseRefusedCall(detail string) (refusedCall, error) {
	parts := strings.SplitN(detail, "\n", 3)
	if len(parts) != 3 {
		return refusedCall{}, errors.New("record of a refused call of another form")
	}
	version, err := strconv.ParseInt(parts[0], 10, 64)
	return refusedCall{version, parts[1], parts[2]}, err
}

// record returns the record of a refused call.
func (j *judgement) record() Record {
	return Record{
		At: j.at, RID: j.rid, AppID: j.key.Account, Action: actCloudCall, Target: j.key.Env, Code: j.code,
		Detail: refusedCall{j.version, j.reason, j.shown()}.detail(),
	}
}

// maxShown is how many bytes of a path that is not in plain form are shown.
const maxShown = 256

// shown is the path as it can be shown: without the token, and without what a
// terminal would obey.
func (j *judgement) shown() string {
	path := j.path
	if j.token != "" {
		path, _, _ = strings.Cut(path, j.token)
	}
	if j.reason == "" && j.version != 0 {
		return path
	}
	return printable(path[:min(len(path), maxShown)])
}

// FailuresKept is for how long a caller can ask why its call was refused (JN-5).
const FailuresKept = 7 * 24 * time.Hour

// FailedCall is what is recorded of a call that was refused.
type FailedCall struct {
	At     int64  // Unix milliseconds
	Action string // the wire name
	Path   string // of a cloud call
}

// FailedCall returns the refused call of the caller's own that has a rid:
// RIDMalformed for what is no rid, RIDNotFound if no failure of it is recorded in
// FailuresKept, RIDForeign for another's, LimitReached while many ask.
func (s *Service) FailedCall(ctx context.Context, c Caller, rid string) (FailedCall, error) {
	seconds, ok := ridTime(rid)
	switch {
	case !ok:
		return FailedCall{}, Refused(RIDMalformed, "")
	case seconds*1000 < c.Now-FailuresKept.Milliseconds():
		return FailedCall{}, Refused(RIDNotFound, "")
	}
	select { // a rid that is none costs the reading of minutes of the record
	case s.ridSearches <- struct{}{}:
		defer func() { <-s.ridSearches }()
	default:
		return FailedCall{}, Refused(LimitReached, "too many ask for a rid at once: try again")
	}
	rec, err := s.recordOf(ctx, rid, seconds)
	switch {
	case err != nil:
		return FailedCall{}, storeError("failed call", err)
	case rec == nil || rec.Code == tcb.OK || rec.Operator:
		return FailedCall{}, Refused(RIDNotFound, "")
	case !c.Owns(rec.Platform, rec.AppID):
		return FailedCall{}, Refused(RIDForeign, "")
	}
	call := FailedCall{At: rec.At, Action: rec.Action}
	if rec.Action == actCloudCall {
		refused, err := parseRefusedCall(rec.Detail)
		if err != nil {
			return FailedCall{}, internalError("failed call", err)
		}
		call.Path = refused.path
	}
	return call, nil
}

// Owns reports whether a call of a platform for a Mini Program is the caller's own:
// with a component token the platform's, with an authorizer token the platform's for
// the Mini Program, and what code of the Mini Program calls.
func (c Caller) Owns(platform, appid string) bool {
	if c.AppID == "" {
		return platform == c.Platform
	}
	return appid == c.AppID && (platform == "" || platform == c.Platform)
}
