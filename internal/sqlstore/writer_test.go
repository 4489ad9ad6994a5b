package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
)

// put is a change that adds a fact, with a record.
func put(name string) func(*tx) error {
	return func(x *tx) error {
		x.record(cloud.Record{At: 1, Action: name})
		_, err := x.exec("INSERT INTO meta (name, value) VALUES ($1, 'put')", name)
		return err
	}
}

// facts are the names of the facts that are there, and of those recorded.
func facts(t *testing.T, s *Store) (names, recorded []string) {
	t.Helper()
	rows, err := readers(s).Query("SELECT name FROM meta WHERE value = 'put' ORDER BY name")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	err = s.Records(t.Context(), cloud.RecordFilter{}, func(r cloud.Record) error {
		recorded = append(recorded, r.Action)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(recorded)
	return names, recorded
}

var errPut = errors.New("a change that cannot be")

// failing are changes that fail after they wrote, each in its own way.
var failing = map[string]struct {
	do   func(*tx) error
	want func(error) bool
}{
	"error": {
		do:   func(x *tx) error { return errors.Join(put("bad")(x), errPut) },
		want: func(err error) bool { return errors.Is(err, errPut) },
	},
	"panic": {
		do: func(x *tx) error { _ = put("bad")(x); panic("a bug") },
		want: func(err error) bool {
			text := err.Error()
			return strings.Contains(text, "panic in a change: a bug") && strings.Contains(text, "writer_test.go")
		},
	},
	"invalid statement": {
		do: func(x *tx) error {
			_ = put("bad")(x)
			_, err := x.exec("INSERT INTO no_such_table VALUES (1)")
			return err
		},
		want: func(err error) bool { return strings.Contains(err.Error(), "no_such_table") },
	},
	"broken constraint": {
		do:   func(x *tx) error { return errors.Join(put("bad")(x), put("bad")(x)) },
		want: func(err error) bool { return strings.Contains(err.Error(), "UNIQUE") },
	},
	"nil pointer": {
		do:   func(*tx) error { var x *tx; return put("bad")(x) },
		want: func(err error) bool { return strings.Contains(err.Error(), "nil pointer") },
	},
}

// batch enqueues changes while the writer is busy, so that they share a commit,
// and returns what each was answered.
func batch(t *testing.T, s *Store, changes ...func(*tx) error) []error {
	t.Helper()
	release, running, busy := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		busy <- s.writer.write(t.Context(), func(*tx) error { close(running); <-release; return nil })
	}()
	<-running
	answers := make([]chan error, len(changes))
	for i, do := range changes {
		answers[i] = make(chan error, 1)
		go func() { answers[i] <- s.writer.write(t.Context(), do) }()
		for len(s.writer.queues[0]) <= i { // one after the other, so that their order is known
			time.Sleep(time.Millisecond)
		}
	}
	close(release)
	if err := <-busy; err != nil {
		t.Fatal(err)
	}
	errs := make([]error, len(changes))
	for i, a := range answers {
		errs[i] = <-a
	}
	return errs
}

func TestChangesThatWaitShareACommit(t *testing.T) {
	s := open(t, newFile(t))
	var changes []func(*tx) error
	for i := range 50 {
		changes = append(changes, put(fmt.Sprintf("good-%02d", i)))
	}
	for _, err := range batch(t, s, changes...) {
		if err != nil {
			t.Error(err)
		}
	}
	var rows int
	if err := readers(s).QueryRow("SELECT count(*) FROM audit").Scan(&rows); err != nil {
		t.Fatal(err)
	}
	if names, _ := facts(t, s); len(names) != 50 || rows != 1 {
		t.Errorf("%d facts with %d rows of records, want 50 with 1", len(names), rows)
	}
}

// A change that fails leaves nothing, nor does it harm those beside it,
// wherever in the batch it stands.
func TestFailingChangeHarmsNobody(t *testing.T) {
	for name, bad := range failing {
		t.Run(name, func(t *testing.T) {
			s := open(t, newFile(t))
			for _, at := range []int{0, 2, 4} {
				var changes []func(*tx) error
				var want []string
				for i := range 4 {
					want = append(want, fmt.Sprintf("good-%d-%d", at, i))
					changes = append(changes, put(want[i]))
				}
				before, _ := facts(t, s)
				errs := batch(t, s, slices.Insert(changes, at, bad.do)...)
				for i, err := range errs {
					switch {
					case i == at && (err == nil || !bad.want(err)):
						t.Errorf("the failing change was answered %v", err)
					case i != at && err != nil:
						t.Errorf("a change beside it was answered %v", err)
					}
				}
				names, recorded := facts(t, s)
				if want = append(before, want...); !slices.Equal(names, want) || !slices.Equal(recorded, want) {
					t.Errorf("there are %v, recorded %v; want %v", names, recorded, want)
				}
			}
		})
	}
}

func TestOnlyFailingChanges(t *testing.T) {
	s := open(t, newFile(t))
	var changes []func(*tx) error
	for _, bad := range failing {
		changes = append(changes, bad.do)
	}
	for _, err := range batch(t, s, changes...) {
		if err == nil {
			t.Error("a failing change was answered with success")
		}
	}
	if names, recorded := facts(t, s); len(names) != 0 || len(recorded) != 0 {
		t.Errorf("there are %v, recorded %v; want nothing", names, recorded)
	}
	if err := s.writer.write(t.Context(), put("good")); err != nil {
		t.Errorf("a change after them: %v", err)
	}
}

// Where the commit itself fails, everybody in it hears of it, and nothing of
// it is there: a record that cannot be written takes its change with it.
func TestFailedCommitIsEverybodys(t *testing.T) {
	file := newFile(t)
	s := open(t, file)
	execRaw(t, file, "DROP TABLE audit")
	for _, err := range batch(t, s, put("one"), put("two")) {
		if err == nil {
			t.Error("a change was answered with success though its record could not be written")
		}
	}
	var n int
	if err := readers(s).QueryRow("SELECT count(*) FROM meta WHERE value = 'put'").Scan(&n); err != nil || n != 0 {
		t.Errorf("%d facts without a record, %v", n, err)
	}
}

// A caller that gives up while the queue is full gets an error; one whose change
// is in the queue gets its result.
func TestGivingUp(t *testing.T) {
	s := open(t, newFile(t))
	release, running := make(chan struct{}), make(chan struct{})
	ended := make(chan error, 2+maxGroup)
	go func() {
		ended <- s.writer.write(t.Context(), func(*tx) error { close(running); <-release; return nil })
	}()
	<-running
	for i := range maxGroup { // the queue is full
		go func() { ended <- s.writer.write(t.Context(), put(fmt.Sprintf("waits-%03d", i))) }()
	}
	for len(s.writer.queues[0]) < maxGroup {
		time.Sleep(time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	err := s.writer.write(ctx, put("gave up"))
	if !errors.Is(err, cloud.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("giving up: %v, want ErrUnavailable and DeadlineExceeded", err)
	}
	close(release)
	for range 1 + maxGroup {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	if names, _ := facts(t, s); len(names) != maxGroup || slices.Contains(names, "gave up") {
		t.Errorf("%d facts, want %d, and not of the one that gave up", len(names), maxGroup)
	}
}

// TestMoreThanThereIsTimeFor: on a database that is slow, changes that wait for one
// worker are made as far as there is time for them, rather than none.
func TestMoreThanThereIsTimeFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWriter(plan{
			workers: 2, group: pgGroup, patience: pgPatience, retry: func(error, int) bool { return false },
			begin: func(deadline time.Time) (transaction, error) { return slow{deadline: deadline}, nil },
		})
		var all sync.WaitGroup
		var made atomic.Int64
		change := func(takes time.Duration) {
			if w.writeFor(t.Context(), "account", func(*tx) error { time.Sleep(takes); return nil }) == nil {
				made.Add(1)
			}
		}
		all.Go(func() { change(1) })
		synctest.Wait()
		for range pgGroup { // all wait for the one under way
			all.Go(func() { change(pgPatience / 10) })
		}
		all.Wait()
		w.close()
		if n := made.Load(); n < 9 || n > 11 {
			t.Errorf("%d changes were made, want some 10", n)
		}
	})
}

// slow is a transaction of a database that has an end for it.
type slow struct {
	transaction
	deadline time.Time
}

func (slow) statements() *statements { return nil }
func (slow) rollback()               {}

func (s slow) commit() error {
	if time.Now().After(s.deadline) {
		return context.DeadlineExceeded
	}
	return nil
}
