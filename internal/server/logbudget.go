package server

import (
	"sync"
	"time"
)

// What is logged of one platform's refused calls, and of those of all callers of
// whom nothing is known together: so many lines at once, and so many a second.
const (
	logBurst     = 100
	logRate      = 10
	maxLogBudget = 1 << 12 // platforms
)

// logBudget bounds the lines of the log that callers can bring about, so that
// nobody can fill the disk with them. It is safe for concurrent use.
type logBudget struct {
	mu sync.Mutex
	of map[string]*lines
}

// lines is what one platform has left.
type lines struct {
	left    float64
	at      time.Time
	leftOut int // since the last line
}

// take reports whether a line may be written, and how many were left out before
// it.
func (b *logBudget) take(platform string, now time.Time) (leftOut int, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.of[platform]
	if l == nil {
		if b.of == nil || len(b.of) >= maxLogBudget {
			b.of = map[string]*lines{}
		}
		l = &lines{left: logBurst, at: now}
		b.of[platform] = l
	}
	l.left = min(logBurst, l.left+max(0, now.Sub(l.at).Seconds())*logRate)
	l.at = now
	if l.left < 1 {
		l.leftOut++
		return 0, false
	}
	l.left--
	leftOut, l.leftOut = l.leftOut, 0
	return leftOut, true
}
