package cloud

import (
	"strings"

	"github.com/opentcb/opentcb/tcb"
)

// tally counts the cloud calls of one environment. The observer guards it.
type tally struct {
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

// add counts a call. others is how many paths have a count in other tallies.
func (t *tally) add(j *judgement, others int) {
	if j.version != 0 {
		t.count(j, others)
	}
	if second := j.at / 1000; second != t.second {
		t.second, t.recorded = second, 0
	}
	if j.code != tcb.OK {
		t.recorded++
	}
}

func (t *tally) count(j *judgement, others int) {
	if hour := hourOf(j.at); hour != t.hour {
		t.ended = t.pending(t.ended)
		clear(t.counts)
		t.hour = hour
	}
	key := calledPath{j.path, j.code}
	if j.reason != "" {
		key.path = ""
	}
	n, known := t.counts[key]
	if !known && (len(t.counts) >= observedPaths || others+len(t.counts) >= observedInAll) {
		key.path = ""
		n, known = t.counts[key]
	}
	if !known {
		key.path = strings.Clone(key.path) // the path is part of a whole request
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

// take adds to rows what was counted and not yet written, as the counts of an
// environment.
func (t *tally) take(key EnvironmentKey, rows []Observed) []Observed {
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
