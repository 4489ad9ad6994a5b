package tcb

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
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
