// Package heap sets up the memory of a process that serves for long.
package heap

import (
	"runtime"
	"time"
)

// ballastBytes is how much the heap grows at least between two collections. Twice
// as much made no difference that could be told from noise.
const ballastBytes = 64 << 20

// lookPause is how long a new part of the heap waits for its large pages.
const lookPause = 5 * time.Second

// Tune sets up the heap until end is called.
//
// The collector runs when the heap has doubled, which a small heap does many
// times a second under load. A block that is never touched, and so takes no
// memory, counts for it and lets it wait.
//
// And large pages are asked for, where the system gives them to who asks: rows
// lie scattered over the heap, and with pages of 4 KiB the processor has to
// look up the address of nearly each.
func Tune() (end func()) {
	ballast := make([]byte, ballastBytes)
	stop := make(chan struct{})
	tick := time.NewTicker(lookPause)
	if onRequest() {
		go askAgain(tick.C, stop, func(from uintptr) uintptr { return ask(addressOf(ballast), from) })
	}
	return func() {
		tick.Stop()
		close(stop)
		runtime.KeepAlive(ballast)
	}
}

// askAgain asks for large pages for what the heap has grown by, until stop is
// closed. ask asks from an address on, and returns up to where it did.
func askAgain(tick <-chan time.Time, stop <-chan struct{}, ask func(from uintptr) (end uintptr)) {
	var asked uintptr
	for {
		select {
		case <-stop:
			return
		case <-tick:
			asked = ask(asked)
		}
	}
}
