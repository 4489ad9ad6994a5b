package cloud

import (
	"strings"
	"sync"
	"sync/atomic"

	"github.com/opentcb/opentcb/tcb"
)

// tally counts the cloud calls of one environment.
type tally struct {
	mu     sync.Mutex
	inAll  *atomic.Int64 // paths of all tallies
	hour   int64
	counts map[calledPath]int64 // of the hour, not yet written; a path that was written stays, with 0
	ended  []Observed           // of hours before, without their environment

	second   int64
	recorded int // refusals of that second
}

// calledPath is a path and how calls of it ended.
type calledPath struct {
	path string
	code tcb.Code
}

func newTally(inAll *atomic.Int64) *tally {
	return &tally{inAll: inAll, counts: map[calledPath]int64{}}
}

// add counts a call, and says whether it may be recorded.
func (t *tally) add(j *judgement) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if j.version != 0 {
		t.count(j)
	}
	if second := j.at / 1000; second != t.second {
		t.second, t.recorded = second, 0
	}
	if j.code != tcb.OK {
		t.recorded++
	}
	return t.recorded <= refusalsASecond
}

func (t *tally) count(j *judgement) {
	if hour := hourOf(j.at); hour != t.hour {
		t.ended = t.pending(t.ended)
		t.clear()
		t.hour = hour
	}
	key := calledPath{j.path, j.code}
	if j.reason != "" {
		key.path = ""
	}
	n, known := t.counts[key]
	if !known && (len(t.counts) >= observedPaths || t.inAll.Load() >= observedInAll) {
		key.path = ""
		n, known = t.counts[key]
	}
	if !known {
		key.path = strings.Clone(key.path) // not the whole request that it is part of
		t.inAll.Add(1)
	}
	t.counts[key] = n + 1
}

// pending adds the counts of the hour that are not yet written to rows.
func (t *tally) pending(rows []Observed) []Observed {
	for key, n := range t.counts {
		if n > 0 {
			rows = append(rows, Observed{Hour: t.hour, Path: key.path, Code: key.code, Count: n})
		}
	}
	return rows
}

// clear forgets the counts of the hour.
func (t *tally) clear() {
	t.inAll.Add(-int64(len(t.counts)))
	clear(t.counts)
}

// take adds to rows what was counted and not yet written, as the counts of an
// environment.
func (t *tally) take(key EnvironmentKey, rows []Observed) []Observed {
	t.mu.Lock()
	defer t.mu.Unlock()
	begin := len(rows)
	rows = t.pending(append(rows, t.ended...))
	t.ended = nil
	for i := range rows[begin:] {
		rows[begin+i].Account, rows[begin+i].Env = key.Account, key.Env
	}
	for called := range t.counts {
		t.counts[called] = 0
	}
	return rows
}
