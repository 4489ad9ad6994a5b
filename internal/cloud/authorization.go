package cloud

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// Authorization lets a platform act for a Mini Program. Epoch is new each time
// it is given again: tokens and links of another epoch are void.
type Authorization struct {
	Platform   string
	AppID      string
	InForce    bool
	Epoch      int64
	Sets       []int  // permission-set ids, in the order they were granted
	RefreshMAC string // recognizes the refresh token in force; "" if there is none
	// RefreshKept is that the sealed form of that token is stored.
	RefreshKept bool
	Issued      Issues

	PlatformDisabled, AppDisabled bool
	PlatformBounded               bool // it has limits
}

// usable returns nil if the platform may act for the Mini Program: otherwise
// InvalidComponent or NotAuthorized (OP-6).
func (a Authorization) usable() error {
	switch {
	case a.PlatformDisabled:
		return Refused(InvalidComponent, "")
	case !a.InForce || a.AppDisabled:
		return Refused(NotAuthorized, "")
	}
	return nil
}

// AuthCode is an authorization code, of which only the MAC is stored. Times are
// Unix milliseconds; UsedAt is 0 until it is used. RefreshMAC names the consent, by
// the refresh token that its codes answer; "" of one at a server of before.
type AuthCode struct {
	Platform   string
	CodeMAC    string
	AppID      string
	Epoch      int64
	ExpiresAt  int64
	UsedAt     int64
	RefreshMAC string
}

// Consent is a merchant's consent: the permission sets, its first code, and the
// refresh token that the code answers.
type Consent struct {
	Platform, AppID string
	Sets            []int
	Code            AuthCode
	Refresh         RefreshToken
	// The pre-auth code that it uses up, and the MAC by which that is known; "" if it
	// came without one.
	PreAuthCode, PreAuthMAC string
}

// AuthorizationStore keeps authorizations and their codes.
type AuthorizationStore interface {
	Authorization(ctx context.Context, platform, appid string) (Authorization, error)
	AuthCode(ctx context.Context, platform, codeMAC string) (AuthCode, error)
	// Consent puts an authorization in force with these sets. One that was
	// not in force gets a new epoch and no issue times. An
	// epoch is the time of the record, in Unix milliseconds, or one more than the
	// one before: a database that is put back to an earlier state repeats none.
	// The code is stored under the epoch that results. The refresh token is in force
	// at once where there is none, and otherwise when a code of the consent is redeemed.
	// ErrRepeated if the pre-auth code was used up before.
	Consent(ctx context.Context, consent Consent, rec Record) error
	// AddAuthCode adds a code of a consent: ErrNotFound if its authorization is not
	// in force, or its refresh token no more.
	AddAuthCode(ctx context.Context, code AuthCode) error
	// RedeemAuthCode uses up an authorization code and stores what was issued
	// for it. The refresh token given is in force then; the one before is superseded
	// at the time of the record, unless it is the same. It returns false if the code
	// was used, or if the authorization is not as given any more.
	RedeemAuthCode(
		ctx context.Context, a Authorization, codeMAC string, inForce RefreshToken, next Issues, rec Record,
	) (bool, error)
	// IssueAuthorizerToken replaces the issue times of the authorization of
	// that epoch, if it is in force and they are still the old ones.
	IssueAuthorizerToken(ctx context.Context, a Authorization, next Issues, rec Record) (bool, error)
	// Revoke ends an authorization and voids its refresh token. It returns false
	// if there is none in force.
	Revoke(ctx context.Context, platform, appid string, rec Record) (bool, error)
}

func (s *Service) authorization(
	ctx context.Context, want freshness, platform, appid string,
) (*Authorization, error) {
	return s.authorizations.get(grantKey{platform, appid}, want, func() (*Authorization, error) {
		a, err := s.store.Authorization(ctx, platform, appid)
		return &a, err
	})
}

// The prefixes and lives of what the credential flow hands out (CR-3 to CR-6).
const (
	preAuthCodePrefix  = "preauthcode@@@"
	authCodePrefix     = "queryauthcode@@@"
	refreshTokenPrefix = "refreshtoken@@@"

	PreAuthCodeLife = 1800 * time.Second
	AuthCodeLife    = 3600 * time.Second
)

const (
	actPreAuthCode     = "api_create_preauthcode"
	actQueryAuth       = "api_query_auth"
	actAuthorizerToken = "api_authorizer_token"
	actAuthorize       = "authorize"
	actRevoke          = "revoke"
)

