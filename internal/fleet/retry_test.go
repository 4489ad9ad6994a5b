package fleet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/opentcb/opentcb/tcb"
)

// TestPauses: what may pass is waited for, what does not is not.
func TestPauses(t *testing.T) {
	now := time.Date(2026, 1, 1, 12, 0, 50, 0, time.UTC)
	for _, c := range []struct {
		err         error
		least, most time.Duration // 0: not made again
	}{
		{nil, 0, 0},
		{tcb.ErrSystemBusy, 250 * time.Millisecond, 500 * time.Millisecond},
		{tcb.ErrMinuteQuota, 10 * time.Second, 11 * time.Second},
		{fmt.Errorf("download: %w", io.ErrUnexpectedEOF), 250 * time.Millisecond, 500 * time.Millisecond},
		{&tcb.AnswerError{Status: 502}, 250 * time.Millisecond, 500 * time.Millisecond},
		{&tcb.CodeError{Code: "InternalError"}, 250 * time.Millisecond, 500 * time.Millisecond},
		{&tcb.CodeError{Code: "InvalidParameterValue.Code"}, 0, 0},
		{tcb.ErrDailyQuota, 0, 0},
		{tcb.ErrInvalidArgs, 0, 0},
		{tcb.ErrNotAuthorized, 0, 0},
		{tcb.ErrChecksum, 0, 0},
		{context.Canceled, 0, 0},
		{errors.New("no such file"), 0, 0},
		{&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, 250 * time.Millisecond, 500 * time.Millisecond},
		{fmt.Errorf("token: %w", &fs.PathError{Op: "open", Path: "tokens/a1", Err: syscall.ENOENT}), 0, 0},
	} {
		pause, helps := pauseAfter(c.err, 1, now)
		if helps != (c.most > 0) || helps && (pause < c.least || pause > c.most) {
			t.Errorf("%v: %v, %t, want %v to %v", c.err, pause, helps, c.least, c.most)
		}
	}
	if first, sixth := firstPause, firstPause<<5; sixth != 32*first {
		t.Errorf("the pauses do not double: %v, %v", first, sixth)
	}
}
