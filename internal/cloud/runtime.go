package cloud

import (
	"cmp"
	"context"
	"fmt"
	"sync"
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

// RuntimeStore tells when runtimes see something else.
type RuntimeStore interface {
	// RuntimeMarks returns a text of each environment that is there, which is another
	// one once what its runtimes see has changed: functions and their code, and
	// whether credentials are good.
	RuntimeMarks(ctx context.Context, envs []EnvironmentKey) (map[EnvironmentKey]string, error)
}

// DefaultRuntimeWaits is how many requests of the runtimes of one environment may wait
// for a change at the same time.
const DefaultRuntimeWaits = 1000

// lookEvery is the time from one look at the marks to the next: other servers change
// them too, and a change is seen within a second (RT-2).
const lookEvery = 300 * time.Millisecond

// runtimeWatch looks for changes on behalf of all who wait for one: as long as somebody
// does, at the marks of all their environments at once. It is safe for concurrent use.
type runtimeWatch struct {
	store   RuntimeStore
	most    int // of one environment
	mu      sync.Mutex
	waited  map[EnvironmentKey]*watched
	looking bool
}

// watched is an environment that somebody waits for.
type watched struct {
	waiters int
	known   bool // whether mark is
	mark    string
	changed chan struct{} // closed at the next change, and then replaced
}

// RuntimeWaiter is one who waits for a change of what an environment's runtimes see.
type RuntimeWaiter struct {
	watch *runtimeWatch
	key   EnvironmentKey
}

// WaitForRuntime returns a waiter for changes of what an environment's runtimes see,
// which its owner ends: EnvironmentNotFound, or LimitReached if too many wait already.
func (s *Service) WaitForRuntime(ctx context.Context, env string) (RuntimeWaiter, error) {
	e, err := s.environmentByID(ctx, env)
	if err != nil {
		return RuntimeWaiter{}, err
	}
	w := RuntimeWaiter{s.runtimes, EnvironmentKey{e.Account, e.ID}}
	return w, s.runtimes.add(w.key)
}

func (w *runtimeWatch) add(key EnvironmentKey) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	env := w.waited[key]
	if env == nil {
		env = &watched{changed: make(chan struct{})}
		w.waited[key] = env
	}
	if env.waiters >= w.most {
		return Refused(LimitReached, fmt.Sprintf("%d runtimes of the environment wait already", w.most))
	}
	env.waiters++
	if !w.looking {
		w.looking = true
		go w.look()
	}
	return nil
}

// Changed returns a channel that is closed at the next change, or where there may have
// been one. Whoever takes it before reading misses none.
func (w RuntimeWaiter) Changed() <-chan struct{} {
	w.watch.mu.Lock()
	defer w.watch.mu.Unlock()
	return w.watch.waited[w.key].changed
}

// End ends the waiting.
func (w RuntimeWaiter) End() {
	w.watch.mu.Lock()
	defer w.watch.mu.Unlock()
	env := w.watch.waited[w.key]
	if env.waiters--; env.waiters == 0 {
		delete(w.watch.waited, w.key)
	}
}

// look compares marks until nobody waits. What cannot be read now is looked at again.
func (w *runtimeWatch) look() {
	for {
		time.Sleep(lookEvery)
		keys := w.keys()
		if len(keys) == 0 {
			return
		}
		if marks, err := w.store.RuntimeMarks(context.Background(), keys); err == nil {
			w.compare(keys, marks)
		}
	}
}

// keys returns the environments that are waited for. With none, the looking has ended.
func (w *runtimeWatch) keys() []EnvironmentKey {
	w.mu.Lock()
	defer w.mu.Unlock()
	keys := make([]EnvironmentKey, 0, len(w.waited))
	for key := range w.waited {
		keys = append(keys, key)
	}
	w.looking = len(keys) > 0
	return keys
}

// compare wakes those whose environment has another mark. The first mark of one tells
// nothing of what was before it, and wakes them too.
func (w *runtimeWatch) compare(keys []EnvironmentKey, marks map[EnvironmentKey]string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, id := range keys {
		env := w.waited[id]
		if env == nil || env.known && env.mark == marks[id] {
			continue
		}
		env.known, env.mark = true, marks[id]
		close(env.changed)
		env.changed = make(chan struct{})
	}
}
