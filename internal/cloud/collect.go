package cloud

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/opentcb/opentcb/internal/blob"
)

// DefaultGrace is how long code that no function uses is kept.
const DefaultGrace = 24 * time.Hour

// collectPage is how many pieces of code are looked at together.
const collectPage = 500

// doomTime is how long a removal may still be under way on another server. After
// it, the next collection finishes a removal that was cut off.
const doomTime = 10 * time.Minute

// removeTime is how long after its decision a removal may still be carried out. A
// collection that was stopped in between, perhaps with its machine, must not go on
// later and remove what others have removed and uploaded again since.
const removeTime = 2 * time.Minute

const actCollect = "gc"

// CodeFinding is what collection or a check found of one piece of code, or of a
// row.
type CodeFinding struct {
	Sum   string     `json:"sum,omitempty"` // SHA-256 of the code in hex
	Row   string     `json:"row,omitempty"` // in place of Sum: which row, or part of the database, in words
	Size  int64      `json:"size"`
	State CodeState  `json:"state"`
	Users []CodeUser `json:"functions,omitempty"` // of code that is damaged or missing; the first few
}

// CodeState is what is the matter with a piece of code.
type CodeState string

// The states of code.
const (
	CodeRemoved CodeState = "removed" // no function used it
	CodeUnused  CodeState = "unused"  // would have been removed
	CodeCorrupt CodeState = "corrupt" // its bytes do not match its name (DF-11)
	CodeMissing CodeState = "missing" // a function uses it, and it is not there
)

// RowAltered is the state of a row, or of a part of the database.
const RowAltered CodeState = "altered"

// CodeUser names a function that uses code.
type CodeUser struct {
	Account  string `json:"account"`
	Env      string `json:"env"`
	Function string `json:"function"`
}

// CodeReport counts what collection or a check has looked at and found.
type CodeReport struct {
	Seen       int64 `json:"seen"`        // pieces of stored code
	SeenBytes  int64 `json:"seen_bytes"`  // their size
	Found      int64 `json:"found"`       // findings
	FoundBytes int64 `json:"found_bytes"` // their size
	Fresh      int64 `json:"fresh"`       // stored code seen for the first time; its grace begins now
}

// CodeWatch takes what a walk through all code reports on its way. An error ends
// the walk.
type CodeWatch struct {
	Found    func(CodeFinding) error
	Progress func(CodeReport) error // now and then
}

// Collect removes stored code that no function uses and that was not held, used or
// replaced within the grace. It may run beside uploads, and on several servers at
// once: one statement dooms the code, which no use of it escapes, and only then is
// it removed. With dry nothing is changed. A walk takes its time, so it reads the
// service's clock.
func (s *Service) Collect(
	ctx context.Context, c Caller, grace time.Duration, dry bool, watch CodeWatch,
) (CodeReport, error) {
	g := collection{s: s, c: c, before: c.Now - grace.Milliseconds(), dry: dry}
	w := codeWalk{s: s, watch: watch, page: g.page}
	return w.run(ctx)
}

// codeWalk goes through stored code and its rows side by side, in the order of
// their sums.
type codeWalk struct {
	s      *Service
	watch  CodeWatch
	page   func(ctx context.Context, w *codeWalk, p codePage) error
	report CodeReport
	next   codePage
}

// codePage is a stretch of all code: sums beyond after, up to and including upto.
type codePage struct {
	stored      []storedCode
	after, upto string
}

type storedCode struct {
	sum  string
	name blob.Sum
	size int64
}

// beyondAll comes after every sum.
const beyondAll = "~"

func (w *codeWalk) run(ctx context.Context) (CodeReport, error) {
	err := w.s.blobs.List(ctx, func(sum blob.Sum, size int64, _ time.Time) error {
		w.next.stored = append(w.next.stored, storedCode{sum.String(), sum, size})
		w.report.Seen++
		w.report.SeenBytes += size
		if len(w.next.stored) < collectPage {
			return nil
		}
		return w.turn(ctx, sum.String())
	})
	if err == nil {
		err = w.turn(ctx, beyondAll)
	}
	if err != nil {
		if _, ok := errors.AsType[*Error](err); !ok {
			err = w.s.codeError("walk through code", err)
		}
		return w.report, err
	}
	return w.report, nil
}

// turn works on a page, all of which comes after the pages before it.
func (w *codeWalk) turn(ctx context.Context, upto string) error {
	w.next.upto = upto
	err := w.page(ctx, w, w.next)
	w.next = codePage{stored: w.next.stored[:0], after: upto}
	if err == nil && w.watch.Progress != nil {
		err = w.watch.Progress(w.report)
	}
	return err
}

// rows gives the rows of a page to each.
func (w *codeWalk) rows(ctx context.Context, p codePage, each func(CodeRow) error) error {
	for after := p.after; ; {
		rows, err := w.s.store.CodeRows(ctx, after, p.upto, collectPage)
		if err != nil {
			return storeError("rows of code", err)
		}
		for _, row := range rows {
			if err := each(row); err != nil {
				return err
			}
			after = row.Sum
		}
		if len(rows) < collectPage {
			return nil
		}
	}
}

