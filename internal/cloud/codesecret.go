package cloud

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"errors"
)

// CodeSecretStore keeps code protection keys, sealed.
type CodeSecretStore interface {
	CodeSecret(ctx context.Context, platform, appid string) (string, error)
	// AddCodeSecret stores a sealed key unless there is one, and returns the
	// one that is there afterwards: ErrNotFound if there is no authorization.
	AddCodeSecret(ctx context.Context, platform, appid, sealed string, rec Record) (string, error)
}

// codeSecretBytes random bytes make 64 characters of base64 (CS-3).
const codeSecretBytes = 48

const actCodeSecret = "getcodesecret"

// CodeSecret returns the code protection key of the caller's platform for the
// caller's Mini Program. The first call makes it, and it is the same ever after
// (CS-4).
func (s *Service) CodeSecret(ctx context.Context, c Caller) (string, error) {
	made := false
	secret, err := s.codeSecret(c, func() (string, error) {
		sealed, err := s.store.CodeSecret(ctx, c.Platform, c.AppID)
		if errors.Is(err, ErrNotFound) {
			sealed, made, err = s.makeCodeSecret(ctx, c)
		}
		return sealed, err
	})
	switch {
	case err != nil: // without an authorization, which was removed meanwhile, no key is made
		err = notFoundAs(NotAuthorized, "", err)
	case made:
		return secret, nil // recorded with the key
	}
	return secret, s.recordOutcome(c, actCodeSecret, "", err)
}

// codeSecret returns the key of the caller's platform for the caller's Mini
// Program: from memory, or what load returns sealed.
func (s *Service) codeSecret(c Caller, load func() (string, error)) (string, error) {
	key := grantKey{c.Platform, c.AppID}
	// Under another epoch the key may be another: the authorization may have been
	// removed and made anew.
	return s.secrets.get(secretKey{key, c.epoch}, cached, func() (string, error) {
		sealed, err := load()
		if err != nil {
			return "", err
		}
		return s.ring.Open(codeSecretPurpose, key.row(), sealed)
	})
}

// makeCodeSecret stores a new key unless another call was first. It returns the
// stored one, sealed, and whether that is the new one (CS-5).
func (s *Service) makeCodeSecret(ctx context.Context, c Caller) (string, bool, error) {
	secret := base64.StdEncoding.EncodeToString(s.randomBytes(codeSecretBytes))
	sealed := s.ring.Seal(codeSecretPurpose, grantKey{c.Platform, c.AppID}.row(), secret)
	rec := c.record(actCodeSecret, "")
	rec.Detail = "key made"
	stored, err := s.store.AddCodeSecret(ctx, c.Platform, c.AppID, sealed, rec)
	return stored, stored == sealed, err
}

// checkCodeSecret returns nil if a key is the one of the caller's platform for the
// caller's Mini Program, and CodeSecretMismatch otherwise. Nobody has been given a
// key that was never made.
func (s *Service) checkCodeSecret(ctx context.Context, c Caller, secret string) error {
	want, err := s.codeSecret(c, func() (string, error) { return s.store.CodeSecret(ctx, c.Platform, c.AppID) })
	if err != nil && !errors.Is(err, ErrNotFound) {
		return storeError("code secret", err)
	}
	if err != nil || subtle.ConstantTimeCompare([]byte(want), []byte(secret)) != 1 {
		return Refused(CodeSecretMismatch, "CodeSecret is not this platform's key for this Mini Program")
	}
	return nil
}

// Purposes of sealed values and of MACs. What was sealed for one does not open as
// another.
const (
	codeSecretPurpose   = "codesecret"
	appSecretPurpose    = "appsecret"
	fixedTicketPurpose  = "ticket"
	refreshTokenPurpose = "refreshtoken"
	authCodePurpose     = "authcode"
	preAuthPurpose      = "preauth"
	consentCodePurpose  = "consentcode"
	adminTokenPurpose   = "admintoken"
	eventPurpose        = "event"
	funcConfigPurpose   = "funcconfig"
)

// row is the identity that a stored secret is bound to.
func (k grantKey) row() []string { return []string{k.platform, k.appid} }
