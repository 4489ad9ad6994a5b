package runner

import (
	"cmp"
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"
)

// Config is what a Runner works with. Code, Secret, Node and Environments are required.
type Config struct {
	Code         string // the folder in which the code of each environment has its own
	Secret       string // what the server is known by
	Node         Node
	Environments []Environment
	User         User   // whom functions run as
	UserPerEnv   uint32 // the first of the users that environments have each for itself; 0: they have not

	Instances int           // of one function at once; default DefaultInstances
	Processes int           // of all functions at once; default DefaultProcesses
	Idle      time.Duration // after which an instance ends; default DefaultIdle
	Memory    int           // of one instance, in MiB; default DefaultMemory
	Calls     int           // of one environment, running and waiting; default DefaultCalls
	Log       *slog.Logger
}

// Defaults of Config.
const (
	DefaultInstances = 4
	DefaultProcesses = 64
	DefaultIdle      = time.Minute
	DefaultMemory    = 256
	DefaultCalls     = 256
)

// MinMemory is the least memory in which node works, in MiB.
const MinMemory = 96

// Runner runs functions. It answers what IV-5 says; Run keeps their code up to date.
type Runner struct {
	cfg       Config
	node      Node
	folder    *folder
	envs      map[string]*environment
	calls     map[string]chan struct{} // places, by environment
	processes chan struct{}            // places of the processes that there are
	idled     chan struct{}            // gets something when a process became idle
	metrics   metrics
}

// New makes the runner's folder, and checks that functions can read what is in it. The
// error is for the operator. Close removes what is the runner's own.
func New(cfg Config) (*Runner, error) {
	cfg.Instances, cfg.Idle = cmp.Or(cfg.Instances, DefaultInstances), cmp.Or(cfg.Idle, DefaultIdle)
	cfg.Processes = cmp.Or(cfg.Processes, DefaultProcesses)
	cfg.Memory, cfg.Calls = cmp.Or(cfg.Memory, DefaultMemory), cmp.Or(cfg.Calls, DefaultCalls)
	cfg.Log = cmp.Or(cfg.Log, slog.New(slog.DiscardHandler))
	if err := keepDescriptors(); err != nil {
		return nil, err
	}
	own, err := openFolder(cfg.Code)
	if err != nil {
		return nil, fmt.Errorf("the folder of the code: %w", err)
	}
	r := &Runner{
		cfg: cfg, node: cfg.Node, folder: own, envs: map[string]*environment{}, calls: map[string]chan struct{}{},
		processes: make(chan struct{}, cfg.Processes), idled: make(chan struct{}, 1),
	}
	r.metrics = r.newMetrics()
	if err := r.open(); err != nil {
		return nil, errors.Join(err, own.close())
	}
	return r, nil
}

func (r *Runner) open() error {
	envs := slices.SortedFunc(slices.Values(r.cfg.Environments), func(a, b Environment) int {
		return strings.Compare(a.ID, b.ID)
	})
	checked := map[User]bool{}
	for n, e := range envs {
		u := r.cfg.User
		if first := r.cfg.UserPerEnv; first != 0 {
			u = User{UID: first + uint32(n), GID: first + uint32(n), Other: true}
		}
		folder, err := r.folder.environment(e.ID, u)
		if err == nil && !checked[u] {
			checked[u], err = true, r.isReadable(folder, u)
		}
		if err != nil {
			return err
		}
		r.envs[e.ID] = &environment{
			Environment: e, user: u, folder: folder, functions: map[string]*function{}, changed: make(chan struct{}),
		}
		r.calls[e.ID] = make(chan struct{}, r.cfg.Calls)
	}
	return nil
}

// isReadable returns an error unless node can be started in a folder by that user.
func (r *Runner) isReadable(folder string, u User) error {
	cmd := exec.Command(r.node.Path, "--version")
	cmd.Dir, cmd.Env = folder, ownVariables(folder)
	if err := startProcess(cmd, u, r.cfg.Memory+r.node.reserved); err != nil {
		return fmt.Errorf("%w (%s, user %d): %w", errUnreadable, folder, u.UID, err)
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("%s --version as user %d: %w", r.node.Path, u.UID, err)
	}
	return nil
}

// Run keeps code and tokens up to date until ctx ends, and then ends all instances.
func (r *Runner) Run(ctx context.Context) {
	var all sync.WaitGroup
	for _, e := range r.envs {
		all.Go(func() { e.keep(ctx, r) })
	}
	all.Go(func() { r.sweep(ctx) })
	all.Wait()
}

