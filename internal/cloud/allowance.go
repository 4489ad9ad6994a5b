package cloud

import (
	"context"
	"time"
)

// allowance is how long one call may still wait for a shared store. An upload
// does other things between its questions to the store: receives a body, checks
// and stores code. Only the questions count, all of them together (EN-13).
type allowance struct {
	left time.Duration
	some bool // false: a store that is not shared bounds its own waits
}

func (s *Service) newAllowance() *allowance { return &allowance{left: callTime, some: s.shared} }

// begin returns a context for the next questions. The caller calls the function
// that comes with it when they are answered.
func (a *allowance) begin(ctx context.Context) (context.Context, context.CancelFunc) {
	if !a.some {
		return ctx, func() {}
	}
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, a.left)
	return ctx, func() {
		a.left -= time.Since(began)
		cancel()
	}
}
