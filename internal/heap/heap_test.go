package heap

import (
	"testing"
	"time"
)

// TestAskAgain asks at each tick, and ends when it is told to.
func TestAskAgain(t *testing.T) {
	ticks, stop, ended := make(chan time.Time), make(chan struct{}), make(chan struct{})
	asked := make(chan uintptr, 2)
	go func() {
		defer close(ended)
		askAgain(ticks, stop, func(from uintptr) uintptr {
			asked <- from
			return from + 1
		})
	}()
	for want := range uintptr(2) {
		ticks <- time.Time{}
		if from := <-asked; from != want {
			t.Errorf("asked from %d, want %d", from, want)
		}
	}
	close(stop)
	<-ended
}
