package node_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/opentcb/opentcb/tcb"
)

// TestClockThatWasWrong: a clock that was far ahead once, and is right again, leaves
// later tokens as short-lived as ever, and the operator is told.
//
// Proves: CR-1, CR-6, CR-8
func TestClockThatWasWrong(t *testing.T) {
	b := startBench(t)
	const wrong = 40 * 24 * time.Hour
	b.clients()
	b.offset.Add(int64(wrong))
	b.clients()
	b.offset.Add(-int64(wrong))
	platform1, first := b.clients()
	platform2, last := b.clients()
	want := func(when string, component, authorizer [2]tcb.Code) {
		t.Helper()
		for i, c := range []*tcb.Client{platform1, platform2} {
			_, err := c.CreatePreAuthCode(t.Context(), onePlatform)
			b.answers(when+", component token", err, component[i])
		}
		for i, c := range []*tcb.Client{first, last} {
			_, err := c.GetCodeSecret(t.Context())
			b.answers(when+", authorizer token", err, authorizer[i])
		}
	}
	good := [2]tcb.Code{tcb.OK, tcb.OK}
	want("at once", good, good)
	b.offset.Add(int64(5*time.Minute + 30*time.Second))
	superseded := [2]tcb.Code{tcb.InvalidToken, tcb.OK}
	want("5 minutes after the successor", superseded, superseded)
	b.offset.Add(int64(2 * time.Hour))
	expired := [2]tcb.Code{tcb.TokenExpired, tcb.TokenExpired}
	want("after their life", expired, expired)
	if !strings.Contains(b.log.String(), "ahead of the clock") {
		t.Error("the log does not tell that the clock was wrong")
	}
}

// answers wants a call to be answered with a code.
func (b *bench) answers(what string, err error, want tcb.Code) {
	b.t.Helper()
	var got tcb.Code
	if e, ok := errors.AsType[*tcb.Error](err); ok {
		got = e.Code
	} else if err != nil {
		b.t.Fatal(err)
	}
	if got != want {
		b.t.Errorf("%s: %d, want %d", what, got, want)
	}
}
