package cloud

import (
	"github.com/opentcb/opentcb/internal/seal"
	"github.com/opentcb/opentcb/tcb"
)

// Holder is whose a token or a link is, and what it leads to.
type Holder struct{ Platform, AppID, Env, Function string }

// HolderOf returns whose an access token, a token of an upload or of a link is. It
// reports whether the server has made it; whether it is still good is not looked at.
func (s *Service) HolderOf(token string) (h Holder, ok bool) {
	if c, err := s.claimOf(token); err == nil {
		return Holder{Platform: c.platform, AppID: c.appid, Env: c.env}, true
	}
	if up, err := s.OpenUpload(token, nil, ""); err == nil {
		return Holder{Platform: up.Caller.Platform, AppID: up.Caller.AppID}, true
	}
	raw, err := s.ring.Verify(seal.Link, token)
	if err != nil {
		return Holder{}, false
	}
	l, err := decodeLink(raw)
	return Holder{Platform: l.platform, AppID: l.appid, Env: l.env, Function: l.name}, err == nil
}

// RecordTest records what the operator does to a server in test mode.
func (s *Service) RecordTest(c Caller, action, target string) error {
	return s.recordOutcome(c, action, target, nil)
}

// RecordInjected records that a rule injected a fault into a call, which was answered
// with that code because of it.
func (s *Service) RecordInjected(rid string, h Holder, action, rule, did string, code tcb.Code) {
	c := s.caller(rid)
	c.Platform, c.AppID = h.Platform, h.AppID
	rec := c.record(action, "fault "+rule)
	rec.Code, rec.Detail = code, "injected: "+did
	_ = s.reads.add(&rec) // full: only a record of a test is missing
}
