package runner

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// Failure is how a function ended without a result (IV-5).
type Failure struct {
	Kind    string `json:"kind"`
	Message string `json:"message"`
	Stack   string `json:"stack,omitempty"`
	Seconds int    `json:"seconds,omitempty"` // that it may take, of a timeout
}

// Error returns the message.
func (f *Failure) Error() string { return f.Kind + ": " + f.Message }

// The kinds of failures.
const (
	kindLoad     = "load" // also "throw", which loader.js tells
	kindExit     = "exit"
	kindTimeout  = "timeout"
	kindTooLarge = "too_large"
	kindBusy     = "busy"
)

// instance is one node process, which takes one event at a time.
type instance struct {
	version  *version // of the function that it runs
	low      bool     // it has the processor where others leave it
	cmd      *exec.Cmd
	channel  net.Conn
	replies  *bufio.Reader // of channel
	token    string        // that its variables have, as has appid
	appid    string
	output   *output
	temp     string
	dead     chan struct{} // closed once the process has ended, and all of it is gone
	events   uint64
	idle     time.Time // since when
	killOnce sync.Once
}

// start starts an instance of a version, of low priority perhaps, and returns while node
// begins. It waits for a place until it is too late.
func (r *Runner) start(v *version, low bool, late <-chan time.Time) (*instance, error) {
	if err := r.place(late); err != nil {
		return nil, err
	}
	temp, err := r.folder.temp(v.user)
	if err != nil {
		r.leave()
		return nil, err
	}
	i := &instance{
		version: v, low: low, temp: temp, dead: make(chan struct{}),
		output: &output{log: r.cfg.Log.With(slog.String("env", v.env), slog.String("function", v.Name))},
	}
	if err := i.launch(r); err != nil {
		r.leave()
		return nil, errors.Join(err, removeAll(temp))
	}
	r.metrics.coldStarts.Inc()
	return i, nil
}

func (i *instance) launch(r *Runner) error {
	own, other, err := newChannel()
	if err != nil {
		return err
	}
	defer other.Close()
	stdout, stdoutEnd, err := os.Pipe()
	if err != nil {
		return errors.Join(err, own.Close())
	}
	defer stdoutEnd.Close()
	stderr, stderrEnd, err := os.Pipe()
	if err != nil {
		return errors.Join(err, own.Close(), stdout.Close())
	}
	defer stderrEnd.Close()
	v := i.version
	i.channel, i.replies = own, bufio.NewReader(own)
	i.cmd = exec.Command(r.node.Path, r.node.arguments(r.folder.loader(), v.folder, i.temp, r.cfg.Memory)...)
	i.cmd.Dir, i.cmd.Env = v.folder, ownVariables(i.temp)
	i.cmd.Stdout, i.cmd.Stderr, i.cmd.ExtraFiles = stdoutEnd, stderrEnd, []*os.File{other}
	// Its own variables come with the first event: some steer a shell, which bounds the
	// process before it is node.
	for name, value := range v.vars {
		if isLocale(name) { // node takes it up at its start alone
			i.cmd.Env = append(i.cmd.Env, name+"="+value)
		}
	}
	if err := startProcess(i.cmd, v.user, r.cfg.Memory+r.node.reserved); err != nil {
		return errors.Join(err, own.Close(), stdout.Close(), stderr.Close())
	}
	if i.low {
		lowerPriority(i.cmd.Process)
	}
	i.output.streams = []*stream{{name: "stdout", pipe: stdout}, {name: "stderr", pipe: stderr}}
	for _, s := range i.output.streams {
		go i.output.follow(s)
	}
	go i.reap(r, stdout, stderr)
	return nil
}

// reap waits for the end of the process, and removes what is left of it.
func (i *instance) reap(r *Runner, streams ...io.Closer) {
	_ = i.cmd.Wait()
	killGroup(i.cmd.Process) // what it has started
	if err := removeAll(i.temp); err != nil {
		r.cfg.Log.Warn("a temporary folder cannot be removed", "err", err)
	}
	r.leave()
	close(i.dead)
	time.AfterFunc(time.Second, func() { // the rest of its output has been read by then
		for _, s := range streams {
			_ = s.Close()
		}
	})
}

// kill ends the process and those that it started, and waits until they are gone. Until
// then the channel stays open: by it is known whether an event was taken.
func (i *instance) kill() {
	i.killOnce.Do(func() {
		if !i.isDead() {
			killGroup(i.cmd.Process)
		}
		<-i.dead
		_ = i.channel.Close()
	})
}

func (i *instance) isDead() bool {
	select {
	case <-i.dead:
		return true
	default:
		return false
	}
}

// maxStrange is how many answers to no event of its own an instance may give before it
// gives one to that: a function that has written many would keep the runner busy.
const maxStrange = 10

// errNotBegun is an instance that had ended before it could get the event.
var errNotBegun = errors.New("the process had ended")

// run has an event run, and returns its result or a *Failure. Afterwards the instance
// can take another, if there was a result or the function threw. The error is errNotBegun
// if another instance may be tried.
func (i *instance) run(c call, timeout time.Duration, token, appid string) ([]byte, error) {
	i.events++
	c.ID = i.events
	if i.events == 1 || token != i.token || appid != i.appid {
		i.token, i.appid = token, appid
		c.Vars = maps.Clone(i.version.vars)
		if c.Vars["WX_APPID"] = appid; token != "" {
			c.Vars[tokenVariable] = token
		}
	}
	i.output.begin(c.RID)
	seconds := int(timeout / time.Second)
	_ = i.channel.SetDeadline(time.Now().Add(timeout))
	if err := writeFrame(i.channel, c); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		i.kill()
		return nil, errNotBegun
	}
	for strange := 0; ; {
		a, err := readFrame(i.replies)
		if strange++; err == nil && strange > maxStrange {
			err = errFrame
		}
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			i.kill()
			return nil, &Failure{Kind: kindTimeout, Message: fmt.Sprintf("over %d seconds", seconds), Seconds: seconds}
		case errors.Is(err, syscall.ECONNRESET): // it ended with the event unread, as Linux alone tells
			i.kill()
			return nil, errNotBegun
		case err != nil: // the process ended, or the function has written on the channel
			i.kill()
			return nil, &Failure{Kind: kindExit, Message: fmt.Sprintf("the process ended: %v", i.cmd.ProcessState)}
		case a.ID != c.ID:
		case a.Error != nil:
			return nil, a.Error
		default:
			return a.Result, nil
		}
	}
}
