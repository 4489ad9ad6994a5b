package cloud_test

import (
	"context"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/blob"
)

// gated is a draft whose check begins, and then waits for the gate.
type gated struct {
	blob.Draft
	gate <-chan struct{}
	once atomic.Bool
	read chan<- struct{} // told when the check has begun
}

func (d *gated) ReadAt(p []byte, off int64) (int, error) {
	if !d.once.Swap(true) {
		d.read <- struct{}{}
		<-d.gate
	}
	return d.Draft.ReadAt(p, off)
}

// Checks of zips leave one processor to calls, and where there is but one, one
// check is made at a time.
func TestChecksLeaveAProcessor(t *testing.T) {
	for processors, checks := range map[int]int{1: 1, 2: 1, 4: 3} {
		before := runtime.GOMAXPROCS(processors)
		r := newRig(t) // which counts the processors
		runtime.GOMAXPROCS(max(before, 4))
		gate, read := make(chan struct{}), make(chan struct{}, checks+1)
		ended := make(chan error, checks+1)
		add := func(ctx context.Context) {
			_, err := r.cloud.AddCode(ctx, r.operator(), &gated{Draft: r.draft(zipOf(t, "code")), gate: gate, read: read})
			ended <- err
		}
		for range checks {
			go add(t.Context())
			<-read
		}
		// A further one would begin at once if it could.
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		go add(ctx)
		select {
		case err := <-ended:
			if err == nil {
				t.Errorf("%d processors: a check more than %d was made", processors, checks)
			}
		case <-read:
			t.Errorf("%d processors: more than %d checks are under way", processors, checks)
		}
		cancel()
		close(gate)
		for range checks {
			r.ok("AddCode", <-ended)
		}
		runtime.GOMAXPROCS(before)
	}
}