// Grant is what a platform is given to act for a Mini Program.
type Grant struct {
	AppID        string
	AccessToken  Token
	RefreshToken string
	Sets         []int
}

// isCaller returns nil if the platform that a body names is the one whose token
// the call carries (CR-7), and InvalidAppID otherwise.
func isCaller(c Caller, platform string) error {
	if c.Platform != platform {
		return Refused(InvalidAppID, "component_appid is not the token's")
	}
	return nil
}

// CreatePreAuthCode returns the code that a platform's consent page is opened with
// (CR-3). A consent uses it up (CO-4).
func (s *Service) CreatePreAuthCode(_ context.Context, c Caller, platform string) (Token, error) {
	if err := isCaller(c, platform); err != nil {
		return Token{}, err
	}
	code := Token{Value: s.preAuthCode(c, platform), Life: PreAuthCodeLife}
	return code, s.recordOutcome(c, actPreAuthCode, "", nil)
}

// Authorize is the merchant's consent (CR-4). When it returns, the authorization
// is in force, and the code that it returns can be exchanged for tokens once.
// NotFound if there is no such platform or Mini Program; InvalidArgs for sets
// that cannot be. Without sets it gives those that the platform asks for (OP-1).
func (s *Service) Authorize(ctx context.Context, c Caller, platform, appid string, sets []int) (Token, error) {
	if len(sets) == 0 {
		var err error
		if sets, err = s.askedSets(ctx, platform); err != nil {
			return Token{}, err
		}
	}
	return s.consent(ctx, c, Consent{Platform: platform, AppID: appid, Sets: sets})
}

// consent gives a consent its code and its refresh token, and stores it.
func (s *Service) consent(ctx context.Context, c Caller, given Consent) (Token, error) {
	platform, appid := given.Platform, given.AppID
	if err := s.checkGrant(ctx, platform, appid, given.Sets); err != nil {
		return Token{}, err
	}
	c.Platform, c.AppID = platform, appid
	code, row := s.newCode(c, s.random, platform, appid)
	_, given.Refresh = s.newRefreshToken(grantKey{platform, appid})
	row.RefreshMAC = given.Refresh.MAC
	given.Code = row
	rec := c.record(actAuthorize, "")
	rec.Detail = fmt.Sprint("sets ", given.Sets)
	err := s.store.Consent(ctx, given, rec)
	s.authorizations.drop(grantKey{platform, appid})
	s.wakePushes()
	if err != nil {
		return Token{}, notFoundAs(NotFound, platform+" or "+appid+" was removed just now", err)
	}
	return code, nil
}

// newCode makes an authorization code, and what is stored of it.
func (s *Service) newCode(c Caller, random io.Reader, platform, appid string) (Token, AuthCode) {
	code := authCodePrefix + tokenOf(random)
	return Token{Value: code, Life: AuthCodeLife}, AuthCode{
		Platform:  platform,
		CodeMAC:   s.ring.MAC(authCodePurpose, []string{platform}, code),
		AppID:     appid,
		ExpiresAt: c.Now + AuthCodeLife.Milliseconds(),
	}
}

// askedSets returns the permission sets that a platform asks merchants for.
func (s *Service) askedSets(ctx context.Context, platform string) ([]int, error) {
	if _, err := s.platform(ctx, reread, platform); err != nil {
		return nil, notFoundAs(NotFound, "no platform "+platform, err)
	}
	sets, err := s.store.PlatformSets(ctx, platform)
	if err != nil {
		return nil, storeError("permission sets", err)
	}
	if len(sets) == 0 {
		return nil, RefusedMember("permission_sets", "name the permission sets: "+platform+" asks for none by itself")
	}
	return sets, nil
}

// checkGrant returns nil if a platform, a Mini Program and permission sets can
// make an authorization.
func (s *Service) checkGrant(ctx context.Context, platform, appid string, sets []int) error {
	if err := checkSets(sets); err != nil {
		return err
	}
	p, err := s.account(ctx, platform)
	if err != nil || !p.IsPlatform {
		return notFoundAs(NotFound, "no platform "+platform, cmp.Or(err, ErrNotFound))
	}
	a, err := s.account(ctx, appid)
	switch {
	case err != nil:
		return notFoundAs(NotFound, "no Mini Program "+appid, err)
	case a.IsPlatform:
		return Refused(NotFound, appid+" is a platform, not a Mini Program")
	case p.State == Removing:
		return beingRemoved(platform)
	case a.State == Removing:
		return beingRemoved(appid)
	}
	return nil
}

