//go:build linux

package soaktest

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
)

// setter sets permissions of the two environments of a Mini Program, and
// sometimes flips the switch that they share.
type setter struct {
	app   int
	n     int // sets made, so that no two are alike
	known account
	sent  *set  // the set that was not answered
	sets  audit // those that were accepted
}

// account is the state that sets change: UT-5.
type account struct {
	open bool
	list [2][]string
	vers [2]int64
}

// set is one set, as sent.
type set struct {
	env int
	permission
}

func newSetter(app int) *setter {
	return &setter{app: app, known: account{open: true, vers: [2]int64{2, 2}}, sets: audit{}} // UT-4
}

// after is the account after an accepted set: UT-6, UT-8.
func (a account) after(s set) account {
	if s.open != a.open {
		a.vers[1-s.env] += 2
	}
	a.open, a.list[s.env], a.vers[s.env] = s.open, s.list, s.version+2
	return a
}

func (a account) equal(b account) bool {
	return a.open == b.open && a.vers == b.vers &&
		slices.Equal(a.list[0], b.list[0]) && slices.Equal(a.list[1], b.list[1])
}

func (w *setter) work(ctx context.Context, c *client) error {
	for ctx.Err() == nil {
		s := w.next()
		w.sent = &s
		ok, err := answered(c.setPermission(envid(w.app, s.env), s.permission))
		if err != nil {
			return fmt.Errorf("set %+v on %+v: %w", s, w.known, err)
		}
		if !ok {
			return nil
		}
		w.accepted()
		pause(2)
	}
	return nil
}

// next makes a set that is not like any before.
func (w *setter) next() set {
	w.n++
	s := set{env: rand.IntN(2)}
	s.version = w.known.vers[s.env] + rand.Int64N(3)
	s.open = w.known.open != (rand.IntN(4) == 0)
	s.list = []string{}
	for i := range rand.IntN(30) {
		s.list = append(s.list, fmt.Sprintf("/wxa/s%d/e%d", w.n, i))
	}
	return s
}

func (w *setter) accepted() {
	w.sets[doneSet(envid(w.app, w.sent.env), w.sent.version)]++
	w.known, w.sent = w.known.after(*w.sent), nil
}

// check finds the account as known, or as the set without an answer makes it;
// never a mixture. That set, repeated word for word, is accepted then, whether
// it had been or not (UT-7), so the account is known again.
func (w *setter) check(c *client) error {
	got, err := w.read(c)
	if err != nil {
		return err
	}
	if w.sent == nil {
		return w.compare(got, w.known)
	}
	if !got.equal(w.known) {
		if err := w.compare(got, w.known.after(*w.sent)); err != nil {
			return err
		}
	}
	if err := c.setPermission(envid(w.app, w.sent.env), w.sent.permission); err != nil {
		return fmt.Errorf("a set repeated word for word (UT-7): %w", err)
	}
	w.accepted()
	if got, err = w.read(c); err != nil {
		return err
	}
	return w.compare(got, w.known)
}

func (w *setter) read(c *client) (account, error) {
	var a account
	for i := range 2 {
		p, err := c.permission(envid(w.app, i))
		if err != nil {
			return a, err
		}
		if i == 1 && p.open != a.open {
			return a, fmt.Errorf("open differs between two environments of one account (UT-5)")
		}
		a.open, a.list[i], a.vers[i] = p.open, p.list, p.version
	}
	return a, nil
}

func (w *setter) compare(got, want account) error {
	if got.equal(want) {
		return nil
	}
	return fmt.Errorf("UT-16: %s has %+v; it was told %+v; not answered: %+v", appid(w.app), got, w.known, w.sent)
}

func (w *setter) open() bool { return w.sent != nil }

// done: every version is sent once per environment, but two sets may carry the
// same where a flip of the other environment came between; none is recorded
// as a change that was not accepted.
func (w *setter) done() (least, most audit) {
	most = maps.Clone(w.sets)
	return w.sets, most
}
