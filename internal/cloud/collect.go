package cloud

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/opentcb/opentcb/internal/blob"
)

// DefaultGrace is how long code that no function uses is kept.
const DefaultGrace = 24 * time.Hour

// collectPage is how many pieces of code are looked at together.
const collectPage = 500

// doomTime is how long a removal that began may still be under way on another
// server. What is left of one that was cut off is finished after it.
const doomTime = 10 * time.Minute

// removeTime is how long after its decision a removal may still be carried out.
// A collection that was stopped in between, with its machine perhaps, must not
// wake up and remove what others have removed and uploaded again since.
const removeTime = 2 * time.Minute

const actCollect = "gc"

// CodeFinding is what collection or a check found of one piece of code.
type CodeFinding struct {
	Sum   string     `json:"sum"` // SHA-256 of the code in hex
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

// CodeWatch takes what a walk through all code tells on its way. An error ends
// the walk.
type CodeWatch struct {
	Found    func(CodeFinding) error
	Progress func(CodeReport) error // now and then
}

// Collect removes stored code that no function uses and that was not held,
// used or replaced within the grace. It is safe beside uploads, and on several
// servers at once: code is doomed by one statement that nobody else's use
// escapes, and only then removed. With dry nothing is changed.
func (s *Service) Collect(ctx context.Context, c Caller, grace time.Duration, dry bool, watch CodeWatch) (CodeReport, error) {
	g := collection{s: s, c: c, before: c.Now - grace.Milliseconds(), dry: dry}
	w := codeWalk{s: s, watch: watch, page: g.page}
	return w.run(ctx)
}

// codeWalk goes through stored code and its rows side by side, in the order of
// sums.
type codeWalk struct {
	s      *Service
	watch  CodeWatch
	page   func(w *codeWalk, ctx context.Context, stored []storedCode, after, upto string) error
	report CodeReport
	stored []storedCode
	after  string // up to which all is done
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
		w.stored = append(w.stored, storedCode{sum.String(), sum, size})
		w.report.Seen++
		w.report.SeenBytes += size
		if len(w.stored) < collectPage {
			return nil
		}
		return w.turn(ctx, w.stored[len(w.stored)-1].sum)
	})
	if err == nil {
		err = w.turn(ctx, beyondAll)
	}
	if err != nil {
		if _, ok := errors.AsType[*Error](err); !ok {
			err = codeError("walk through code", err)
		}
		return w.report, err
	}
	return w.report, nil
}

// turn works on a page, all of which comes after the pages before it.
func (w *codeWalk) turn(ctx context.Context, upto string) error {
	err := w.page(w, ctx, w.stored, w.after, upto)
	w.stored, w.after = w.stored[:0], upto
	if err == nil && w.watch.Progress != nil {
		err = w.watch.Progress(w.report)
	}
	return err
}

// rows gives the rows of a page to each.
func (w *codeWalk) rows(ctx context.Context, after, upto string, each func(CodeRow) error) error {
	for {
		rows, err := w.s.store.CodeRows(ctx, after, upto, collectPage)
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

func (g *collection) page(w *codeWalk, ctx context.Context, stored []storedCode, after, upto string) error {
	size := make(map[string]int64, len(stored))
	for _, code := range stored {
		size[code.sum] = code.size
	}
	fresh := make(map[string]bool, len(stored))
	for _, code := range stored {
		fresh[code.sum] = true
	}
	err := w.rows(ctx, after, upto, func(row CodeRow) error {
		delete(fresh, row.Sum)
		if row.Used || row.DoomedAt == 0 && row.UsedAt >= g.before || row.DoomedAt > g.s.now()-doomTime.Milliseconds() {
			return nil
		}
		return g.remove(w, ctx, row, size[row.Sum])
	})
	w.report.Fresh += int64(len(fresh))
	if err != nil || g.dry || len(fresh) == 0 {
		return err
	}
	sums := make([]string, 0, len(fresh))
	for sum := range fresh {
		sums = append(sums, sum)
	}
	if err := g.s.store.SeeCode(ctx, sums, g.s.now()); err != nil {
		return storeError("note code", err)
	}
	return nil
}

// remove dooms code, removes it, and forgets it: a kill in between leaves what
// the next collection finishes.
func (g *collection) remove(w *codeWalk, ctx context.Context, row CodeRow, size int64) error {
	finding := CodeFinding{Sum: row.Sum, Size: size, State: CodeUnused}
	if g.dry {
		return w.found(finding)
	}
	name, err := blob.ParseSum(row.Sum)
	if err != nil {
		return &Error{Kind: Internal, Err: wrap("row of code", err)}
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
		return codeError("remove code", err)
	}
	if err := g.s.store.ForgetCode(ctx, row.Sum, c.Now); err != nil {
		return storeError("forget code", err)
	}
	finding.State = CodeRemoved
	return w.found(finding)
}
