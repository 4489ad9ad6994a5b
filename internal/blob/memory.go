package blob

import (
	"sync"
	"time"
)

const (
	// trustFor is how long a verification is trusted for a file that looks
	// untouched: bits that rot silently are found after this (DF-11).
	trustFor = 10 * time.Minute
	// settleFor is how long a file must have been left alone before it was
	// hashed, for its timestamps to change with the next write: a write within
	// the same tick of the file system's clock as the one before leaves them as
	// they are. Ticks are 10 ms at most on nearly all file systems, and up to 2 s
	// on those that stamp in whole hundredths of a second. Until then a file is
	// hashed each time it is opened.
	settleFor       = 50 * time.Millisecond
	settleForCoarse = 2500 * time.Millisecond
	coarse          = int64(10 * time.Millisecond)
	// maxRemembered bounds the memory of verifications, to about 3 MB.
	maxRemembered = 1 << 14
)

// identity is how a file looks as long as nobody touches it. The ctime cannot
// be set, only the clock can, so it changes with every write. The zero identity
// means that nothing is known.
type identity struct {
	dev, inode   uint64
	size         int64
	mtime, ctime int64 // nanoseconds since 1970
}

// settled reports whether a write at or after now would change the identity.
func (id identity) settled(now time.Time) bool {
	left := settleFor
	if id.ctime%coarse == 0 {
		left = settleForCoarse
	}
	return id != identity{} && id.ctime < now.Add(-left).UnixNano()
}

// memory is which files were verified. An entry that is lost costs another hash.
type memory struct {
	mu *sync.Mutex
	of map[Sum]verification
}

type verification struct {
	of identity
	at time.Time
}

func newMemory() memory {
	return memory{mu: new(sync.Mutex), of: make(map[Sum]verification)}
}

func (m memory) trusts(sum Sum, id identity, now time.Time) bool {
	m.mu.Lock()
	v, ok := m.of[sum]
	m.mu.Unlock()
	age := now.Sub(v.at)
	return ok && v.of == id && age >= 0 && age < trustFor
}

func (m memory) remember(sum Sum, v verification) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, there := m.of[sum]; !there && len(m.of) >= maxRemembered {
		for some := range m.of {
			delete(m.of, some)
			break
		}
	}
	m.of[sum] = v
}

func (m memory) forget(sum Sum) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.of, sum)
}
