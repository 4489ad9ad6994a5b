//go:build linux

package soaktest

import (
	"context"
	"fmt"
	"time"
)

// creator creates functions in an environment of its own.
type creator struct {
	app, perRun int
	n           int
	there       map[string]bool
	sent        string // the function whose creation was not answered
	created     audit
	possible    audit
}

func newCreator(app, perRun int) *creator {
	return &creator{app: app, perRun: perRun, there: map[string]bool{}, created: audit{}, possible: audit{}}
}

func (w *creator) env() string { return envid(w.app, 0) }

func (w *creator) work(ctx context.Context, c *client) error {
	for range w.perRun {
		if ctx.Err() != nil {
			return nil
		}
		w.n++
		w.sent = fnName("made", w.n)
		w.possible[doneFunction(w.env(), w.sent)] = 1
		ok, err := answered(c.createFunction(w.env(), w.sent))
		if err != nil || !ok {
			return err
		}
		w.created[doneFunction(w.env(), w.sent)] = 1
		w.there[w.sent], w.sent = true, ""
		pause(60)
	}
	return nil
}

func (w *creator) check(c *client) error {
	names, err := c.functions(w.env())
	if err != nil {
		return err
	}
	if w.sent != "" && names[w.sent] {
		w.there[w.sent] = true
		w.created[doneFunction(w.env(), w.sent)] = 1
	} else if w.sent != "" {
		w.possible[doneFunction(w.env(), w.sent)] = 0
	}
	w.sent = ""
	for name := range w.there {
		if !names[name] {
			return fmt.Errorf("createfunction of %s was answered, and it is not listed", name)
		}
	}
	if len(names) != len(w.there) {
		return fmt.Errorf("%d functions are listed, %d were created", len(names), len(w.there))
	}
	return nil
}

func (w *creator) open() bool { return w.sent != "" }

func (w *creator) done() (least, most audit) { return w.created, w.possible }

func sleep(ns int) { time.Sleep(time.Duration(ns)) }
