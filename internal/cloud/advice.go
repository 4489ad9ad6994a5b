package cloud

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/opentcb/opentcb/internal/whitelist"
	"github.com/opentcb/opentcb/tcb"
)

// Called is a path that code in an environment called, and how often.
type Called struct {
	Path    string `json:"path"`
	Allowed int64  `json:"allowed"`
	Refused int64  `json:"refused"`
	Last    int64  `json:"last_hour"` // when the last hour with a call of it began, Unix milliseconds
}

// Calls are the cloud calls of an environment that were observed. Together sums
// those that have no row of their own: paths not in plain form, and paths beyond
// the bound.
type Calls struct {
	Since    int64    `json:"since"` // Unix milliseconds
	Paths    []Called `json:"interfaces"`
	Together Called   `json:"not_kept_apart"`
}

// Suggestion is what was observed and the smallest whitelist that would have
// allowed it.
type Suggestion struct {
	Calls
	Whitelist []string `json:"api_whitelist"`
}

// SuggestWhitelist returns the calls of an environment in the last week and
// the smallest whitelist that would have allowed all of them that were in
// plain form; with allowedOnly, those that were allowed when they were made.
// EnvironmentNotFound if there is no such environment.
func (s *Service) SuggestWhitelist(
	ctx context.Context, c Caller, env string, allowedOnly bool,
) (Suggestion, error) {
	calls, err := s.calls(ctx, c, env, observedKept)
	if err != nil {
		return Suggestion{}, err
	}
	var paths []string
	for _, called := range calls.Paths {
		if called.Allowed > 0 || !allowedOnly {
			paths = append(paths, called.Path)
		}
	}
	return Suggestion{Calls: calls, Whitelist: whitelist.Suggest(paths)}, nil
}

// Trial is what a whitelist would have done with the calls of the last day.
type Trial struct {
	Calls
	Refused []Called `json:"would_be_refused"`
}

// TryWhitelist returns what a whitelist would have done with the calls of the last
// day. EnvironmentNotFound if there is no such environment, InvalidArgs for
// entries that no list can have.
func (s *Service) TryWhitelist(ctx context.Context, c Caller, env string, entries []string) (Trial, error) {
	entries, err := whitelist.Normalize(entries)
	if err != nil {
		return Trial{}, Refused(InvalidArgs, err.Error())
	}
	calls, err := s.calls(ctx, c, env, 24*time.Hour)
	if err != nil {
		return Trial{}, err
	}
	list := whitelist.NewList(entries)
	t := Trial{Calls: calls, Refused: []Called{}}
	for _, called := range calls.Paths {
		if _, err := list.Judge(called.Path); err != nil {
			t.Refused = append(t.Refused, called)
		}
	}
	return t, nil
}

// calls returns what was observed of an environment in a span until the call.
func (s *Service) calls(ctx context.Context, c Caller, env string, span time.Duration) (Calls, error) {
	e, err := s.environmentByID(ctx, env)
	if err != nil {
		return Calls{}, err
	}
	if err := s.observer.flush(ctx); err != nil {
		return Calls{}, storeError("observed calls", err)
	}
	since := hourOf(c.Now - span.Milliseconds())
	rows, err := s.store.Observed(ctx, e.Account, e.ID, since)
	if err != nil {
		return Calls{}, storeError("observed calls", err)
	}
	return sumCalls(since, rows), nil
}

// sumCalls adds up the hours of each path. The most called come first.
func sumCalls(since int64, rows []Observed) Calls {
	sums := map[string]*Called{"": {}}
	for _, row := range rows {
		sum := sums[row.Path]
		if sum == nil {
			sum = &Called{Path: row.Path}
			sums[row.Path] = sum
		}
		if row.Code == tcb.OK {
			sum.Allowed += row.Count
		} else {
			sum.Refused += row.Count
		}
		sum.Last = max(sum.Last, row.Hour)
	}
	calls := Calls{Since: since, Paths: []Called{}, Together: *sums[""]}
	delete(sums, "")
	for _, sum := range sums {
		calls.Paths = append(calls.Paths, *sum)
	}
	slices.SortFunc(calls.Paths, func(a, b Called) int {
		return cmp.Or(cmp.Compare(b.Allowed+b.Refused, a.Allowed+a.Refused), cmp.Compare(a.Path, b.Path))
	})
	return calls
}
