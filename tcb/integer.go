package tcb

import (
	"encoding/json"
	"math/big"
	"reflect"
	"strconv"
	"strings"
)

// Integer is an integer of a request. It is read from every JSON number that is
// one: some JSON libraries write 2 as 2.0.
type Integer int64

// The longest number that is read, and its largest exponent: neither many digits
// nor a few that stand for many cost anything.
const (
	maxDigits   = 64
	maxExponent = 18
)

// UnmarshalJSON reads the integer. The error is a json.UnmarshalTypeError if it
// is another type, not whole, or out of the range of int64.
func (i *Integer) UnmarshalJSON(b []byte) error {
	n, err := strconv.ParseInt(string(b), 10, 64)
	if err == nil {
		*i = Integer(n)
		return nil
	}
	if isShort(string(b)) {
		if r, ok := new(big.Rat).SetString(string(b)); ok && r.IsInt() && r.Num().IsInt64() {
			*i = Integer(r.Num().Int64())
			return nil
		}
	}
	return &json.UnmarshalTypeError{Value: "value", Type: reflect.TypeFor[int64]()}
}

// isShort reports whether a number is within the bounds.
func isShort(number string) bool {
	_, exponent, found := strings.Cut(strings.ToLower(number), "e")
	e, err := strconv.Atoi(exponent)
	return len(number) <= maxDigits && (!found || err == nil && -maxExponent <= e && e <= maxExponent)
}
