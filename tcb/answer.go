package tcb

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"reflect"
	"strconv"
	"strings"
)

// checked is an answer that some members must be in.
type checked interface {
	// lacks returns the name of a member that the interface promises and that
	// is missing; "" if all are there.
	lacks() string
}

// decode reads an answer. A refusal becomes an *Error, and an answer that is not
// the platform's an *AnswerError.
func decode(r route, status int, text []byte, answer any) error {
	name := r.name()
	bad := func(reason string) error {
		return &AnswerError{Interface: name, Status: status, Reason: reason, Body: beginning(text)}
	}
	var head struct {
		ErrCode *Code  `json:"errcode"`
		ErrMsg  string `json:"errmsg"`
	}
	switch {
	case len(text) > maxAnswer:
		return bad(fmt.Sprintf("is over %d bytes", maxAnswer))
	case len(bytes.TrimSpace(text)) == 0:
		return bad("is empty")
	case json.Unmarshal(text, &head) != nil:
		return bad("is not the JSON of this interface")
	case head.ErrCode != nil && *head.ErrCode != 0:
		return newError(name, *head.ErrCode, head.ErrMsg) // the platform's own refusal, whatever the status
	case status != http.StatusOK:
		return bad("has a status that the platform does not use")
	case head.ErrCode == nil && strings.HasPrefix(r.path, "/tcb/"):
		return bad("has no errcode")
	}
	if err := json.Unmarshal(text, answer); err != nil {
		return bad("is not the JSON of this interface")
	}
	if a, ok := answer.(checked); ok && a.lacks() != "" {
		return &AnswerError{Interface: name, Status: status, Reason: "lacks " + a.lacks()} // the rest may hold a secret
	}
	return nil
}

// firstEmpty takes pairs of a member's name and its value, and returns the name
// of the first member whose value is empty; "" if none is.
func firstEmpty(members ...string) string {
	for i := 0; i < len(members); i += 2 {
		if members[i+1] == "" {
			return members[i]
		}
	}
	return ""
}

// Status is the head of every answer of a /tcb/* interface, and the whole
// answer of a failure.
type Status struct {
	ErrCode Code   `json:"errcode"`
	ErrMsg  string `json:"errmsg"`
}

// Success returns the status of a call that succeeded.
func Success() Status { return Status{ErrCode: OK, ErrMsg: OK.Text()} }

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
