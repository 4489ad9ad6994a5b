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

// decoder reads a claim member by member and remembers the first fault.
type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) byte() byte {
	if len(d.b) == 0 {
		d.bad = true
		return 0
	}
	c := d.b[0]
	d.b = d.b[1:]
	return c
}

func (d *decoder) int() int64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 || v > 1<<62 {
		d.bad = true
		return 0
	}
	d.b = d.b[n:]
	return int64(v)
}

func (d *decoder) text() string {
	n := d.int()
	if d.bad || n > int64(len(d.b)) {
		d.bad = true
		return ""
	}
	s := string(d.b[:n])
	d.b = d.b[n:]
	return s
}

// end returns errClaim unless every member was there and nothing is left.
func (d *decoder) end() error {
	if d.bad || len(d.b) > 0 {
		return errClaim
	}
	return nil
}

// wrap names what was being done when an error came.
func wrap(op string, err error) error { return fmt.Errorf("%s: %w", op, err) }
