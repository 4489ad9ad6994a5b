//go:build linux

package soaktest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
)

// witness is a client that remembers what it was told. Its calls are of its
// own things alone, so that it knows exactly what may be there.
type witness interface {
	// work makes calls, and notes what was answered and what was not, until
	// ctx ends or a call is not answered. The error tells of an answer that
	// should not be.
	work(ctx context.Context, c *client) error
	// check compares what is there, after a restart, with what was noted.
	// What was not answered may be there whole or not at all; from then on
	// the witness knows which.
	check(c *client) error
	// open reports whether it waits for an answer that will not come.
	open() bool
	// done is what must be in the audit record, and what may be at most of
	// everything that was tried.
	done() (least, most audit)
}

// crowd is witnesses at work, each for one Mini Program.
type crowd struct {
	witnesses []witness
	tokens    []string // of each witness
}

func (cr *crowd) add(c *client, w witness) {
	cr.witnesses = append(cr.witnesses, w)
	cr.tokens = append(cr.tokens, c.token)
}

// work lets all witnesses work at once until ctx ends or the server is gone.
func (cr *crowd) work(ctx context.Context, s *server) error {
	return cr.each(s, func(w witness, c *client) error {
		if err := w.work(ctx, c); err != nil {
			return fmt.Errorf("%T: %w", w, err)
		}
		return nil
	})
}

// check lets all witnesses check at once.
func (cr *crowd) check(t testing.TB, s *server) {
	t.Helper()
	err := cr.each(s, func(w witness, c *client) error {
		if err := w.check(c); err != nil {
			return fmt.Errorf("%T: %w", w, err)
		}
		return nil
	})
	if err != nil {
		t.Fatalf("what clients were told is not what is there: %v\n%s", err, s.log.tail())
	}
}

func (cr *crowd) each(s *server, do func(w witness, c *client) error) error {
	errs := make([]error, len(cr.witnesses))
	var wg sync.WaitGroup
	for i, w := range cr.witnesses {
		wg.Go(func() {
			c := newClient(s.api, cr.tokens[i])
			defer c.close()
			errs[i] = do(w, c)
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// open is the number of calls that a kill left without an answer.
func (cr *crowd) open() (n int) {
	for _, w := range cr.witnesses {
		if w.open() {
			n++
		}
	}
	return n
}

// checkAudit compares the audit record with what the witnesses know.
func (cr *crowd) checkAudit(t testing.TB, s *server) {
	t.Helper()
	recorded := readAudit(t, s)
	missing, extra, all := 0, 0, 0
	for _, w := range cr.witnesses {
		least, most := w.done()
		for what, n := range least {
			all += n
			if recorded[what] < n {
				missing++
				t.Logf("answered %d times, recorded %d times: %s", n, recorded[what], what)
			}
		}
		for what, n := range most {
			if recorded[what] > n {
				extra++
				t.Logf("done at most %d times, recorded %d times: %s", n, recorded[what], what)
			}
		}
	}
	if missing+extra > 0 {
		t.Errorf("audit record: %d kinds of changes are missing, %d are recorded and did not happen", missing, extra)
	}
	t.Logf("audit record: all of %d changes that were answered", all)
}

// answered sorts a call's outcome: true if it was done, false if it was not
// answered, an error if it was answered otherwise.
func answered(err error) (bool, error) {
	if err != nil && !unanswered(err) {
		return false, err
	}
	return err == nil, nil
}
