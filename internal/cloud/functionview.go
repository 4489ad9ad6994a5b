package cloud

import (
	"context"
	"errors"
	"time"

	"github.com/opentcb/opentcb/internal/blob"
)

// FunctionView is a function as the operator sees it. Without code it has neither
// sum nor size.
type FunctionView struct {
	Name              string    `json:"name"`
	Owner             string    `json:"owner,omitempty"` // the platform that protected the code; absent: nobody
	Sum               string    `json:"sha256,omitempty"`
	Size              int64     `json:"size,omitempty"` // of the zip, in bytes
	Handler           string    `json:"handler,omitempty"`
	InstallDependency bool      `json:"install_dependency,omitempty"`
	AddedAt           time.Time `json:"added_at,omitzero"`
	ModifiedAt        time.Time `json:"modified_at,omitzero"`
	// What its configuration says: seconds, and the variables' keys. APIs and triggers
	// have no effect here.
	Timeout     int64     `json:"timeout"`
	Environment []string  `json:"environment,omitempty"`
	APIs        []string  `json:"openapi,omitempty"`
	Triggers    []Trigger `json:"triggers,omitempty"`
}

// Key is the function's place in the list of its environment.
func (f FunctionView) Key() []string { return []string{f.Name} }

// functionViews returns functions, by name, as the operator sees them.
func (s *Service) functionViews(ctx context.Context, account, env string, rows []Function) ([]FunctionView, error) {
	settings, err := s.settingsOf(ctx, account, env, rows)
	if err != nil {
		return nil, err
	}
	list := make([]FunctionView, len(rows))
	for i, f := range rows {
		has := settings[f.Name]
		list[i] = FunctionView{
			Name: f.Name, Owner: f.Owner, Sum: f.Sum, Size: f.Size, Handler: f.Handler, InstallDependency: f.InstallDependency,
			AddedAt: sinceEpoch(f.AddedAt), ModifiedAt: sinceEpoch(f.ModifiedAt),
			Timeout: has.Timeout, APIs: has.APIs, Triggers: has.Triggers,
		}
		for _, v := range has.Environment {
			list[i].Environment = append(list[i].Environment, v.Key)
		}
	}
	return list, nil
}

// FunctionViewStore shows functions to the operator.
type FunctionViewStore interface {
	// FunctionPage returns a page of an environment's functions, by name.
	FunctionPage(ctx context.Context, account, env string, p Page) ([]Function, error)
}

const actReadCode = "code"

// FunctionViews returns a page of the list of an environment's functions (OP-5):
// EnvironmentNotFound if there is no such environment.
func (s *Service) FunctionViews(ctx context.Context, env string, p Page) ([]FunctionView, error) {
	e, err := s.environmentByID(ctx, env)
	if err != nil {
		return nil, err
	}
	rows, err := s.store.FunctionPage(ctx, e.Account, env, p)
	if err != nil {
		return nil, storeError("list functions", err)
	}
	return s.functionViews(ctx, e.Account, env, rows)
}

// FunctionView returns a function: EnvironmentNotFound or FunctionNotFound.
func (s *Service) FunctionView(ctx context.Context, env, name string) (FunctionView, error) {
	f, err := s.functionByName(ctx, env, name)
	if err != nil {
		return FunctionView{}, err
	}
	views, err := s.functionViews(ctx, f.Account, env, []Function{*f})
	if err != nil {
		return FunctionView{}, err
	}
	return views[0], nil
}

func (s *Service) functionByName(ctx context.Context, env, name string) (*Function, error) {
	e, err := s.environmentByID(ctx, env)
	if err != nil {
		return nil, err
	}
	f, err := s.functionOf(ctx, e.Account, env, name)
	if KindOf(err) == FunctionNotFound {
		err = Refused(FunctionNotFound, "no function "+name+" in "+env)
	}
	return f, err
}

// ReadCode opens a function's code for the operator, whoever uploaded it, and records
// that: EnvironmentNotFound, FunctionNotFound also if there is no code yet. Code that
// no longer matches its checksum is an Internal error that wraps blob.ErrCorrupt.
func (s *Service) ReadCode(ctx context.Context, c Caller, env, name string) (Code, error) {
	return s.readCode(ctx, c, env, name, func(*Function) error { return nil })
}

// readCode opens a function's code unless may refuses it, and records either.
func (s *Service) readCode(
	ctx context.Context, c Caller, env, name string, may func(*Function) error,
) (Code, error) {
	f, err := s.functionByName(ctx, env, name)
	if err == nil && f.Sum == "" {
		err = Refused(FunctionNotFound, "the function "+name+" has no code yet")
	}
	if err != nil {
		return Code{}, err
	}
	a, err := s.account(ctx, f.Account)
	if err != nil {
		return Code{}, storeError("account", err)
	}
	c = c.concerning(a)
	var b blob.Blob
	if err = may(f); err == nil {
		b, err = s.openCode(ctx, f.Sum)
	}
	if err := s.recordOutcome(c, actReadCode, f.target(), err); err != nil {
		if b != nil {
			b.Close()
		}
		return Code{}, err
	}
	return Code{Blob: b, Caller: c, Env: env, Function: name, Checksum: f.Sum}, nil
}

func (s *Service) openCode(ctx context.Context, text string) (blob.Blob, error) {
	sum, err := blob.ParseSum(text)
	if err != nil {
		return nil, internalError("function's checksum", err)
	}
	b, err := s.blobs.Open(ctx, sum)
	switch {
	case errors.Is(err, blob.ErrNotFound):
		return nil, Refused(Conflict, "the code was replaced at this moment: try again")
	case err != nil:
		return nil, s.codeError("open code "+text, err)
	}
	return b, nil
}