// maxSets and maxSetID bound the permission sets of one authorization.
const (
	maxSets  = 1000
	maxSetID = 10000
)

func checkSets(sets []int) error {
	if len(sets) == 0 || len(sets) > maxSets {
		return Refused(InvalidArgs, fmt.Sprintf("an authorization has 1 to %d permission sets", maxSets))
	}
	seen := map[int]bool{}
	for _, id := range sets {
		if id < 1 || id > maxSetID || seen[id] {
			detail := fmt.Sprintf("permission set %d: ids are from 1 to %d, each once", id, maxSetID)
			return Refused(InvalidArgs, detail)
		}
		seen[id] = true
	}
	return nil
}

// QueryAuth exchanges an authorization code for the tokens of the authorization
// (CR-5). The refresh token is that of the consent (AI-6). AuthCodeInvalid,
// AuthCodeExpired, InvalidAppID, or NotAuthorized if the authorization was
// cancelled meanwhile.
func (s *Service) QueryAuth(ctx context.Context, c Caller, platform, code string) (Grant, error) {
	if err := isCaller(c, platform); err != nil {
		return Grant{}, err
	}
	mac := s.ring.MAC(authCodePurpose, []string{platform}, code)
	for range issueTries {
		row, err := s.store.AuthCode(ctx, platform, mac)
		switch {
		case errors.Is(err, ErrNotFound) || err == nil && row.UsedAt != 0:
			return Grant{}, Refused(AuthCodeInvalid, "")
		case err != nil:
			return Grant{}, storeError("authorization code", err)
		case c.Now >= row.ExpiresAt:
			return Grant{}, Refused(AuthCodeExpired, "")
		}
		g, done, err := s.redeem(ctx, c, row)
		if done || err != nil {
			return g, err
		}
	}
	return Grant{}, storeError("query auth", ErrStale)
}

// redeem tries once to use a code up, and returns false if another call came
// between.
func (s *Service) redeem(ctx context.Context, c Caller, code AuthCode) (Grant, bool, error) {
	a, err := s.store.Authorization(ctx, code.Platform, code.AppID)
	switch {
	case err != nil: // it was removed
		return Grant{}, false, notFoundAs(AuthCodeInvalid, "", err)
	case a.usable() != nil:
		return Grant{}, false, a.usable()
	case a.Epoch != code.Epoch:
		return Grant{}, false, Refused(AuthCodeInvalid, "")
	}
	refresh, inForce, err := s.refreshTokenOf(ctx, c, a, code)
	if err != nil {
		return Grant{}, false, err
	}
	c.AppID = code.AppID
	issued, next := s.nextIssue(c, a.Issued, 0)
	ok, err := s.store.RedeemAuthCode(ctx, a, code.CodeMAC, inForce, next, c.record(actQueryAuth, ""))
	s.authorizations.drop(grantKey{a.Platform, a.AppID})
	if err != nil {
		return Grant{}, false, storeError("query auth", err)
	}
	return s.grant(c, a, issued, refresh), ok, nil
}

// grant returns what a platform is given under an authorization: a new access
// token, and the refresh token.
func (s *Service) grant(c Caller, a Authorization, issued int64, refresh string) Grant {
	token := s.sign(claim{
		kind: AuthorizerToken, issued: issued, epoch: a.Epoch, platform: a.Platform, appid: a.AppID,
	}, c.Now)
	return Grant{AppID: a.AppID, AccessToken: token, RefreshToken: refresh, Sets: a.Sets}
}

// Revoke cancels an authorization. When it returns, tokens and links of it are
// good no more (CR-9). NotFound if there is none in force.
func (s *Service) Revoke(ctx context.Context, c Caller, platform, appid string) error {
	c.Platform, c.AppID = platform, appid
	ok, err := s.store.Revoke(ctx, platform, appid, c.record(actRevoke, ""))
	s.authorizations.drop(grantKey{platform, appid})
	s.wakePushes()
	switch {
	case err != nil:
		return storeError("revoke", err)
	case !ok:
		return Refused(NotFound, fmt.Sprintf("%s does not authorize %s", appid, platform))
	}
	return nil
}
