package cloud

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// appendText writes a text with its length.
func appendText(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

// errClaim says that a claim is not of the form that was signed. Since its
// signature held, that is a bug or the work of another version.
var errClaim = errors.New("claim of another form")

// decoder reads a claim member by member and remembers the first fault. Texts
// are parts of the claim: nothing is copied.
type decoder struct {
	s   string
	bad bool
}

func (d *decoder) byte() byte {
	if len(d.s) == 0 {
		d.bad = true
		return 0
	}
	c := d.s[0]
	d.s = d.s[1:]
	return c
}

// int reads what binary.AppendUvarint wrote.
func (d *decoder) int() int64 {
	var v uint64
	for i := range min(len(d.s), 9) {
		c := d.s[i]
		v |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			d.s = d.s[i+1:]
			return int64(v)
		}
	}
	d.bad = true
	return 0
}

func (d *decoder) text() string {
	n := d.int()
	if d.bad || n > int64(len(d.s)) {
		d.bad = true
		return ""
	}
	s := d.s[:n]
	d.s = d.s[n:]
	return s
}

// end returns errClaim unless every member was there and nothing is left.
func (d *decoder) end() error {
	if d.bad || len(d.s) > 0 {
		return errClaim
	}
	return nil
}

// wrap names what was being done when an error came.
func wrap(op string, err error) error { return fmt.Errorf("%s: %w", op, err) }
