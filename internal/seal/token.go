package seal

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
)

// MaxToken is the length of the longest token, in characters (CR-10).
const MaxToken = 512

// Class keeps tokens of one use from passing as tokens of another.
type Class string

// The classes of tokens.
const (
	AccessToken Class = "access" // call credentials
	Link        Class = "link"   // download links
	Upload      Class = "upload" // the token of an upload's signature
	Ticket      Class = "ticket" // verify tickets
)

// A token is base64url of: key id, claim, HMAC-SHA256 over class and both. It
// is signed, not encrypted: a claim says nothing that its holder does not
// know, and a signature has no nonce to run out of however many links are
// made.

// Sign returns a token of A–Z a–z 0–9 - _ that carries the claim.
func (r *Ring) Sign(class Class, claim []byte) string {
	b := make([]byte, 0, keyIDBytes+len(claim)+sha256.Size)
	b = append(b, r.id[:]...)
	b = append(b, claim...)
	b = append(b, r.sign(class, b)...)
	return base64.RawURLEncoding.EncodeToString(b)
}

// Verify returns the claim of a token that Sign made for the same class under
// the same master key, and ErrUnknownKey or ErrAltered otherwise. There is
// one spelling of a token: any changed character makes it false (CR-10).
func (r *Ring) Verify(class Class, token string) ([]byte, error) {
	if len(token) > MaxToken {
		return nil, ErrAltered
	}
	b, err := decodeStrict(token)
	if err != nil || len(b) < keyIDBytes+sha256.Size {
		return nil, ErrAltered
	}
	if [keyIDBytes]byte(b) != r.id {
		return nil, ErrUnknownKey
	}
	signed, sig := b[:len(b)-sha256.Size], b[len(b)-sha256.Size:]
	if !hmac.Equal(sig, r.sign(class, signed)) {
		return nil, ErrAltered
	}
	return signed[keyIDBytes:], nil
}

// Secret derives a secret of 64 hex characters from a token: the key under
// which an upload is signed, which must be found again from its token alone.
func (r *Ring) Secret(token string) string {
	return hex.EncodeToString(pooledMAC(&r.sigs, bind("secret", nil), []byte(token)))
}

func (r *Ring) sign(class Class, signed []byte) []byte {
	return pooledMAC(&r.sigs, bind(string(class), nil), signed)
}
