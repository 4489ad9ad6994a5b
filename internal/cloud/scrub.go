package cloud

import (
	"context"
	"errors"

	"github.com/opentcb/opentcb/internal/blob"
)

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