// Close ends all instances and removes what is the runner's own. The code stays.
func (r *Runner) Close() error {
	for _, e := range r.envs {
		e.refuse()
	}
	for end := time.Now().Add(5 * time.Second); len(r.processes) > 0 && time.Now().Before(end); {
		time.Sleep(5 * time.Millisecond)
	}
	return r.folder.close()
}

// sweep ends instances that were idle for too long.
func (r *Runner) sweep(ctx context.Context) {
	tick := time.NewTicker(max(r.cfg.Idle/10, 10*time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			for _, f := range r.functions() {
				f.sweep(now.Add(-r.cfg.Idle))
			}
		}
	}
}

// maxEvent bounds an event with what the server adds, in bytes.
const maxEvent = 6<<20 + 4<<10

// firstCode is how long an event waits for the first code of a function, which the
// server has and the runner has not yet (RT-5).
const firstCode = 4 * time.Second

// statuses are those of failures by kind (IV-5); others are 500.
var statuses = map[string]int{
	kindTimeout: http.StatusGatewayTimeout, kindTooLarge: http.StatusRequestEntityTooLarge,
	kindBusy: http.StatusTooManyRequests,
}

// ServeHTTP takes an event, or tells what is measured. The function goes on if the caller
// goes away.
func (r *Runner) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if req.URL.Path == "/metrics" {
		r.metrics.page.ServeHTTP(w, req)
		return
	}
	parts := strings.Split(req.URL.Path, "/")
	given, _ := strings.CutPrefix(req.Header.Get("Authorization"), "Bearer ")
	switch {
	case subtle.ConstantTimeCompare([]byte(given), []byte(r.cfg.Secret)) != 1:
		http.Error(w, "not the server", http.StatusUnauthorized)
		return
	case len(parts) != 4 || parts[0] != "" || parts[1] != "invoke" || r.envs[parts[2]] == nil:
		http.Error(w, "not an environment of this runner", http.StatusNotFound)
		return
	case req.Method != http.MethodPost:
		http.Error(w, "POST an event", http.StatusMethodNotAllowed)
		return
	}
	event, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxEvent))
	if err != nil || !json.Valid(event) {
		http.Error(w, "the event is no JSON of at most 6 MiB", http.StatusBadRequest)
		return
	}
	begin := time.Now()
	result, err := r.run(context.WithoutCancel(req.Context()), parts[2], parts[3], req.Header, event)
	r.metrics.ended(err)
	r.log(parts, req.Header, begin, err)
	answer(w, result, err)
}

func (r *Runner) run(ctx context.Context, env, name string, h http.Header, event []byte) ([]byte, error) {
	select {
	case r.calls[env] <- struct{}{}:
		defer func() { <-r.calls[env] }()
	default:
		return nil, &Failure{Kind: kindBusy, Message: fmt.Sprintf("%d events of the environment run or wait", r.cfg.Calls)}
	}
	patience := time.Duration(0)
	if h.Get("X-Opentcb-Function-Sum") != "" {
		patience = firstCode
	}
	f, token, err := r.envs[env].find(ctx, name, patience)
	if err != nil {
		return nil, err
	}
	return f.run(ctx, r, call{
		Event: event, Name: name, Env: env, RID: h.Get("X-Opentcb-Rid"), Memory: r.cfg.Memory,
	}, token, h.Get("X-Wx-Appid"))
}

// answer answers with a result, or with how the function ended. What is no end of a
// function is a fault of the runner's.
func answer(w http.ResponseWriter, result []byte, err error) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	failed, isFailure := errors.AsType[*Failure](err)
	switch {
	case err == nil:
		_, _ = w.Write(result)
	case isFailure:
		text, _ := json.Marshal(map[string]*Failure{"error": failed})
		w.WriteHeader(cmp.Or(statuses[failed.Kind], http.StatusInternalServerError))
		_, _ = w.Write(text)
	case errors.Is(err, errGone):
		http.Error(w, err.Error(), http.StatusNotFound)
	default:
		http.Error(w, "the runner cannot run it", http.StatusServiceUnavailable)
	}
}

// log writes a line for an event that gave no result; stack traces are the developer's,
// and in the log alone.
func (r *Runner) log(parts []string, h http.Header, begin time.Time, err error) {
	attrs := []any{
		"rid", h.Get("X-Opentcb-Rid"), "env", parts[2], "function", parts[3],
		"took", time.Since(begin).Round(time.Microsecond),
	}
	failed, isFailure := errors.AsType[*Failure](err)
	switch {
	case err == nil:
		r.cfg.Log.Debug("ran", attrs...)
	case isFailure:
		r.cfg.Log.Info("failed", append(attrs, "kind", failed.Kind, "message", failed.Message, "stack", failed.Stack)...)
	default:
		r.cfg.Log.Error("not run", append(attrs, "err", err)...)
	}
}
