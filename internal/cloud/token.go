package cloud

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/opentcb/opentcb/internal/seal"
)

// TokenKind says what an access token is for. Kinds are bits, so that an
// interface can take several.
type TokenKind byte

// The kinds of access tokens.
const (
	ComponentToken  TokenKind = 1 << iota // component_access_token
	AuthorizerToken                       // authorizer_access_token
	CloudbaseToken                        // cloudbase_access_token: never for the server's own interfaces (CC-5)
)

// TokenLife is how long a component or authorizer access token is good
// (CR-1, CR-6).
const TokenLife = 7200 * time.Second

// overlap is how long a token outlives the issue of its successor (CR-8).
const overlap = 5 * time.Minute

// Interface is what a call must bring to an interface before its body counts.
type Interface struct {
	Name   string    // the wire name, as the audit record has it
	Tokens TokenKind // the kinds of token that fit
	Sets   []int     // permission sets, one of which an authorizer token needs; empty: none
}

// claim is what an access token says of itself. Times are Unix milliseconds.
// A cloudbase token has an account, in appid, and an environment; no platform
// and no epoch.
type claim struct {
	kind     TokenKind
	issued   int64
	expires  int64
	epoch    int64
	platform string
	appid    string
	env      string
}

func (c claim) encode() []byte {
	b := []byte{byte(c.kind)}
	b = binary.AppendUvarint(b, uint64(c.issued))
	b = binary.AppendUvarint(b, uint64(c.expires))
	b = binary.AppendUvarint(b, uint64(c.epoch))
	b = appendText(b, c.platform)
	b = appendText(b, c.appid)
	if c.kind == CloudbaseToken {
		b = appendText(b, c.env)
	}
	return b
}

func decodeClaim(b []byte) (claim, error) {
	d := decoder{s: string(b)}
	c := claim{
		kind: TokenKind(d.byte()), issued: d.int(), expires: d.int(), epoch: d.int(),
		platform: d.text(), appid: d.text(),
	}
	if c.kind == CloudbaseToken {
		c.env = d.text()
	}
	return c, d.end()
}

// Authenticate is checks 3 to 7 of every interface: the token genuine (40014),
// unexpired (42001), of a kind that fits (48001), the authorization in force
// (61003), a needed permission set held (61007). The caller is returned with
// the error as soon as it is known, for the audit record.
func (s *Service) Authenticate(ctx context.Context, token string, iface Interface, rid string) (Caller, error) {
	c, err := s.claimOf(token)
	if err != nil {
		return Caller{}, err
	}
	caller := s.caller(rid)
	caller.Platform, caller.AppID, caller.epoch = c.platform, c.appid, c.epoch
	if caller.Now >= c.expires {
		return caller, Refused(TokenExpired, "")
	}
	err = s.authenticate(ctx, cached, c, iface, caller.Now)
	if k := KindOf(err); err != nil && s.shared && k != Unavailable && k != Internal {
		// What another server has issued or granted since counts at once.
		err = s.authenticate(ctx, reread, c, iface, caller.Now)
	}
	return caller, err
}

func (s *Service) authenticate(ctx context.Context, want freshness, c *claim, iface Interface, now int64) error {
	switch c.kind {
	case ComponentToken:
		return s.authenticateComponent(ctx, want, c, iface, now)
	case CloudbaseToken:
		return Refused(WrongTokenKind, "a cloudbase_access_token calls open interfaces alone") // CC-5
	}
	return s.authenticateAuthorizer(ctx, want, c, iface, now)
}

// claimOf returns what a genuine token says of itself, InvalidToken if it is not
// genuine. Claims are cached: to find one costs less than to verify a signature.
func (s *Service) claimOf(token string) (*claim, error) {
	if c, ok := s.claims.peek(token); ok {
		return c, nil
	}
	c, err := s.openToken(token)
	if err != nil {
		return nil, err
	}
	s.claims.put(strings.Clone(token), entry[*claim]{row: &c}, 0) // a clone, since the token is part of a whole request
	return &c, nil
}

// openToken returns the claim of a genuine token.
func (s *Service) openToken(token string) (claim, error) {
	raw, err := s.ring.Verify(seal.AccessToken, token)
	if err != nil {
		return claim{}, Refused(InvalidToken, "")
	}
	c, err := decodeClaim(raw)
	if err != nil {
		return claim{}, &Error{Kind: Internal, Err: wrap("access token", err)}
	}
	return c, nil
}

func (s *Service) authenticateComponent(ctx context.Context, want freshness, c *claim, iface Interface, now int64) error {
	p, err := s.platform(ctx, want, c.platform)
	switch {
	case errors.Is(err, ErrNotFound):
		return Refused(InvalidToken, "")
	case err != nil:
		return storeError("platform", err)
	case p.Issued.superseded(c.issued, now):
		return Refused(InvalidToken, "")
	case iface.Tokens&ComponentToken == 0:
		return Refused(WrongTokenKind, "the interface takes an authorizer_access_token")
	}
	return nil
}

func (s *Service) authenticateAuthorizer(ctx context.Context, want freshness, c *claim, iface Interface, now int64) error {
	a, err := s.authorization(ctx, want, c.platform, c.appid)
	switch {
	case errors.Is(err, ErrNotFound):
		return Refused(InvalidToken, "")
	case err != nil:
		return storeError("authorization", err)
	case a.Epoch != c.epoch || a.Issued.superseded(c.issued, now):
		return Refused(InvalidToken, "") // void since it was given anew (CR-9), or replaced (CR-8)
	case iface.Tokens&c.kind == 0:
		return Refused(WrongTokenKind, "the interface takes a component_access_token")
	case !a.InForce:
		return Refused(NotAuthorized, "")
	case !a.holdsOneOf(iface.Sets):
		return Refused(MissingPermission, "needs permission set "+orList(iface.Sets))
	}
	return nil
}

// holdsOneOf says whether the merchant granted one of the sets, or none is
// needed.
func (a Authorization) holdsOneOf(needed []int) bool {
	return len(needed) == 0 || slices.ContainsFunc(needed, func(id int) bool { return slices.Contains(a.Sets, id) })
}

// orList writes 49, 64 as "49 or 64".
func orList(ids []int) string {
	words := make([]string, len(ids))
	for i, id := range ids {
		words[i] = strconv.Itoa(id)
	}
	return strings.Join(words, " or ")
}

// Issues are the times, ascending in Unix milliseconds, at which access
// tokens of one platform or authorization were issued: as many as are needed
// to say when a token was superseded. A token is known by its issue time,
// which no two share.
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
	// Of the times over five minutes old the newest alone decides.
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

// superseded says whether a token issued at that time has had a successor for
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
