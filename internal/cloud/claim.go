package cloud

import (
	"encoding/binary"
	"errors"
	"math"
)

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
