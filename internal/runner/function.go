package runner

import (
	"context"
	"fmt"
	"reflect"
	"sync"
	"time"
)

// pair is a variable of a function's configuration.
type pair struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// item is what the server says of a function.
type item struct {
	Name        string `json:"name"`
	Sum         string `json:"sum"`
	Handler     string `json:"handler"`
	Timeout     int    `json:"timeout"` // seconds
	Environment []pair `json:"environment"`
}

// version is a function as it is at one time: an instance runs one version only.
type version struct {
	item
	env    string
	folder string            // its code
	vars   map[string]string // of its process
	user   User
}

// function is one function. Its places bound how many instances run at once; whoever
// has a place takes an idle instance, or starts one.
type function struct {
	places chan struct{}

	mu      sync.Mutex
	version *version // nil: it is gone
	idle    []*instance
	unruly  bool // the process of its last event has ended with that
}

// replace gives the function another version, or none. Instances of the one before end,
// at once or after their event; those of the same stay.
func (f *function) replace(v *version) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if v == nil || f.version == nil || !reflect.DeepEqual(v, f.version) {
		f.version = v
		go end(f.idle)
		f.idle = nil
	}
}

func end(instances []*instance) {
	for _, i := range instances {
		i.kill()
	}
}

// take returns an instance of the version that counts now: an idle one, or a new one, if
// there is a place for that before it is too late.
func (f *function) take(r *Runner, late <-chan time.Time) (*instance, *version, error) {
	for {
		f.mu.Lock()
		v, low := f.version, f.unruly
		var i *instance
		if n := len(f.idle); n > 0 { // the one that was used last: the others may end
			i, f.idle = f.idle[n-1], f.idle[:n-1]
		}
		f.mu.Unlock()
		switch {
		case v == nil:
			return nil, nil, errGone
		case i == nil:
			i, err := r.start(v, low, late)
			return i, v, err
		case !i.isDead(): // none of another version is idle
			return i, v, nil
		}
		i.kill()
	}
}

// give takes back an instance, for another event if that can be. One of low priority is
// not kept: its event has ended as it should, and no process can raise its priority again.
func (f *function) give(r *Runner, i *instance) {
	i.idle = time.Now()
	f.mu.Lock()
	f.unruly = i.isDead()
	keep := f.version == i.version && !f.unruly && !i.low
	if keep {
		f.idle = append(f.idle, i)
	}
	f.mu.Unlock()
	if !keep {
		i.kill()
		return
	}
	wake(r.idled)
}

// sweep ends instances that were idle since before a time.
func (f *function) sweep(before time.Time) {
	f.mu.Lock()
	n := 0
	for n < len(f.idle) && f.idle[n].idle.Before(before) {
		n++
	}
	old := f.idle[:n:n]
	f.idle = f.idle[n:]
	f.mu.Unlock()
	end(old)
}

// run has an event run, on an instance that is idle or becomes so within the function's
// time.
func (f *function) run(ctx context.Context, r *Runner, c call, token, appid string) ([]byte, error) {
	f.mu.Lock()
	v := f.version
	f.mu.Unlock()
	if v == nil {
		return nil, errGone
	}
	late := time.NewTimer(v.timeout())
	defer late.Stop()
	select {
	case f.places <- struct{}{}:
	case <-late.C:
		return nil, &Failure{Kind: kindBusy, Message: fmt.Sprintf("all %d instances of the function are busy", cap(f.places))}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-f.places }()
	for tries := 0; ; tries++ {
		i, v, err := f.take(r, late.C)
		if err != nil {
			return nil, err
		}
		c.Handler, c.Timeout = v.Handler, v.timeout().Milliseconds()
		result, err := i.run(c, v.timeout(), token, appid)
		if err == errNotBegun && tries < 3 {
			continue
		}
		failed, _ := err.(*Failure)
		if failed != nil && failed.Kind == kindLoad {
			i.kill() // perhaps what it lacked is there next time
		}
		f.give(r, i)
		return result, err
	}
}

// defaultTimeout is how many seconds a function has whose configuration says nothing.
const defaultTimeout = 3

func (v *version) timeout() time.Duration {
	seconds := v.Timeout
	if seconds <= 0 {
		seconds = defaultTimeout
	}
	return time.Duration(seconds) * time.Second
}