func (w *codeWalk) found(f CodeFinding) error {
	w.report.Found++
	w.report.FoundBytes += f.Size
	if w.watch.Found == nil {
		return nil
	}
	return w.watch.Found(f)
}

// collection is one run of Collect.
type collection struct {
	s      *Service
	c      Caller
	before int64 // what was used before this is old enough
	dry    bool
}

func (g *collection) page(ctx context.Context, w *codeWalk, p codePage) error {
	unseen := make(map[string]int64, len(p.stored)) // size of stored code without a row
	for _, code := range p.stored {
		unseen[code.sum] = code.size
	}
	err := w.rows(ctx, p, func(row CodeRow) error {
		size := unseen[row.Sum]
		delete(unseen, row.Sum)
		isFresh := row.DoomedAt == 0 && row.UsedAt >= g.before
		if row.Used || isFresh || row.DoomedAt > g.s.now()-doomTime.Milliseconds() {
			return nil
		}
		return g.remove(ctx, w, row, size)
	})
	w.report.Fresh += int64(len(unseen))
	if err != nil || g.dry || len(unseen) == 0 {
		return err
	}
	return storeError("note code", g.s.store.SeeCode(ctx, slices.Collect(maps.Keys(unseen)), g.s.now()))
}

// remove dooms code, removes it, and forgets it. If it is killed in between, the
// next collection finishes the rest.
func (g *collection) remove(ctx context.Context, w *codeWalk, row CodeRow, size int64) error {
	finding := CodeFinding{Sum: row.Sum, Size: size, State: CodeUnused}
	if g.dry {
		return w.found(finding)
	}
	name, err := blob.ParseSum(row.Sum)
	if err != nil {
		return internalError("row of code", err)
	}
	c := g.s.renewed(g.c) // the walk takes its time
	rec := c.record(actCollect, "code "+row.Sum)
	rec.Detail = fmt.Sprintf("%d bytes that no function uses", size)
	doomed, err := g.s.store.DoomCode(ctx, row, c.Now, rec)
	if err != nil {
		return storeError("doom code", err)
	}
	if !doomed {
		return nil // it is in use again
	}
	ctx, cancel := context.WithTimeout(ctx, removeTime)
	defer cancel()
	if g.s.now()-c.Now > removeTime.Milliseconds() {
		return nil // a later collection's
	}
	if err := g.s.blobs.Remove(ctx, name); err != nil {
		return g.s.codeError("remove code", err)
	}
	if err := g.s.store.ForgetCode(ctx, row.Sum, c.Now); err != nil {
		return storeError("forget code", err)
	}
	finding.State = CodeRemoved
	return w.found(finding)
}

// scrubUsers is how many functions that use lost code are named.
const scrubUsers = 20

// Scrub reads all stored code and rows. It reports code that does not match its name, and
// code that a function uses and that is not there (DF-11). It changes nothing.
//
// It begins with the rows: those that grant something and were altered outside
// of the server, and what the database itself finds damaged.
func (s *Service) Scrub(ctx context.Context, watch CodeWatch) (CodeReport, error) {
	w := codeWalk{s: s, watch: watch, page: scrubPage}
	err := s.store.CheckRows(ctx, func(what string) error { return w.found(CodeFinding{Row: what, State: RowAltered}) })
	if err != nil {
		return w.report, storeError("check rows", err)
	}
	return w.run(ctx)
}

func scrubPage(ctx context.Context, w *codeWalk, p codePage) error {
	listed := make(map[string]bool, len(p.stored))
	for _, code := range p.stored {
		listed[code.sum] = true
		if err := w.check(ctx, code, false); err != nil {
			return err
		}
	}
	return w.rows(ctx, p, func(row CodeRow) error {
		if !row.Used || listed[row.Sum] {
			return nil
		}
		name, err := blob.ParseSum(row.Sum)
		if err != nil {
			return internalError("row of code", err)
		}
		return w.check(ctx, storedCode{sum: row.Sum, name: name}, true)
	})
}

// check reads one piece of code. If it is not there any more, that is a finding
// only if a function uses it.
func (w *codeWalk) check(ctx context.Context, code storedCode, used bool) error {
	_, err := w.s.blobs.Check(ctx, code.name)
	finding := CodeFinding{Sum: code.sum, Size: code.size, State: CodeCorrupt}
	switch {
	case err == nil, errors.Is(err, blob.ErrNotFound) && !used:
		return nil
	case errors.Is(err, blob.ErrNotFound):
		finding.State = CodeMissing
	case !errors.Is(err, blob.ErrCorrupt):
		return w.s.codeError("check code", err)
	}
	users, err := w.s.store.CodeUsers(ctx, code.sum, scrubUsers)
	if err != nil {
		return storeError("users of code", err)
	}
	if finding.State == CodeMissing && len(users) == 0 {
		return nil // replaced, and collected, a moment ago
	}
	for _, f := range users {
		finding.Users = append(finding.Users, CodeUser{Account: f.Account, Env: f.Env, Function: f.Name})
	}
	return w.found(finding)
}
