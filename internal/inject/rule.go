package inject

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/opentcb/opentcb/internal/journal"
)

// Rule is a rule as it is given.
type Rule struct {
	Match journal.Match `json:"match"`
	When  When          `json:"when"`
	Do    Do            `json:"do"`
}

// When says on which of the calls that a rule matches it acts. The zero value is all
// of them.
type When struct {
	Skip        int       `json:"skip,omitempty"`        // so many calls are let pass first
	Times       *int      `json:"times,omitempty"`       // it acts so often at most; nil: without end
	Probability *float64  `json:"probability,omitempty"` // nil: on each call
	Seed        uint64    `json:"seed,omitempty"`        // of the chance that Probability and Delay have
	Until       time.Time `json:"until,omitzero"`        // by the server's clock; it does not act from then on
}

// Listed is a rule that is in force, as it is listed.
type Listed struct {
	ID string `json:"id"`
	Rule
	Hits int `json:"hits"` // how often it has acted
	// Never says why it can never act, or not any more; "" if it can.
	Never string `json:"never,omitempty"`
}

// Do is what a rule does. Exactly one of the members is given, but for ErrMsg, which
// goes with ErrCode.
type Do struct {
	// ErrCode refuses the call in the interface's own envelope.
	ErrCode *int   `json:"errcode,omitempty"`
	ErrMsg  string `json:"errmsg,omitempty"` // default: the platform's text of the errcode

	Status *Status `json:"status,omitempty"` // answers as a proxy would
	Delay  *Delay  `json:"delay,omitempty"`  // waits before the call is carried out
	Cut    *Cut    `json:"cut,omitempty"`    // breaks the answer off
	Reset  bool    `json:"reset,omitempty"`  // resets the connection, and carries nothing out
	Stall  bool    `json:"stall,omitempty"`  // answers nothing until the caller gives up
	// LoseAnswer carries the call out, and then resets the connection.
	LoseAnswer bool `json:"lose_answer,omitempty"`

	Alter  bool `json:"alter,omitempty"`  // links: flips a byte of the code
	Expire bool `json:"expire,omitempty"` // the token or link of the call has expired

	Drop         bool `json:"drop,omitempty"`          // pushes: it is not sent
	Twice        bool `json:"twice,omitempty"`         // pushes: it is sent twice
	BadSignature bool `json:"bad_signature,omitempty"` // pushes: its signature is false
	BadBody      bool `json:"bad_body,omitempty"`      // pushes: its body cannot be decrypted
}

// Status is an answer that is none of the interface's.
type Status struct {
	Code int    `json:"code"`
	Body string `json:"body,omitempty"`
}

// Cut is where an answer breaks off.
type Cut struct {
	After int `json:"after"` // bytes of its body
}

// Delay is a span of time: fixed, if Max is Min, or by chance between the two. In
// JSON it is "600ms", or {"min":"50ms","max":"400ms"}.
type Delay struct{ Min, Max time.Duration }

// errDelay says what a delay must be.
var errDelay = errors.New(`a span such as "600ms", or {"min":"50ms","max":"400ms"}`)

// delayRange is the form of a range in JSON.
type delayRange struct {
	Min string `json:"min"`
	Max string `json:"max"`
}

// UnmarshalJSON reads one of the forms.
func (d *Delay) UnmarshalJSON(text []byte) error {
	var both delayRange
	if json.Unmarshal(text, &both.Min) == nil {
		both.Max = both.Min
	} else if strictly(text, &both) != nil {
		return errDelay
	}
	var err error
	if d.Min, err = time.ParseDuration(both.Min); err != nil {
		return errDelay
	}
	if d.Max, err = time.ParseDuration(both.Max); err != nil {
		return errDelay
	}
	return nil
}

// UnmarshalJSON reads an object of known members.
func (s *Status) UnmarshalJSON(text []byte) error {
	type plain Status
	return strictly(text, (*plain)(s))
}

// UnmarshalJSON reads an object of known members.
func (c *Cut) UnmarshalJSON(text []byte) error {
	type plain Cut
	return strictly(text, (*plain)(c))
}

func strictly(text []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	return d.Decode(v)
}

// MarshalJSON writes one of the forms.
func (d Delay) MarshalJSON() ([]byte, error) {
	if d.Min == d.Max {
		return json.Marshal(d.Min.String())
	}
	return json.Marshal(delayRange{d.Min.String(), d.Max.String()})
}

// choose returns a span of the range, by chance if it is one.
func (d Delay) choose(chance *rand.Rand) time.Duration {
	if d.Max <= d.Min {
		return d.Min
	}
	return d.Min + time.Duration(chance.Int64N(int64(d.Max-d.Min)+1))
}
