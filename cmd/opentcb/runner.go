package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/opentcb/opentcb/internal/agent"
	"github.com/opentcb/opentcb/internal/node"
	"github.com/opentcb/opentcb/internal/runner"
	"github.com/opentcb/opentcb/internal/secretfile"
)

// runnerFlags are the settings of a runner, as they are given.
type runnerFlags struct {
	envs                             []string
	listen, code, secretFile, nodejs string
	user                             string
	userPerEnv                       uint32
	cfg                              runner.Config
}

func (f *runnerFlags) add(flags *pflag.FlagSet) {
	flags.StringArrayVar(&f.envs, "env", nil, "ENV=FILE: an environment, and the file with its credential, made with --code; may be repeated. ENV alone: the admin token opens it")
	flags.StringVar(&f.listen, "listen", "127.0.0.1:9100", "address where the server finds it; port 0 takes a free one")
	flags.StringVar(&f.code, "code", "opentcb-code", "folder to keep code in")
	flags.StringVar(&f.secretFile, "secret-file", "", "file with the secret that the server is known by, as its --runtime-secret-file")
	flags.StringVar(&f.nodejs, "node", "node", "program of Node.js, 18 or later")
	flags.StringVar(&f.user, "user", "", "user that functions run as, by name or number; only root can choose another than its own")
	flags.Uint32Var(&f.userPerEnv, "user-per-env", 0, "number of the first of the users that environments have each for itself, in the order of their ids; in place of --user")
	flags.IntVar(&f.cfg.Instances, "instances", runner.DefaultInstances, "processes of one function at once; further events wait")
	flags.IntVar(&f.cfg.Processes, "max-processes", runner.DefaultProcesses, "processes of all functions at once; for another one the longest idle ends, or events wait")
	flags.DurationVar(&f.cfg.Idle, "idle", runner.DefaultIdle, "after which a process that has no event ends")
	flags.IntVar(&f.cfg.Memory, "memory", runner.DefaultMemory, "memory of one process, in MiB")
	flags.IntVar(&f.cfg.Calls, "calls", runner.DefaultCalls, "events of one environment at once, running and waiting; further ones are told to try again")
}

func runnerCommand() *cobra.Command {
	var r remote
	var flags runnerFlags
	logging := logFlags{level: slog.LevelInfo}
	cmd := &cobra.Command{
		Use:   "runner --env ENV=FILE --secret-file FILE",
		Short: "Run functions on Node.js, for servers with --runtime",
		Long: `Run the functions of environments in node processes on this machine, and answer the
servers that have them run: a runtime for those who have no function service. It keeps
the code as 'opentcb agent --code' does, below --code. SIGTERM ends it, after the
functions that are running.

Processes are no sandbox: docs/runtime.md says for whom this is enough. It refuses to
run as root, unless --user or --user-per-env names others for the functions.`,
		Args: usageArgs(cobra.ExactArgs(0)),
		RunE: func(cmd *cobra.Command, _ []string) error {
			log := newLogWriter(cmd.ErrOrStderr(), logging)
			defer log.close()
			flags.cfg.Log = log.logger()
			if err := flags.complete(cmd.Context(), r); err != nil {
				return usageError{err}
			}
			outliveReaders()
			log.reloadOnHangup()
			l, err := net.Listen("tcp", flags.listen)
			if err != nil {
				return fmt.Errorf("--listen %s: %w", flags.listen, err)
			}
			return runFunctions(cmd.Context(), flags.cfg, l, func() {
				fmt.Fprintf(cmd.OutOrStdout(), "ready runtime=http://%s\n", l.Addr())
			})
		},
	}
	flags.add(cmd.Flags())
	r.flags(cmd.Flags())
	logging.add(cmd.Flags())
	return cmd
}

