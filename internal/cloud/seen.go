package cloud

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"
)

// ETag returns a short text that is another one once any member of the platform has
// changed but the counts.
func (p PlatformView) ETag() string { return etag(p.withoutCounts()) }

func (p PlatformView) withoutCounts() PlatformView {
	p.Counts, p.Secret = PlatformCounts{}, ""
	return p
}

// ETag returns a short text that is another one once any member of the Mini Program has
// changed but the counts.
func (m MiniProgram) ETag() string { return etag(m.withoutCounts()) }

func (m MiniProgram) withoutCounts() MiniProgram {
	m.Counts = Counts{}
	return m
}

// ETag returns the environment's version, which each set by a platform or the operator raises.
func (e EnvironmentView) ETag() string { return strconv.FormatInt(e.Version, 10) }

func etag(v any) string {
	text, _ := json.Marshal(v) // no member of these can fail
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// asSeen returns an error that wraps ErrVersion, and says what is there now, if the caller
// decided on something else. What changes after it has looked, the store refuses.
func (s *Service) asSeen(ctx context.Context, c Caller, e edit) error {
	if c.Seen == "" {
		return nil
	}
	tag, now, err := "", any(nil), error(nil)
	if e.platform {
		var p PlatformView
		p, err = s.PlatformView(ctx, e.appid)
		tag, now = p.ETag(), p.withoutCounts()
	} else {
		var m MiniProgram
		m, err = s.MiniProgram(ctx, e.appid)
		tag, now = m.ETag(), m.withoutCounts()
	}
	switch {
	case KindOf(err) == NotFound:
		return &Error{Kind: Conflict, Detail: "no " + e.noun() + " " + e.appid + " is there any more", Err: ErrVersion}
	case err != nil:
		return err
	case c.Seen == "*" || c.Seen == tag:
		return nil
	}
	text, _ := json.Marshal(now)
	return &Error{Kind: Conflict, Detail: e.appid + " has changed since you read it; it is now " + string(text), Err: ErrVersion}
}
