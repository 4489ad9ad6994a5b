package cloud

import (
	"context"
	"errors"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/opentcb/opentcb/internal/whitelist"
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

// Explanation is why a call was refused.
type Explanation struct {
	Record
	Env     string `json:"environment,omitempty"`
	Path    string `json:"path,omitempty"`
	Version int64  `json:"version,omitempty"` // of the permission that was in force
	Nearest string `json:"nearest,omitempty"` // the entry of that whitelist that comes nearest to the path
	Reason  string `json:"reason"`
}

// ridForm is what the wire's request ids look like (EN-4).
var ridForm = regexp.MustCompile(`^([0-9a-f]{8})-[0-9a-f]{8}-[0-9a-f]{8}$`)

// ridSpan is how far the time in a request id may be from the time of its
// record: a call may take as long as a transfer.
const ridSpan = 15 * time.Minute

// errFound ends a search.
var errFound = errors.New("found")

// ridTime returns the time in a rid, in Unix seconds, and reports whether it is one.
func ridTime(rid string) (int64, bool) {
	m := ridForm.FindStringSubmatch(rid)
	if m == nil {
		return 0, false
	}
	seconds, err := strconv.ParseInt(m[1], 16, 64)
	return seconds, err == nil
}

// recordOf returns the record of the call with a rid whose time is known; nil if there
// is none.
func (s *Service) recordOf(ctx context.Context, rid string, seconds int64) (found *Record, err error) {
	since, until := seconds*1000-time.Second.Milliseconds(), seconds*1000+ridSpan.Milliseconds()
	match := func(rec Record) error {
		if rec.RID == rid {
			found = &rec
			return errFound
		}
		return nil
	}
	if err := s.observer.refusals.flush(ctx); err != nil {
		return nil, err
	}
	if err = s.store.Refusals(ctx, since, until, match); err == nil {
		err = s.Records(ctx, RecordFilter{Since: since, Until: until}, match)
	}
	if found != nil {
		return found, nil
	}
	return nil, err
}

// Explain returns why the call with a rid was refused: a cloud call, or a call of an
// interface that is in the audit record. InvalidArgs for what is no rid, NotFound
// if nothing is recorded of it.
func (s *Service) Explain(ctx context.Context, rid string) (Explanation, error) {
	seconds, ok := ridTime(rid)
	if !ok {
		return Explanation{}, Refused(InvalidArgs, "a rid is three groups of 8 hex digits, as errmsg ends with")
	}
	found, err := s.recordOf(ctx, rid, seconds)
	switch {
	case err != nil:
		return Explanation{}, storeError("explain", err)
	case found == nil:
		return Explanation{}, Refused(NotFound, "nothing is recorded of "+rid+": an allowed cloud call, one of very many "+
			"refused in the same second, or one that is too long ago; the server's log may have it")
	case found.Action != actCloudCall:
		return explainRecord(*found), nil
	}
	return s.explainCall(ctx, *found)
}

// explainRecord explains a record of the audit record: at least what the caller was
// told.
func explainRecord(rec Record) Explanation {
	x := Explanation{Record: rec, Reason: rec.Code.Text()}
	if m := targetEnv.FindStringSubmatch(rec.Target); m != nil {
		x.Env = m[1]
	}
	if rec.Code != tcb.OK && rec.Detail != "" {
		x.Reason += ": " + rec.Detail
	}
	return x
}

// targetEnv finds the environment in what a record says of its target.
var targetEnv = regexp.MustCompile(`\benv ([a-z][a-z0-9-]*)\b`)

// explainCall explains the record of a refused cloud call.
func (s *Service) explainCall(ctx context.Context, rec Record) (Explanation, error) {
	call, err := parseRefusedCall(rec.Detail)
	if err != nil {
		return Explanation{}, storeError("explain", err)
	}
	x := Explanation{Record: rec, Env: rec.Target, Path: call.path, Version: call.version}
	x.Target, x.Detail = "", ""
	if rec.Code == tcb.NotInWhitelist && call.reason == "" {
		changes, err := s.store.History(ctx, rec.AppID, x.Env)
		if err != nil {
			return Explanation{}, storeError("explain", err)
		}
		list, _ := whitelistAt(changes, x.Env, x.Version) // none if the history does not reach back that far
		x.Nearest = whitelist.Nearest(list, x.Path)
	}
	x.Reason = x.reason(call.reason)
	return x, nil
}

// reason returns a sentence for a person. odd is what is wrong with the form of the
// path; "" if nothing is.
func (x Explanation) reason(odd string) string {
	switch {
	case x.Code == tcb.InvalidToken, x.Code == tcb.InvalidCredential:
		return "the token is not a cloudbase_access_token that this server issued"
	case x.Code == tcb.TokenExpired:
		return "the token is over 30 minutes old: the runtime has to read it again from the agent's file"
	case x.Code == tcb.CloudTokenClosed:
		return "the switch of the account was off (usecloudaccesstoken with open true turns it on), or the operator has disabled the account"
	case x.Code == tcb.Unauthorized:
		return "a cloudbase_access_token calls open interfaces, and never the server's own"
	case x.Code == tcb.NotInWhitelist && odd != "":
		return "the path " + odd + ": a path that is not in plain form is refused whatever the whitelist says"
	case x.Code == tcb.NotInWhitelist && x.Nearest != "":
		return "the path is not on the whitelist; the nearest entry is " + x.Nearest
	case x.Code == tcb.NotInWhitelist:
		return "the path is not on the whitelist, and no entry comes near it"
	}
	return x.Code.Text()
}
