package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"github.com/opentcb/opentcb/internal/agent"
)

// Environment is an environment whose functions are run. All but ID come from its
// credential.
type Environment struct {
	ID string
	// Token asks the server for a cloudbase_access_token, as agent.Config.Fetch does.
	Token func(ctx context.Context) (agent.Token, error)
	// Code has the members List and Code of what keeps the code; the rest is the
	// runner's.
	Code agent.CodeConfig
}

// errGone is a function that is not there, or not any more.
var errGone = errors.New("there is no such function")

// tokenVariable is where the code of a function finds its token (RN-4).
const tokenVariable = "WX_CLOUDBASE_ACCESSTOKEN"

// environment is what is known of one.
type environment struct {
	Environment
	user   User
	folder string

	mu        sync.Mutex
	functions map[string]*function
	token     string
	changed   chan struct{} // closed when the functions are others
	refused   bool          // the server refuses the credential
}

// listing is what the server says of an environment.
type listing struct {
	Items  []item `json:"items"`
	APIURL string `json:"api_url"`
}

// refusedPause is how long the server is left alone after it refused the credential.
const refusedPause = 20 * time.Second

// keep keeps token and code of an environment up to date until ctx ends.
func (e *environment) keep(ctx context.Context, r *Runner) {
	log := r.cfg.Log.With(slog.String("env", e.ID))
	for ctx.Err() == nil {
		err := e.keepOnce(ctx, r, log)
		if ctx.Err() != nil {
			return
		}
		// Only what a retry does not mend ends them: a credential that is revoked.
		log.Error("its functions are not run", "err", err, "next", refusedPause)
		e.refuse()
		select {
		case <-ctx.Done():
		case <-time.After(refusedPause):
		}
	}
}

func (e *environment) keepOnce(ctx context.Context, r *Runner, log *slog.Logger) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 2)
	go func() {
		ended <- agent.Run(ctx, agent.Config{
			Out: filepath.Join(r.folder.tokens(), e.ID), Log: log,
			Fetch: func(ctx context.Context) (agent.Token, error) {
				token, err := e.Token(ctx)
				if err == nil {
					e.mu.Lock()
					e.token, e.refused = token.Value, false
					e.mu.Unlock()
				}
				return token, err
			},
		})
	}()
	go func() {
		cfg := e.Environment.Code
		cfg.Dir, cfg.Log = e.folder, log
		cfg.Changed = func(text []byte) {
			if err := e.follow(text, r); err != nil {
				log.Error("what the server says cannot be read", "err", err)
			}
		}
		ended <- agent.KeepCode(ctx, cfg)
	}()
	err := <-ended
	stop()
	return errors.Join(err, <-ended)
}

// refuse ends all instances: their token is void.
func (e *environment) refuse() {
	e.mu.Lock()
	e.refused, e.token = true, ""
	functions := e.functions
	e.functions = map[string]*function{}
	e.mu.Unlock()
	for _, f := range functions {
		f.replace(nil)
	}
}

// follow takes what the server says. A function that is as it was keeps its instances.
func (e *environment) follow(text []byte, r *Runner) error {
	var all listing
	if err := json.Unmarshal(text, &all); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.refused = false
	gone := e.functions
	e.functions = map[string]*function{}
	for _, it := range all.Items {
		f := gone[it.Name]
		delete(gone, it.Name)
		if f == nil {
			f = &function{places: make(chan struct{}, r.cfg.Instances)}
		}
		f.replace(&version{
			item: it, env: e.ID, user: e.user, vars: variables(e.ID, all.APIURL, it),
			folder: filepath.Join(e.folder, agent.VersionsFolder, it.Sum),
		})
		e.functions[it.Name] = f
	}
	for _, f := range gone {
		f.replace(nil)
	}
	close(e.changed)
	e.changed = make(chan struct{})
	return nil
}

// variables are those of a function's process, but for the token of an event and for
// WX_APPID, which comes with it (RN-4).
func variables(env, api string, it item) map[string]string {
	vars := map[string]string{}
	for _, p := range it.Environment {
		vars[p.Key] = p.Value
	}
	for name, value := range map[string]string{
		"TENCENTCLOUD_RUNENV": "SCF", "TCB_ENV": env, "SCF_NAMESPACE": env, "TCB_SOURCE": source,
		"WX_CONTEXT_KEYS": "WX_APPID", "TCB_CONTEXT_KEYS": "TCB_ENV,TCB_SOURCE",
		// The official SDK ends a process without them. They open nothing.
		"TENCENTCLOUD_SECRETID": "opentcb", "TENCENTCLOUD_SECRETKEY": "opentcb",
	} {
		vars[name] = value
	}
	if api != "" {
		vars["OPENTCB_API_URL"] = api
	}
	return vars
}

// source is where the events come from, as the code sees it (IV-4).
const source = "wx_http"

// find returns a function and the token of its environment. One that the server knows
// and that is not here yet is waited for.
func (e *environment) find(ctx context.Context, name string, patience time.Duration) (*function, string, error) {
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		e.mu.Lock()
		f, token, changed, refused := e.functions[name], e.token, e.changed, e.refused
		e.mu.Unlock()
		switch {
		case refused:
			return nil, "", fmt.Errorf("the server refuses the credential of %s", e.ID)
		case f != nil:
			return f, token, nil
		}
		select {
		case <-changed:
		case <-late.C:
			return nil, "", errGone
		case <-ctx.Done():
			return nil, "", ctx.Err()
		}
	}
}
