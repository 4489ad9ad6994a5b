package cloud

import (
	"cmp"
	"context"
	"time"
)

// RuntimeFunction is a function as a runtime runs it (RT-2). Sum is the SHA-256 of its
// zip in hex, Size how long that is in bytes, Timeout how many seconds one call may take.
type RuntimeFunction struct {
	Name        string     `json:"name"`
	Sum         string     `json:"sum"`
	Size        int64      `json:"size"`
	Handler     string     `json:"handler"`
	Timeout     int64      `json:"timeout"`
	Environment []Variable `json:"environment"`
	ModifiedAt  time.Time  `json:"modified_at"`
}

// What a function has whose configuration and upload say nothing.
const (
	DefaultTimeout = 3 // seconds
	defaultHandler = "index.main"
)

const actReadRuntime = "runtime"

// mayRun returns nil for the operator, and for a runtime whose credential opens the
// code of its environment (RT-1), WrongTokenKind for others.
func (c Caller) mayRun() error {
	if c.runtime && !c.code {
		return Refused(WrongTokenKind,
			"the credential opens tokens alone: 'opentcb env-credential ENV --code' prints one that opens code too")
	}
	return nil
}

// RuntimeFunctions returns the functions of an environment that have code, by name, for
// what runs them: EnvironmentNotFound, or WrongTokenKind for a credential that does not
// open code.
func (s *Service) RuntimeFunctions(ctx context.Context, c Caller, env string) ([]RuntimeFunction, error) {
	e, err := s.environmentByID(ctx, env)
	if err != nil {
		return nil, err
	}
	if err := c.mayRun(); err != nil {
		rec, stored := s.recordOn(ctx, c, actReadRuntime, e)
		if stored != nil {
			return nil, storeError("account", stored)
		}
		c.Platform, c.AppID = rec.Platform, rec.AppID
		return nil, s.recordOnce(c, actReadRuntime, rec.Target, 0, err)
	}
	list := []RuntimeFunction{}
	for p := (Page{Limit: runtimePage}); ; {
		rows, err := s.store.FunctionPage(ctx, e.Account, env, p)
		if err != nil {
			return nil, storeError("list functions", err)
		}
		settings, err := s.settingsOf(ctx, e.Account, env, rows)
		if err != nil {
			return nil, err
		}
		for _, f := range rows {
			if f.Sum != "" {
				list = append(list, f.atRuntime(settings[f.Name]))
			}
		}
		if len(rows) < runtimePage {
			return list, nil
		}
		p.After = []string{rows[len(rows)-1].Name}
	}
}

// runtimePage is how many functions are read at a time.
const runtimePage = 1000

func (f Function) atRuntime(s *FuncSettings) RuntimeFunction {
	return RuntimeFunction{
		Name: f.Name, Sum: f.Sum, Size: f.Size, Handler: cmp.Or(f.Handler, defaultHandler),
		Timeout: s.Timeout, Environment: s.Environment, ModifiedAt: sinceEpoch(f.ModifiedAt),
	}
}

// RuntimeCode opens the code of a function that has that sum, for what runs it, and
// records that (RT-3): EnvironmentNotFound, FunctionNotFound, Conflict if its code is
// another by now, or WrongTokenKind.
func (s *Service) RuntimeCode(ctx context.Context, c Caller, env, name, sum string) (Code, error) {
	return s.readCode(ctx, c, env, name, func(f *Function) error {
		if err := c.mayRun(); err != nil {
			return err
		}
		if f.Sum != sum {
			return Refused(Conflict, "the code of "+name+" is another by now")
		}
		return nil
	})
}
