package fleet

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"time"

	"github.com/opentcb/opentcb/tcb"
)

// The number of tries of a call, and the pause after the first, which doubles.
const (
	mostTries  = 6
	firstPause = 250 * time.Millisecond
)

// retry makes a call, and repeats it if that may help. Every call of this
// package can be made twice: a set carries the version that was read, an
// upload replaces the code whole, and a function that exists will do.
func retry[T any](ctx context.Context, call func() (T, error)) (T, error) {
	for tries := 1; ; tries++ {
		v, err := call()
		pause, helps := pauseAfter(err, tries, time.Now())
		if err == nil || !helps || tries == mostTries {
			return v, err
		}
		select {
		case <-ctx.Done():
			return v, ctx.Err()
		case <-time.After(pause):
		}
	}
}

// pauseAfter returns how long to wait before a call is repeated, and whether that
// may help at all.
func pauseAfter(err error, tries int, now time.Time) (time.Duration, bool) {
	pause := firstPause << (tries - 1)
	pause += rand.N(pause)
	switch {
	case err == nil || errors.Is(err, context.Canceled):
		return 0, false
	case errors.Is(err, tcb.ErrMinuteQuota):
		return now.Truncate(time.Minute).Add(time.Minute).Sub(now) + rand.N(time.Second), true
	case errors.Is(err, tcb.ErrSystemBusy):
		return pause, true
	}
	if e, ok := errors.AsType[*tcb.CodeError](err); ok {
		return pause, e.Code == "InternalError" || e.Code == "RequestLimitExceeded"
	}
	_, odd := errors.AsType[*tcb.AnswerError](err)
	_, network := errors.AsType[net.Error](err)
	return pause, odd || network || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}
