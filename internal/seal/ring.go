package seal

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
)

// MasterKeyBytes is the length of a master key.
const MasterKeyBytes = 32

// keyIDBytes is the length of a key's public name.
const keyIDBytes = 4

// ErrUnknownKey reports that a value was made under a master key that the ring
// does not hold.
var ErrUnknownKey = errors.New("seal: made under another master key")

// ErrAltered reports that a value is not as it was made, or does not belong to
// the row in which it was found.
var ErrAltered = errors.New("seal: altered, or bound to another row")

// Ring holds the subkeys of a master key. Seal and Open keep a value secret, MAC
// and CheckMAC recognize one, Sign and Verify make and check tokens, Vouch and
// CheckVouch tell texts that were altered. A Ring is safe for concurrent use.
type Ring struct {
	id   [keyIDBytes]byte
	aead cipher.AEAD
	macs sync.Pool // of *keyed for MAC
	sigs sync.Pool // of *keyed for Secret

	signing  atomic.Pointer[lines] // what Sign and Verify go by
	linesKey []byte                // from which the keys of lines are derived

	vouchers vouchers
	vouched  string // how what Vouch returns begins
}

// NewMasterKey returns 32 fresh random bytes.
func NewMasterKey() []byte {
	key := make([]byte, MasterKeyBytes)
	rand.Read(key) // never fails, by crypto/rand's contract
	return key
}

// ParseMasterKey reads a master key from its file form: 32 bytes in standard
// base64, white space around them ignored. The error never shows the text.
func ParseMasterKey(text []byte) ([]byte, error) {
	key, err := base64.StdEncoding.Strict().DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(key) != MasterKeyBytes {
		return nil, fmt.Errorf("a master key is %d bytes in base64 (make one with: openssl rand -base64 %d)", MasterKeyBytes, MasterKeyBytes)
	}
	return key, nil
}

// FormatMasterKey returns the file form of a master key.
func FormatMasterKey(key []byte) string {
	return base64.StdEncoding.EncodeToString(key) + "\n"
}

// NewRing derives the subkeys of a master key of 32 bytes.
func NewRing(master []byte) (*Ring, error) {
	if len(master) != MasterKeyBytes {
		return nil, fmt.Errorf("seal: a master key has %d bytes, not %d", MasterKeyBytes, len(master))
	}
	block, err := aes.NewCipher(subkey(master, "seal"))
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	r := &Ring{aead: aead}
	copy(r.id[:], subkey(master, "id"))
	macKey, sigKey := subkey(master, "mac"), subkey(master, "sign")
	r.linesKey = subkey(master, "lines")
	r.macs.New = func() any { return &keyed{Hash: hmac.New(sha256.New, macKey)} }
	r.vouchers.derive(master)
	r.vouched = "v1." + r.KeyID() + "."
	r.sigs.New = func() any { return &keyed{Hash: hmac.New(sha256.New, sigKey)} }
	r.signing.Store(&lines{own: &line{id: r.id, sigs: &r.sigs}})
	return r, nil
}

// subkey derives 32 bytes for one use of the master key.
func subkey(master []byte, use string) []byte {
	key, err := hkdf.Key(sha256.New, master, nil, "opentcb/v1/"+use, 32)
	if err != nil {
		panic(err) // only for lengths beyond HKDF's
	}
	return key
}

// KeyID returns the public name of the master key: 8 hex characters, from which
// nothing can be learned about the key.
func (r *Ring) KeyID() string { return hex.EncodeToString(r.id[:]) }

// bind joins the purpose and the row's identity, each after its length, so that
// no two different lists give the same bytes.
func bind(purpose string, row []string) []byte {
	out := binary.AppendUvarint(nil, uint64(len(purpose)))
	out = append(out, purpose...)
	for _, s := range row {
		out = binary.AppendUvarint(out, uint64(len(s)))
		out = append(out, s...)
	}
	return out
}

// Seal encrypts a value for one purpose and one row, and returns the stored form
// "s1.<key id>.<base64>", which differs each time.
func (r *Ring) Seal(purpose string, row []string, plain string) string {
	box := r.aead.Seal(nil, nil, []byte(plain), bind(purpose, row))
	return "s1." + r.KeyID() + "." + base64.RawURLEncoding.EncodeToString(box)
}

// Open decrypts what Seal returned for the same purpose and row. The error is
// ErrUnknownKey or ErrAltered.
func (r *Ring) Open(purpose string, row []string, sealed string) (string, error) {
	box, err := r.stored("s1", sealed)
	if err != nil {
		return "", err
	}
	plain, err := r.aead.Open(nil, nil, box, bind(purpose, row))
	if err != nil {
		return "", ErrAltered
	}
	return string(plain), nil
}

// MAC returns the stored form "m1.<key id>.<base64>", by which CheckMAC recognizes
// a value. The value cannot be read from it, nor guessed without the master key.
func (r *Ring) MAC(purpose string, row []string, value string) string {
	return "m1." + r.KeyID() + "." + base64.RawURLEncoding.EncodeToString(r.mac(purpose, row, value))
}

// CheckMAC reports, in constant time, whether stored is what MAC returned for the
// same purpose, row and value.
func (r *Ring) CheckMAC(purpose string, row []string, value, stored string) bool {
	want, err := r.stored("m1", stored)
	return err == nil && hmac.Equal(want, r.mac(purpose, row, value))
}

func (r *Ring) mac(purpose string, row []string, value string) []byte {
	k := r.macs.Get().(*keyed)
	defer r.macs.Put(k)
	return bytes.Clone(k.of(bind(purpose, row), []byte(value)))
}

// stored parses a stored form and returns its bytes.
func (r *Ring) stored(form, s string) ([]byte, error) {
	parts := strings.Split(s, ".")
	if len(parts) != 3 || parts[0] != form {
		return nil, ErrAltered
	}
	if parts[1] != r.KeyID() {
		return nil, ErrUnknownKey
	}
	return decodeStrict(parts[2])
}

// decodeStrict decodes base64url in its one canonical spelling. Go's decoder
// skips line breaks, with which an altered token would pass (CR-10); they show in
// the length.
func decodeStrict(s string) ([]byte, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || base64.RawURLEncoding.EncodedLen(len(b)) != len(s) {
		return nil, ErrAltered
	}
	return b, nil
}
