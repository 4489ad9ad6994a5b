package inject

import (
	"fmt"
	"slices"
)

// What some interfaces are called in rules that have no wire name of their own.
const (
	Link      = "link"      // a download
	Upload    = "upload"    // an upload of code
	CloudCall = "cloudcall" // a call of code in an environment
	Push      = "push"      // an event on its way to a platform
	Consent   = "consent"   // the page where merchants consent
)

// action is one thing that a rule can do.
type action struct {
	name  string // in JSON
	given func(d *Do) bool
	// to are the interfaces that it can be done to; nil: all but pushes.
	to []string
	// not are interfaces that it cannot be done to.
	not []string
}

// actions are all there are.
var actions = []action{
	{name: "errcode", given: func(d *Do) bool { return d.ErrCode != nil }},
	{name: "status", given: func(d *Do) bool { return d.Status != nil }},
	{name: "cut", given: func(d *Do) bool { return d.Cut != nil }},
	{name: "reset", given: func(d *Do) bool { return d.Reset }},
	{name: "stall", given: func(d *Do) bool { return d.Stall }},
	{name: "lose_answer", given: func(d *Do) bool { return d.LoseAnswer }},
	{name: "delay", given: func(d *Do) bool { return d.Delay != nil }, to: []string{}},
	{name: "alter", given: func(d *Do) bool { return d.Alter }, to: []string{Link}},
	{
		name: "expire", given: func(d *Do) bool { return d.Expire },
		not: []string{Push, Consent, "api_component_token", "none"}, // they have no token
	},
	{name: "drop", given: func(d *Do) bool { return d.Drop }, to: []string{Push}},
	{name: "twice", given: func(d *Do) bool { return d.Twice }, to: []string{Push}},
	{name: "bad_signature", given: func(d *Do) bool { return d.BadSignature }, to: []string{Push}},
	{name: "bad_body", given: func(d *Do) bool { return d.BadBody }, to: []string{Push}},
}

// actsOn reports whether the action can be done to an interface.
func (a *action) actsOn(iface string) bool {
	switch {
	case slices.Contains(a.not, iface):
		return false
	case a.to == nil:
		return iface != Push
	case len(a.to) == 0:
		return true
	}
	return slices.Contains(a.to, iface)
}

// action returns what a rule does; nil if that is nothing.
func (d *Do) action() *action {
	for i := range actions {
		if actions[i].given(d) {
			return &actions[i]
		}
	}
	return nil
}

// String says what is done, for people.
func (d *Do) String() string {
	a := d.action()
	switch {
	case a == nil:
		return "nothing"
	case d.ErrCode != nil:
		return fmt.Sprintf("errcode %d", *d.ErrCode)
	case d.Status != nil:
		return fmt.Sprintf("status %d", d.Status.Code)
	case d.Cut != nil:
		return fmt.Sprintf("cut after %d bytes", d.Cut.After)
	case d.Delay != nil && d.Delay.Min != d.Delay.Max:
		return fmt.Sprintf("delay %v to %v", d.Delay.Min, d.Delay.Max)
	case d.Delay != nil:
		return fmt.Sprintf("delay %v", d.Delay.Min)
	}
	return a.name
}
