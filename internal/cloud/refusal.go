package cloud

import (
	"context"
	"fmt"
	"strings"
	"unicode"
)

// RefusalsKept is how many records of refused cloud calls are kept.
const RefusalsKept = 1_000_000

// RefusalStore keeps the records of refused cloud calls, apart from the audit
// record.
type RefusalStore interface {
	// Refusals gives the records of refused cloud calls from since until
	// until (Unix milliseconds, exclusive) to each, oldest first, and ends
	// early with an error of each.
	Refusals(ctx context.Context, since, until int64, each func(Record) error) error
	// AppendRefusals writes records of refused cloud calls.
	AppendRefusals(ctx context.Context, recs []Record) error
}

// maxShown is how many bytes of a path that is not in plain form are shown.
const maxShown = 256

// record is the record of a refused call. What explain needs beside the usual
// is in its detail: the version in force, what is odd about the path, the
// path.
func (j *judgement) record() Record {
	return Record{
		At: j.at, RID: j.rid, AppID: j.key.Account, Action: actCloudCall, Target: j.key.Env, Code: j.code,
		Detail: fmt.Sprintf("%d\n%s\n%s", j.version, j.reason, j.shown()),
	}
}

// shown is the path as it can be shown: without the token, and without what a
// terminal would obey.
func (j *judgement) shown() string {
	path := j.path
	if j.token != "" {
		path, _, _ = strings.Cut(path, j.token)
	}
	if j.reason == "" && j.version != 0 {
		return path
	}
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, path[:min(len(path), maxShown)])
}
