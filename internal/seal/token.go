package seal

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"hash"
)

// MaxToken is the length of the longest token, in characters (CR-10).
const MaxToken = 512

// Class is the use of a token. A token of one class is not valid in another.
type Class string

// The classes of tokens.
const (
	AccessToken Class = "access"  // call credentials
	Link        Class = "link"    // download links
	Upload      Class = "upload"  // the token of an upload's signature
	Ticket      Class = "ticket"  // verify tickets
	PreAuth     Class = "preauth" // pre-auth codes
	Credential  Class = "env"     // credentials of environments, for their runtimes
)

// A token is the base64url of the key id, the claim, and the HMAC-SHA256 of the
// class and both. It is signed, not encrypted: a claim holds nothing that the
// token's holder does not know, and a signature has no nonces that could run out
// with many links.

// Sign returns a token of A–Z a–z 0–9 - _ that carries the claim.
func (r *Ring) Sign(class Class, claim []byte) string {
	l := r.signing.Load().own
	b := make([]byte, 0, keyIDBytes+len(claim)+sha256.Size)
	b = append(b, l.id[:]...)
	b = append(b, claim...)
	k := l.sigs.Get().(*keyed)
	defer l.sigs.Put(k)
	b = append(b, k.of(class.prefix(), b)...)
	return base64.RawURLEncoding.EncodeToString(b)
}

// Verify returns the claim of a token that Sign returned for the same class under
// the same master key. The error is ErrUnknownKey or ErrAltered. A token has only
// one spelling: any changed character makes it invalid (CR-10).
func (r *Ring) Verify(class Class, token string) ([]byte, error) {
	if len(token) > MaxToken {
		return nil, ErrAltered
	}
	b, err := decodeStrict(token)
	if err != nil || len(b) < keyIDBytes+sha256.Size {
		return nil, ErrAltered
	}
	l := r.signing.Load().of([keyIDBytes]byte(b))
	if l == nil {
		return nil, ErrUnknownKey
	}
	signed, sig := b[:len(b)-sha256.Size], b[len(b)-sha256.Size:]
	k := l.sigs.Get().(*keyed)
	defer l.sigs.Put(k)
	if !hmac.Equal(sig, k.of(class.prefix(), signed)) {
		return nil, ErrAltered
	}
	return signed[keyIDBytes:], nil
}

// Secret derives a secret of 64 hex characters from a token. It is the key under
// which an upload is signed, and is derived again from the upload's token.
func (r *Ring) Secret(token string) string {
	k := r.sigs.Get().(*keyed)
	defer r.sigs.Put(k)
	return hex.EncodeToString(k.of(bind("secret", nil), []byte(token)))
}

// prefixes are what is signed of the classes; none is the beginning of another.
var prefixes = map[Class][]byte{
	AccessToken: bind(string(AccessToken), nil),
	Link:        bind(string(Link), nil),
	Upload:      bind(string(Upload), nil),
	Ticket:      bind(string(Ticket), nil),
	Credential:  bind(string(Credential), nil),
}

func (c Class) prefix() []byte { return prefixes[c] }

// keyed is a keyed hash and room for its sum. Reusing one takes a third of the
// time of making one.
type keyed struct {
	hash.Hash
	sum [sha256.Size]byte
}

// of returns the sum of two parts, valid until the next call. The first part must
// show where it ends, as those of bind do.
func (k *keyed) of(first, rest []byte) []byte {
	k.Reset()
	k.Write(first)
	k.Write(rest)
	return k.Sum(k.sum[:0])
}
