package cloud

import (
	"context"
	"errors"
	"regexp"
	"strconv"
	"time"

	"github.com/opentcb/opentcb/internal/whitelist"
	"github.com/opentcb/opentcb/tcb"
)

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
