package inject

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/opentcb/opentcb/internal/words"
)

// Bounds of what a rule may ask for.
const (
	MaxRules = 1000
	MaxDelay = 10 * time.Minute
	// MaxPushDelay is how long a push is held up at most.
	MaxPushDelay = 5 * time.Second
	maxBody      = 64 << 10
	maxName      = 512
)

// Interface is what the rules know of an interface.
type Interface struct {
	Path string // "" if it has not one path
	// Names are the members of a match, beside interface and path, that its calls
	// have.
	Names []string
}

// BadRule is a rule that cannot be. Member is where, such as do.status.
type BadRule struct{ Member, Message string }

// Error returns the message.
func (e *BadRule) Error() string { return e.Message }

func bad(member, format string, values ...any) error {
	return &BadRule{member, member + " " + fmt.Sprintf(format, values...)}
}

// check returns what is wrong with a rule, as a *BadRule; nil if nothing is.
func (r *Rules) check(rule *Rule) error {
	m, w := &rule.Match, &rule.When
	if err := r.CheckInterface(m.Interface); err != nil {
		return &BadRule{"match.interface", "match.interface " + err.Error()}
	}
	for _, text := range []string{m.Platform, m.AppID, m.Env, m.Function, m.Path} {
		if len(text) > maxName {
			return bad("match", "has a name of over %d bytes", maxName)
		}
	}
	switch {
	case m.Path != "" && !strings.HasPrefix(m.Path, "/"):
		return bad("match.path", "must begin with a slash; an asterisk at its end stands for all that follows")
	case w.Skip < 0:
		return bad("when.skip", "must be a number from 0")
	case w.Times != nil && *w.Times < 1:
		return bad("when.times", "must be a number from 1")
	case w.Probability != nil && (*w.Probability <= 0 || *w.Probability > 1):
		return bad("when.probability", "must be a number above 0 and at most 1")
	}
	return checkDo(&rule.Do, m.Interface)
}

// CheckInterface returns an error that says which was perhaps meant, or which there
// are, if no interface has that name. "" stands for all of them.
func (r *Rules) CheckInterface(name string) error {
	if _, ok := r.interfaces[name]; ok || name == "" {
		return nil
	}
	known := slices.Sorted(maps.Keys(r.interfaces))
	if near := words.Nearest(name, known); near != "" {
		return fmt.Errorf("%.64q is none: did you mean %s?", name, near)
	}
	return fmt.Errorf("%.64q is none: there is %s", name, strings.Join(known, ", "))
}

// checkDo returns what is wrong with what a rule does to an interface, "" for any.
func checkDo(d *Do, iface string) error {
	var given []action
	for _, a := range actions {
		if a.given(d) {
			given = append(given, a)
		}
	}
	switch {
	case len(given) == 0 && d.ErrMsg != "":
		return bad("do.errmsg", "goes with errcode")
	case len(given) == 0:
		var names []string
		for _, a := range actions {
			names = append(names, a.name)
		}
		return bad("do", "must be one of %s", strings.Join(names, ", "))
	case len(given) > 1:
		return bad("do."+given[1].name, "cannot be done beside %s: give one of them", given[0].name)
	case d.ErrMsg != "" && d.ErrCode == nil:
		return bad("do.errmsg", "goes with errcode")
	case d.ErrCode != nil && *d.ErrCode == 0:
		return bad("do.errcode", "must not be 0, which is success")
	case len(d.ErrMsg) > maxBody:
		return bad("do.errmsg", "must have at most %d bytes", maxBody)
	case d.Status != nil && (d.Status.Code < 200 || d.Status.Code > 599):
		return bad("do.status.code", "must be a status from 200 to 599")
	case d.Status != nil && len(d.Status.Body) > maxBody:
		return bad("do.status.body", "must have at most %d bytes", maxBody)
	case d.Cut != nil && d.Cut.After < 0:
		return bad("do.cut.after", "must be a number of bytes from 0")
	case d.Delay != nil && (d.Delay.Min < 0 || d.Delay.Max < d.Delay.Min || d.Delay.Max > MaxDelay):
		return bad("do.delay", "must be at most %v, and its min at most its max", MaxDelay)
	case d.Delay != nil && iface == Push && d.Delay.Max > MaxPushDelay:
		return bad("do.delay", "of pushes must be at most %v", MaxPushDelay)
	case iface != "" && !given[0].actsOn(iface):
		return bad("do."+given[0].name, "cannot be done to %s", iface)
	}
	return nil
}

// never returns why a rule can never act, or not any more; "" if it can.
func (r *Rules) never(i int, now time.Time) string {
	rule := r.rules[i]
	if !rule.When.Until.IsZero() && !now.Before(rule.When.Until) {
		return "its time is over"
	}
	if rule.isSpent() {
		return "it has acted as often as it may"
	}
	if why := r.unfit(&rule.Rule); why != "" {
		return why
	}
	for _, earlier := range r.rules[:i] {
		w := earlier.When
		always := w.Skip == 0 && w.Times == nil && (w.Probability == nil || *w.Probability == 1) && w.Until.IsZero()
		if always && earlier.Match.Covers(rule.Match) && earlier.actsOnAllOf(rule, r.interfaces) {
			return "rule " + earlier.id + " comes before it and acts on all of its calls"
		}
	}
	return ""
}

// unfit returns why no call can fit the match of a rule.
func (r *Rules) unfit(rule *Rule) string {
	m := rule.Match
	names := map[string]string{"platform": m.Platform, "appid": m.AppID, "env": m.Env, "function": m.Function}
	why := "no interface has such calls"
	for name, known := range r.interfaces {
		if m.Interface != "" && m.Interface != name || !rule.Do.action().actsOn(name) {
			continue
		}
		missing := ""
		for _, member := range []string{"platform", "appid", "env", "function"} {
			if names[member] != "" && !slices.Contains(known.Names, member) {
				missing = member
			}
		}
		path := known.Path == "" || m.Path == "" || fitsPath(m, known.Path)
		switch {
		case missing == "" && path:
			return ""
		case m.Interface != "" && missing != "":
			why = "a call of " + name + " has no " + missing
		case m.Interface != "":
			why = "the path of " + name + " is " + known.Path
		}
	}
	return why
}
