package cloud

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Page is which part of a list is wanted: at most Limit items, those after the
// one with that key. A list is in the order of its keys. After is nil for its
// beginning.
type Page struct {
	After []string
	Limit int
}

// Key returns the n parts of the key that the page comes after, all "" for the
// beginning: no key is before them.
func (p Page) Key(n int) []any {
	key := make([]any, n)
	for i := range key {
		key[i] = ""
		if i < len(p.After) {
			key[i] = p.After[i]
		}
	}
	return key
}

// Maybe is a member of a change: absent, or given, perhaps as null, which takes
// away what was said.
type Maybe[T any] struct {
	Given bool
	Null  bool // given as null: Value is zero
	Value T
}

// Given returns a member that is given.
func Given[T any](v T) Maybe[T] { return Maybe[T]{Given: true, Value: v} }

// take returns what a member becomes that is now, and that is away where nothing
// is said of it.
func (m Maybe[T]) take(now, away T) T {
	switch {
	case !m.Given:
		return now
	case m.Null:
		return away
	}
	return m.Value
}

// UnmarshalJSON reads a member that is given.
func (m *Maybe[T]) UnmarshalJSON(text []byte) error {
	*m = Maybe[T]{Given: true, Null: string(text) == "null"}
	return json.Unmarshal(text, &m.Value)
}

// MarshalJSON writes a member that is given; omitzero leaves out the others.
func (m Maybe[T]) MarshalJSON() ([]byte, error) {
	if m.Null {
		return []byte("null"), nil
	}
	return json.Marshal(m.Value)
}

// ListCount is how far a list counts what there is below each of its items: to count
// all of it could take as long as there is much.
const ListCount = 1000

// Counts is what there is below a platform or a Mini Program.
type Counts struct {
	Environments   int64 `json:"environments"`
	Functions      int64 `json:"functions"` // in these environments
	Authorizations int64 `json:"authorizations"`
	InForce        int64 `json:"authorizations_in_force"`
}

// sinceEpoch returns a time in Unix milliseconds, and no time for 0.
func sinceEpoch(at int64) time.Time {
	if at == 0 {
		return time.Time{}
	}
	return time.UnixMilli(at).UTC()
}

// maxText bounds a text that the operator gives to be shown, in bytes.
const maxText = 256

// checkText returns a refusal that names the member unless a text can be shown
// in a table.
func checkText(member, text string) error {
	unprintable := func(r rune) bool { return !unicode.IsPrint(r) }
	if len(text) > maxText || !utf8.ValidString(text) || strings.ContainsFunc(text, unprintable) {
		return RefusedMember(member, fmt.Sprintf("%s must be one line of at most %d bytes", member, maxText))
	}
	return nil
}

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
