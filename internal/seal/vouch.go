package seal

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"sync"
)

// Use is what a text is vouched for as. Each use has a key of its own.
type Use int

// The uses of vouching.
const (
	Archive Use = iota // the end of a backup archive
	Row                // a database row that grants something
	uses
)

// useKeys are the names of the uses' keys.
var useKeys = [uses]string{Archive: "archive", Row: "row"}

// vouchers make the keyed hashes of each use.
type vouchers [uses]sync.Pool

func (v *vouchers) derive(master []byte) {
	for use, name := range useKeys {
		key := subkey(master, "vouch/"+name)
		v[use].New = func() any { return &keyed{Hash: hmac.New(sha256.New, key)} }
	}
}

// Vouch returns the stored form "v1.<key id>.<base64>" of a MAC, by which
// CheckVouch recognizes a text: whoever has not the master key can make none.
// The text must show what it is of, and where each of its parts ends.
func (r *Ring) Vouch(use Use, text []byte) string {
	b := make([]byte, 0, len(r.vouched)+base64.RawURLEncoding.EncodedLen(sha256.Size))
	k := r.vouchers[use].Get().(*keyed)
	defer r.vouchers[use].Put(k)
	return string(base64.RawURLEncoding.AppendEncode(append(b, r.vouched...), k.of(nil, text)))
}

// CheckVouch returns nil if vouched is what Vouch returned for the same use and
// text, and else ErrUnknownKey or ErrAltered.
func (r *Ring) CheckVouch(use Use, text []byte, vouched string) error {
	if hmac.Equal([]byte(r.Vouch(use, text)), []byte(vouched)) {
		return nil
	}
	if _, err := r.stored("v1", vouched); err != nil {
		return err
	}
	return ErrAltered
}
