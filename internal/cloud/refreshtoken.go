package cloud

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// RefreshToken is the refresh token of one consent, which every code of it answers
// (AI-6). What is stored is a MAC, which recognizes it and names the consent, and the
// token itself, sealed.
type RefreshToken struct {
	MAC    string
	Sealed string // "" of one that a server of before made
	// SupersededAt is when the token of a later consent came into force, Unix
	// milliseconds; 0 if none did.
	SupersededAt int64
}

// RefreshTokenStore keeps the refresh tokens of authorizations in force, and of
// consents whose code was not exchanged yet.
type RefreshTokenStore interface {
	// RefreshToken returns a refresh token of an authorization in force: of this
	// epoch, and none that a cancellation or a world file has voided.
	RefreshToken(ctx context.Context, platform, appid string, epoch int64, mac string) (RefreshToken, error)
	// KeepRefreshToken stores the sealed form of the refresh token that is in force,
	// and nothing if another is.
	KeepRefreshToken(ctx context.Context, platform, appid string, t RefreshToken) error
	// RefreshVoided reports whether a refresh token of an authorization was voided:
	// by its cancellation, or because another replaced it. Of an authorization that
	// was cancelled when that was not yet remembered, every refresh token was.
	RefreshVoided(ctx context.Context, platform, appid, refreshMAC string) (bool, error)
}

// good reports whether a refresh token that was given out counts still.
func (t RefreshToken) good(now int64) bool { return now < t.SupersededAt+overlap.Milliseconds() }

// newRefreshToken makes a refresh token, and what is stored of it.
func (s *Service) newRefreshToken(of grantKey) (string, RefreshToken) {
	text := refreshTokenPrefix + s.randomToken()
	return text, s.sealRefreshToken(of, text)
}

func (s *Service) sealRefreshToken(of grantKey, text string) RefreshToken {
	mac := s.ring.MAC(refreshTokenPurpose, of.row(), text)
	return RefreshToken{MAC: mac, Sealed: s.ring.Seal(refreshTokenPurpose, append(of.row(), mac), text)}
}

// openRefreshToken returns a refresh token from its sealed form.
func (s *Service) openRefreshToken(of grantKey, t RefreshToken) (string, error) {
	text, err := s.ring.Open(refreshTokenPurpose, append(of.row(), t.MAC), t.Sealed)
	if err != nil {
		return "", storeError("refresh token", err)
	}
	return text, nil
}

// refreshTokenOf returns the refresh token that a code answers, and which one is in
// force from then on. AuthCodeInvalid if the token has ended, and so the consent.
func (s *Service) refreshTokenOf(
	ctx context.Context, c Caller, a Authorization, code AuthCode,
) (text string, inForce RefreshToken, err error) {
	of := grantKey{a.Platform, a.AppID}
	t, err := s.store.RefreshToken(ctx, a.Platform, a.AppID, a.Epoch, code.RefreshMAC)
	if errors.Is(err, ErrNotFound) || err == nil && t.Sealed == "" { // of a consent at a server of before
		text, t = s.newRefreshToken(of)
		return text, t, nil
	}
	if err != nil {
		return "", t, storeError("refresh token", err)
	}
	if t.SupersededAt != 0 {
		if !t.good(c.Now) {
			return "", t, Refused(AuthCodeInvalid, "")
		}
		inForce.MAC = a.RefreshMAC // that of the later consent stays
	} else {
		inForce = t
	}
	text, err = s.openRefreshToken(of, t)
	return text, inForce, err
}

// checkRefreshToken returns nil if a refresh token is the one in force, or was until
// a moment ago (AI-6), and RefreshTokenInvalid otherwise.
func (s *Service) checkRefreshToken(ctx context.Context, c Caller, a *Authorization, text string) error {
	row := grantKey{a.Platform, a.AppID}.row()
	if s.ring.CheckMAC(refreshTokenPurpose, row, text, a.RefreshMAC) {
		return nil
	}
	mac := s.ring.MAC(refreshTokenPurpose, row, text)
	t, err := s.store.RefreshToken(ctx, a.Platform, a.AppID, a.Epoch, mac)
	if err == nil && !t.good(c.Now) {
		err = ErrNotFound
	}
	if err != nil {
		return notFoundAs(RefreshTokenInvalid, "", err)
	}
	return nil
}

// keepRefreshToken stores the sealed form of a refresh token that a server of before
// made, now that its holder brings it: from then on it can be told (AI-4). If that
// fails, the next use of the token will do.
func (s *Service) keepRefreshToken(ctx context.Context, a *Authorization, text string) {
	of := grantKey{a.Platform, a.AppID}
	if a.RefreshKept || !s.ring.CheckMAC(refreshTokenPurpose, of.row(), text, a.RefreshMAC) {
		return
	}
	if err := s.store.KeepRefreshToken(ctx, a.Platform, a.AppID, s.sealRefreshToken(of, text)); err != nil {
		s.log.Warn("the sealed form of a refresh token was not stored", "platform", a.Platform, "appid", a.AppID, "err", err)
		return
	}
	s.authorizations.drop(of)
}

// RefreshAuthorizerToken returns a new access token for a refresh token, which
// stays as it is (CR-6). NotAuthorized, RefreshTokenInvalid or InvalidAppID.
func (s *Service) RefreshAuthorizerToken(
	ctx context.Context, c Caller, platform, appid, refresh string,
) (Grant, error) {
	if err := isCaller(c, platform); err != nil {
		return Grant{}, err
	}
	c.AppID = appid
	key := grantKey{platform, appid}
	for range issueTries {
		a, err := s.authorization(ctx, reread, platform, appid)
		switch {
		case errors.Is(err, ErrNotFound):
			return Grant{}, Refused(NotAuthorized, "")
		case err != nil:
			return Grant{}, storeError("authorization", err)
		case a.usable() != nil:
			return Grant{}, a.usable()
		}
		if err := s.checkRefreshToken(ctx, c, a, refresh); err != nil {
			return Grant{}, err
		}
		issued, next := s.nextIssue(c, a.Issued, 0)
		ok, err := s.store.IssueAuthorizerToken(ctx, *a, next, c.record(actAuthorizerToken, ""))
		s.authorizations.drop(key)
		switch {
		case err != nil:
			return Grant{}, storeError("issue authorizer token", err)
		case ok:
			s.keepRefreshToken(ctx, a, refresh)
			return s.grant(c, *a, issued, refresh), nil
		}
	}
	return Grant{}, storeError("issue authorizer token", ErrStale)
}

// AnotherCode returns one more authorization code of a consent, which the MAC of its
// refresh token names: each code of a consent is good once, and all answer that
// token (AI-6). NotFound if the consent counts no more.
func (s *Service) AnotherCode(
	ctx context.Context, c Caller, random io.Reader, platform, appid, refreshMAC string,
) (Token, error) {
	code, row := s.newCode(c, random, platform, appid)
	row.RefreshMAC = refreshMAC
	if err := s.store.AddAuthCode(ctx, row); err != nil {
		return Token{}, notFoundAs(NotFound, fmt.Sprintf("%s does not authorize %s by that consent", appid, platform), err)
	}
	return code, nil
}