// complete makes the settings from what was given. The error is the caller's fault.
func (f *runnerFlags) complete(ctx context.Context, r remote) (err error) {
	switch cfg := &f.cfg; {
	case len(f.envs) == 0:
		return errors.New("no environment: give --env ENV=FILE with a credential of 'opentcb env-credential ENV --code'")
	case f.secretFile == "":
		return errors.New("give --secret-file, with the secret that the server has in --runtime-secret-file")
	case f.user != "" && f.userPerEnv != 0:
		return errors.New("give --user or --user-per-env, not both")
	case cfg.Instances < 1 || cfg.Processes < 1 || cfg.Idle <= 0 || cfg.Calls < 1:
		return errors.New("--instances, --max-processes, --idle and --calls must be more than 0")
	case cfg.Memory < runner.MinMemory:
		return fmt.Errorf("--memory must be at least %d: Node.js itself needs most of that", runner.MinMemory)
	}
	f.cfg.Code, f.cfg.UserPerEnv = f.code, f.userPerEnv
	for _, env := range f.envs {
		id, file, _ := strings.Cut(env, "=")
		if _, err := secretfile.Read(file); file != "" && err != nil {
			return fmt.Errorf("--env %s: %w: 'opentcb env-credential %s --code' makes a credential", env, err, id)
		}
		f.cfg.Environments = append(f.cfg.Environments, environmentOf(r, id, file))
	}
	if f.userPerEnv == 0 {
		if f.cfg.User, err = runner.LookUpUser(f.user); err != nil {
			return err
		}
	}
	text, err := secretfile.Read(f.secretFile)
	if err != nil {
		return err
	}
	if f.cfg.Secret = strings.TrimSpace(string(text)); len(f.cfg.Secret) < 16 {
		return errors.New("--secret-file: the secret must have at least 16 characters")
	}
	f.cfg.Node, err = runner.FindNode(ctx, f.nodejs)
	return err
}

// environmentOf is an environment whose credential is in a file. That is read each time,
// so that a new credential needs no restart.
func environmentOf(r remote, id, file string) runner.Environment {
	e := runner.Environment{ID: id, Token: func(ctx context.Context) (agent.Token, error) {
		own := r
		c, err := own.runtimeClient("", file)
		if err != nil {
			return agent.Token{}, err
		}
		return own.fetchToken(ctx, c, id)
	}}
	code := func() (agent.CodeConfig, error) {
		own := r
		c, err := own.runtimeClient("", file)
		return codeOf(c, id, agent.CodeConfig{}), err
	}
	e.Code.List = func(ctx context.Context, tag string) (agent.Listing, error) {
		cfg, err := code()
		if err != nil {
			return agent.Listing{}, err
		}
		return cfg.List(ctx, tag)
	}
	e.Code.Code = func(ctx context.Context, name, sum string, w io.Writer) error {
		cfg, err := code()
		if err != nil {
			return err
		}
		return cfg.Code(ctx, name, sum, w)
	}
	return e
}

// endTime is how long a runner that ends waits for functions.
const endTime = 30 * time.Second

// runFunctions runs a runner behind a listener until ctx ends. begun is called once it
// answers.
func runFunctions(ctx context.Context, cfg runner.Config, l net.Listener, begun func()) error {
	r, err := runner.New(cfg)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	keeping, stop := context.WithCancel(context.WithoutCancel(ctx))
	kept := make(chan struct{})
	go func() {
		r.Run(keeping)
		close(kept)
	}()
	srv := &http.Server{Handler: r, ReadHeaderTimeout: endTime, ReadTimeout: endTime, IdleTimeout: 2 * time.Minute}
	l = node.Bound(srv, l, nil)
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(l) }()
	begun()
	select {
	case <-ctx.Done():
		end, cancel := context.WithTimeout(keeping, endTime)
		err = srv.Shutdown(end)
		cancel()
		if errors.Is(err, context.DeadlineExceeded) {
			cfg.Log.Warn("functions were ended by the shutdown", "after", endTime)
			err = nil
		}
	case err = <-failed:
	}
	stop()
	<-kept
	return errors.Join(err, r.Close())
}
