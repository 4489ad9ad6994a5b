package inject

import (
	"errors"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/opentcb/opentcb/internal/journal"
)

// Rules are the rules of a server, in their order. They are safe for concurrent use.
type Rules struct {
	interfaces map[string]Interface

	mu    sync.Mutex
	rules []*rule
	last  int // the number of the latest rule
}

// rule is a rule in force.
type rule struct {
	Rule
	id      string
	action  *action
	chance  *rand.Rand
	matched int // calls, by what they are
	hits    int
	gone    chan struct{} // closed when the rule is removed
}

// Acting is a rule that acts on a call.
type Acting struct {
	Do
	ID    string
	Delay time.Duration   // how long, if that is what it does
	Gone  <-chan struct{} // closed when the rule is removed: who waits for it goes on
}

// New returns no rules, for a server with these interfaces.
func New(interfaces map[string]Interface) *Rules { return &Rules{interfaces: interfaces} }

// ErrTooMany is one rule more than MaxRules.
var ErrTooMany = errors.New("there are " + strconv.Itoa(MaxRules) + " rules already: remove some")

// Add appends a rule and returns it as it is listed. A *BadRule says what is wrong
// with one that cannot be.
func (r *Rules) Add(given Rule, now time.Time) (Listed, error) {
	if err := r.check(&given); err != nil {
		return Listed{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.rules) >= MaxRules {
		return Listed{}, ErrTooMany
	}
	r.last++
	r.rules = append(r.rules, &rule{
		Rule: given, id: strconv.Itoa(r.last), action: given.Do.action(), gone: make(chan struct{}),
		chance: rand.New(rand.NewPCG(given.When.Seed, 0)),
	})
	return r.listed(len(r.rules)-1, now), nil
}

func (r *Rules) listed(i int, now time.Time) Listed {
	rule := r.rules[i]
	return Listed{ID: rule.id, Rule: rule.Rule, Hits: rule.hits, Never: r.never(i, now)}
}

// List returns the rules in their order.
func (r *Rules) List(now time.Time) []Listed {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := []Listed{}
	for i := range r.rules {
		list = append(list, r.listed(i, now))
	}
	return list
}

// Remove removes a rule, and reports whether it was there.
func (r *Rules) Remove(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, rule := range r.rules {
		if rule.id == id {
			close(rule.gone)
			r.rules = append(r.rules[:i:i], r.rules[i+1:]...)
			return true
		}
	}
	return false
}

// Clear removes all rules, and returns how many there were.
func (r *Rules) Clear() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := len(r.rules)
	for _, rule := range r.rules {
		close(rule.gone)
	}
	r.rules = nil
	return n
}

// Wants reports which members of its match must be known of calls of an interface:
// those of its rules name them.
func (r *Rules) Wants(iface string) (who, what bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, rule := range r.rules {
		if m := rule.Match; (m.Interface == "" || m.Interface == iface) && rule.action.actsOn(iface) {
			who = who || m.Platform != "" || m.AppID != ""
			what = what || m.Env != "" || m.Function != ""
		}
	}
	return who, what
}

// Choose returns the first rule that acts on a call at a time by the server's clock;
// nil if none does. It is asked once for each call.
func (r *Rules) Choose(call journal.Match, now time.Time) *Acting {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, rule := range r.rules {
		if rule.Match.Fits(call) && rule.action.actsOn(call.Interface) && rule.acts(now) {
			a := &Acting{Do: rule.Do, ID: rule.id, Gone: rule.gone}
			if rule.Do.Delay != nil {
				a.Delay = rule.Do.Delay.choose(rule.chance)
			}
			return a
		}
	}
	return nil
}

// acts reports whether a rule acts on a call that it matches, and counts it.
func (r *rule) acts(now time.Time) bool {
	w := r.When
	if !w.Until.IsZero() && !now.Before(w.Until) {
		return false
	}
	r.matched++
	if r.matched <= w.Skip || r.isSpent() {
		return false
	}
	if w.Probability != nil && r.chance.Float64() >= *w.Probability {
		return false
	}
	r.hits++
	return true
}

// isSpent reports whether a rule has acted as often as it may.
func (r *rule) isSpent() bool { return r.When.Times != nil && r.hits >= *r.When.Times }

// actsOnAllOf reports whether a rule acts on each interface that another does.
func (r *rule) actsOnAllOf(other *rule, interfaces map[string]Interface) bool {
	for name := range interfaces {
		if (other.Match.Interface == "" || other.Match.Interface == name) &&
			other.action.actsOn(name) && !r.action.actsOn(name) {
			return false
		}
	}
	return true
}

// fitsPath reports whether the path of a match is, or begins, a path.
func fitsPath(m journal.Match, path string) bool {
	return journal.Match{Path: m.Path}.Fits(journal.Match{Path: path})
}
