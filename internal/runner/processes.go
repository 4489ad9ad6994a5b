package runner

import (
	"fmt"
	"time"
)

// place waits until another process may be started, which then ends with leave. Where
// there are as many as there may be, the process that has been idle the longest ends for
// it, whichever function's it is.
func (r *Runner) place(late <-chan time.Time) error {
	for {
		select {
		case r.processes <- struct{}{}:
			wake(r.idled) // perhaps another process is idle, and somebody waits
			return nil
		default:
		}
		if i := r.longestIdle(); i != nil {
			i.kill()
			continue
		}
		select {
		case r.processes <- struct{}{}:
			return nil
		case <-r.idled:
		case <-late:
			return &Failure{Kind: kindBusy, Message: fmt.Sprintf("the runner has %d processes, and all are busy", r.cfg.Processes)}
		}
	}
}

// leave gives a place back.
func (r *Runner) leave() { <-r.processes }

// wake wakes somebody, now or when they begin to wait.
func wake(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// longestIdle takes the process that has been idle the longest from its function, or
// returns nil.
func (r *Runner) longestIdle() *instance {
	var oldest *function
	var since time.Time
	for _, f := range r.functions() {
		f.mu.Lock()
		if len(f.idle) > 0 && (oldest == nil || f.idle[0].idle.Before(since)) {
			oldest, since = f, f.idle[0].idle
		}
		f.mu.Unlock()
	}
	if oldest == nil {
		return nil
	}
	oldest.mu.Lock()
	defer oldest.mu.Unlock()
	if len(oldest.idle) == 0 { // it was taken meanwhile, or has ended
		return nil
	}
	i := oldest.idle[0]
	oldest.idle = oldest.idle[1:]
	return i
}

// functions are those of all environments.
func (r *Runner) functions() (all []*function) {
	for _, e := range r.envs {
		e.mu.Lock()
		for _, f := range e.functions {
			all = append(all, f)
		}
		e.mu.Unlock()
	}
	return all
}
