package cloud

import (
	"context"
	"time"

	"github.com/opentcb/opentcb/tcb"
)

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
