package journal

import (
	"context"
	"slices"
	"sync"
)

// The bounds of a journal: the oldest entries give way.
const (
	MaxEntries = 10_000
	MaxBytes   = 64 << 20
)

// Journal is a ring of the latest entries. It is safe for concurrent use.
type Journal struct {
	mu      sync.Mutex
	entries []*Entry // oldest first; a window of an array, which moves on
	bytes   int64
	last    int64         // the number of the latest entry
	news    chan struct{} // closed by the next entry; nil while nobody waits
	closed  chan struct{}
	once    sync.Once
}

// New returns an empty journal.
func New() *Journal { return &Journal{closed: make(chan struct{})} }

// Add takes an entry and numbers it. It must not be changed afterwards.
func (j *Journal) Add(e *Entry) {
	size := e.size()
	j.mu.Lock()
	defer j.mu.Unlock()
	j.last++
	e.Seq = j.last
	j.entries = append(j.entries, e)
	j.bytes += size
	for len(j.entries) > MaxEntries || j.bytes > MaxBytes {
		j.bytes -= j.entries[0].size()
		j.entries[0] = nil // the array outlives it
		j.entries = j.entries[1:]
	}
	if j.news != nil {
		close(j.news)
		j.news = nil
	}
}

// Find returns the first limit entries after a number that a filter chooses,
// oldest first.
func (j *Journal) Find(f Filter, after int64, limit int) []*Entry {
	found, _, _ := j.look(f, after, limit, false)
	return found
}

// look is Find, and returns the number of the last entry that it has looked at,
// and, if wanted, a channel that is closed by the next entry.
func (j *Journal) look(f Filter, after int64, limit int, wait bool) (found []*Entry, seen int64, news <-chan struct{}) {
	j.mu.Lock()
	defer j.mu.Unlock()
	from, _ := slices.BinarySearchFunc(j.entries, after+1, func(e *Entry, n int64) int { return int(e.Seq - n) })
	for _, e := range j.entries[from:] {
		if len(found) == limit {
			return found, seen, nil
		}
		if seen = e.Seq; f.Fits(e) {
			found = append(found, e)
		}
	}
	if wait && j.news == nil {
		j.news = make(chan struct{})
	}
	return found, max(seen, after), j.news
}

// Wait returns the first limit entries after a number that a filter chooses as
// soon as there are count of them, and else what there is when ctx ends or the
// journal is closed. limit must not be less than count.
func (j *Journal) Wait(ctx context.Context, f Filter, after int64, limit, count int) []*Entry {
	var all []*Entry
	for {
		found, seen, news := j.look(f, after, limit-len(all), true)
		all, after = append(all, found...), seen
		if len(all) >= count {
			return all
		}
		select {
		case <-ctx.Done():
			return all
		case <-j.closed:
			return all
		case <-news:
		}
	}
}

// Clear empties the journal. Numbers go on, so that who follows misses nothing.
func (j *Journal) Clear() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries, j.bytes = nil, 0
}

// Close ends those who wait. Entries can still be added and found.
func (j *Journal) Close() { j.once.Do(func() { close(j.closed) }) }

// ByRID returns the latest entry of a rid; nil if there is none.
func (j *Journal) ByRID(rid string) *Entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, e := range slices.Backward(j.entries) {
		if e.RID == rid {
			return e
		}
	}
	return nil
}
