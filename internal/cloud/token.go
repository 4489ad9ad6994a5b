package cloud

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/opentcb/opentcb/internal/seal"
	"github.com/opentcb/opentcb/tcb"
)

// TokenKind is what an access token is for. Kinds are bits, so that an interface
// can take several.
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

// Interface is what a call must bring to an interface before its body counts.
type Interface struct {
	Name   string    // the wire name, as the audit record has it
	Tokens TokenKind // the kinds of token that fit
	Sets   []int     // permission sets, one of which an authorizer token needs; empty: none
	Free   bool      // its calls count for no quota
}

// claim is the content of an access token. Times are Unix milliseconds. A
// cloudbase token has an account, in appid, and an environment, but no platform;
// its epoch is that of the environment's credentials and one more, 0 in those of
// servers before.
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
	d := decoder{b}
	c := claim{
		kind: TokenKind(d.byte()), issued: d.int(), expires: d.int(), epoch: d.int(),
		platform: d.text(), appid: d.text(),
	}
	if c.kind == CloudbaseToken {
		c.env = d.text()
	}
	return c, d.end()
}

// Authenticate is checks 3 to 7 of every interface. It returns the caller that
// an access token proves, at this moment, or the first error of: InvalidToken
// (40014, or InvalidCredential, 40001: EN-14) if the token is not genuine, void or superseded, TokenExpired (42001),
// WrongTokenKind (48001), InvalidComponent (61011) if the platform is disabled,
// NotAuthorized (61003) if the Mini Program is, or the authorization was cancelled,
// MissingPermission (61007). With an error, too, it returns the caller
// as far as that is known, for the audit record.
func (s *Service) Authenticate(ctx context.Context, token string, iface Interface, rid string) (Caller, error) {
	c, err := s.claimOf(token)
	if err != nil {
		return Caller{}, err
	}
	caller := s.caller(rid)
	caller.Platform, caller.AppID, caller.epoch, caller.issued = c.platform, c.appid, c.epoch, c.issued
	if caller.Now >= c.expires {
		return caller, Refused(TokenExpired, "")
	}
	caller.Bounded, err = s.authenticate(ctx, cached, c, &iface, caller.Now)
	if k := KindOf(err); err != nil && s.shared && k != Unavailable && k != Internal {
		// What another server has issued or granted meanwhile counts at once.
		caller.Bounded, err = s.authenticate(ctx, reread, c, &iface, caller.Now)
	}
	return caller, err
}

// authenticate is Authenticate of a claim. It also reports whether the platform that
// a genuine token proves has limits.
func (s *Service) authenticate(
	ctx context.Context, want freshness, c *claim, iface *Interface, now int64,
) (bounded bool, err error) {
	switch c.kind {
	case ComponentToken:
		return s.authenticateComponent(ctx, want, c, iface, now)
	case CloudbaseToken:
		return false, Refused(WrongTokenKind, "a cloudbase_access_token calls only open interfaces") // CC-5
	}
	return s.authenticateAuthorizer(ctx, want, c, iface, now)
}

// claimOf returns the claim of a genuine token, InvalidToken if it is not genuine.
// Claims are cached: looking one up is cheaper than verifying a signature.
func (s *Service) claimOf(token string) (*claim, error) {
	if c, ok := s.claims.peek(token); ok {
		return c, nil
	}
	c, err := s.openToken(token)
	if err != nil {
		return nil, err
	}
	// The key is a clone, since the token is part of a whole request.
	s.claims.put(strings.Clone(token), entry[*claim]{row: &c}, 0)
	return &c, nil
}

// openToken verifies a token and returns its claim.
func (s *Service) openToken(token string) (claim, error) {
	raw, err := s.ring.Verify(seal.AccessToken, token)
	if err != nil {
		return claim{}, Refused(s.invalid, "")
	}
	c, err := decodeClaim(raw)
	if err != nil {
		return claim{}, internalError("access token", err)
	}
	return c, nil
}

func (s *Service) authenticateComponent(
	ctx context.Context, want freshness, c *claim, iface *Interface, now int64,
) (bounded bool, err error) {
	p, err := s.platform(ctx, want, c.platform)
	switch {
	case err != nil:
		return false, notFoundAs(InvalidToken, "", err)
	case c.issued < p.VoidBefore:
		return false, Refused(s.invalid, "") // the secret that it was issued for was replaced
	case p.Issued.superseded(c.issued, now):
		return false, Refused(s.invalid, "")
	}
	bounded = p.Limits != nil
	switch {
	case iface.Tokens&ComponentToken == 0:
		return bounded, Refused(WrongTokenKind, "the interface takes an authorizer_access_token")
	case p.Disabled:
		return bounded, Refused(InvalidComponent, "")
	}
	return bounded, nil
}

func (s *Service) authenticateAuthorizer(
	ctx context.Context, want freshness, c *claim, iface *Interface, now int64,
) (bounded bool, err error) {
	a, err := s.authorization(ctx, want, c.platform, c.appid)
	switch {
	case err != nil:
		return false, notFoundAs(InvalidToken, "", err)
	case a.Epoch != c.epoch:
		return false, Refused(InvalidToken, "") // void since it was given again (CR-9)
	case a.Issued.superseded(c.issued, now):
		return false, Refused(s.invalid, "") // CR-8
	}
	bounded = a.PlatformBounded
	switch {
	case iface.Tokens&c.kind == 0:
		return bounded, Refused(WrongTokenKind, "the interface takes a component_access_token")
	case a.PlatformDisabled || a.AppDisabled || !a.InForce:
		return bounded, a.usable()
	case !a.holdsOneOf(iface.Sets):
		return bounded, Refused(MissingPermission, "needs permission set "+orList(iface.Sets))
	}
	return bounded, nil
}

// holdsOneOf reports whether the merchant granted one of the sets, or none is
// needed.
func (a Authorization) holdsOneOf(needed []int) bool {
	granted := func(id int) bool { return slices.Contains(a.Sets, id) }
	return len(needed) == 0 || slices.ContainsFunc(needed, granted)
}

// orList writes 49, 64 as "49 or 64".
func orList(ids []int) string {
	words := make([]string, len(ids))
	for i, id := range ids {
		words[i] = strconv.Itoa(id)
	}
	return strings.Join(words, " or ")
}

// appendText appends a text with its length.
func appendText(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

// errClaim is the error of a claim that is not of the form that was signed.
// Since its signature held, that is a bug or the work of another version.
var errClaim = errors.New("claim of another form")

// decoder reads a claim member by member. After the first error it returns zero
// values, and rest is nil.
type decoder struct{ rest []byte }

func (d *decoder) byte() byte {
	b := d.bytes(1)
	if b == nil {
		return 0
	}
	return b[0]
}

// bytes returns the next n bytes, nil if there are not as many.
func (d *decoder) bytes(n int64) []byte {
	if d.rest == nil || n > int64(len(d.rest)) {
		d.rest = nil
		return nil
	}
	b := d.rest[:n]
	d.rest = d.rest[n:]
	return b
}

// int reads what binary.AppendUvarint wrote.
func (d *decoder) int() int64 {
	v, n := binary.Uvarint(d.rest)
	if n <= 0 || v > math.MaxInt64 {
		d.rest = nil
		return 0
	}
	d.rest = d.rest[n:]
	return int64(v)
}

func (d *decoder) text() string { return string(d.bytes(d.int())) }

// end returns errClaim unless every member was there and nothing is left.
func (d *decoder) end() error {
	if d.rest == nil || len(d.rest) > 0 {
		return errClaim
	}
	return nil
}

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
