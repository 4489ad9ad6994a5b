package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/node"
	"github.com/opentcb/opentcb/internal/runner"
	"github.com/opentcb/opentcb/internal/secretfile"
)

// The data folder of the quick start, the address of its proxy (another, where that is
// in use), and how its temporary folders are named.
const (
	devData      = ".opentcb"
	devIntercept = "127.0.0.1:8082"
	devPrefix    = "opentcb-dev-"
)

func devCommand() *cobra.Command {
	cfg, logging := node.Default(), logFlags{level: slog.LevelWarn}
	cfg.Data, cfg.TestMode, cfg.Intercept = devData, true, devIntercept
	eventURL := ""
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Run a server with a demo world: the quick start",
		Long: `Run the whole system with a demo world (a platform, two Mini Programs, their
environments, a function) in the folder .opentcb of the current directory, and
print curl lines for the interfaces, ready to paste. Where Node.js 18 or later is
installed it runs the functions of the environments too. With --event-url the ticket
and the events of the demo's platform are pushed there. Ctrl-C stops it; started
again it finds its data as it left them. Delete the folder to start afresh.`,
		Args: usageArgs(cobra.ExactArgs(0)),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkConfig(&cfg); err != nil {
				return err
			}
			cfg.InterceptAnywhere = !cmd.Flags().Changed("intercept")
			if err := errors.Join(onLoopback("--listen", cfg.Listen), onLoopback("--admin-listen", cfg.AdminListen)); err != nil {
				return usageError{err}
			}
			cfg.OpenConsent = true
			log := newLogWriter(cmd.ErrOrStderr(), logging)
			defer log.close()
			cfg.Log, cfg.LogLevel, cfg.LogLost = log.logger(), &log.now, log.lost.Load
			outliveReaders()
			ctx, stop := untilHangup(cmd.Context())
			defer stop()
			return dev(ctx, cfg, eventURL, cmd.OutOrStdout())
		},
	}
	f := cmd.Flags()
	f.StringVar(&cfg.Data, "data", cfg.Data, "data folder")
	f.StringVar(&eventURL, "event-url", "", "where the demo's platform gets its ticket and its events, such as http://127.0.0.1:9000/events (default: as at the start before, and at first nowhere)")
	serverFlags(f, &cfg)
	logging.add(f)
	return cmd
}

// dev runs a server on the demo world. The world is applied only at the first
// start: what the developer changes afterwards stays.
func dev(ctx context.Context, cfg node.Config, eventURL string, stdout io.Writer) error {
	data, err := filepath.Abs(cfg.Data)
	if err != nil {
		return err
	}
	d := demo{dir: filepath.Join(data, demoFolder)}
	if err := d.check(); err != nil {
		return fmt.Errorf("%w: the folder may be somebody else's; run opentcb dev elsewhere, or delete %s", err, data)
	}
	first, err := d.isFirstStart()
	if err != nil {
		return err
	}
	if first {
		// A folder with data but without the demo is somebody's own.
		if entries, err := os.ReadDir(data); err == nil && len(entries) > 0 && !d.begun() {
			return fmt.Errorf("the data folder %s holds data, but not the demo's: choose another with --data, or run it with 'opentcb serve --data %s'",
				data, cfg.Data)
		}
		if cfg.World, err = d.writeWorld(); err != nil {
			return fmt.Errorf("cannot write in the data folder %s: %w: run opentcb dev in a folder that you can write, or choose one with --data",
				data, err)
		}
	}
	functions := newDevRunner(ctx, &cfg)
	err = serve(ctx, cfg, stdout, nil, func(n *node.Node) error {
		functions.begin(ctx, n)
		d.url, d.noRunner = n.APIURL(), functions.says()
		d.intercept = n.InterceptURL()
		d.admin, d.upstream = &admin.Client{URL: n.AdminURL(), Token: n.AdminToken()}, cfg.Upstream
		if err := d.pushTo(ctx, eventURL); err != nil && ctx.Err() == nil {
			return err
		}
		text, err := d.begin(ctx, first)
		switch {
		case ctx.Err() != nil:
			return nil // it was told to end
		case err != nil && first:
			return fmt.Errorf("the demo could not begin: %w: delete the folder %s and try again", err, data)
		case err != nil:
			text = fmt.Sprintf("\n# The server runs, but there are no lines to paste: %v\n"+
				"# The demo's credentials were changed since its first start. Use yours, or delete %s to start afresh.\n", err, data)
		}
		if err := n.KeepStart(ctx); err != nil && ctx.Err() == nil { // a reset comes back to what is printed
			return err
		}
		_, _ = io.WriteString(stdout, text) // the server outlives whoever reads this
		return nil
	})
	return errors.Join(err, functions.end())
}

// onLoopback returns an error if others than this machine could reach an
// address: the secrets of the demo are known to everybody.
func onLoopback(flag, address string) error {
	host, _, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err == nil && (host == "localhost" || ip != nil && ip.IsLoopback()) {
		return nil
	}
	return fmt.Errorf("%s %s: dev is for this machine only, since the demo's secrets are public: give an address of 127.0.0.1, or run 'opentcb serve'",
		flag, address)
}

// untilHangup returns a context that ends with the terminal, whose shell may
// have gone without a word to its jobs.
func untilHangup(ctx context.Context) (context.Context, context.CancelFunc) {
	if signal.Ignored(syscall.SIGHUP) { // by nohup
		return context.WithCancel(ctx)
	}
	return signal.NotifyContext(ctx, syscall.SIGHUP)
}

// devRunner is the runner of the quick start, or why there is none.
type devRunner struct {
	cfg      runner.Config
	listener net.Listener
	temp     string   // folder to be removed at the end; "": none
	lock     *os.File // of temp: a later start removes it if this process is killed
	missing  error    // why no function is run
	stop     context.CancelFunc
	ended    chan error
}

// newDevRunner looks whether functions can be run, and tells the server where: unless
// the developer has said where they run.
func newDevRunner(ctx context.Context, cfg *node.Config) *devRunner {
	d := &devRunner{}
	if cfg.Runtime == "" {
		d.missing = d.prepare(ctx, cfg)
	}
	return d
}

func (d *devRunner) prepare(ctx context.Context, cfg *node.Config) (err error) {
	if d.cfg.Node, err = runner.FindNode(ctx, "node"); err != nil {
		return err
	}
	d.cfg.Code = filepath.Join(cfg.Data, "runtime")
	d.cfg.User, err = runner.LookUpUser("")
	if errors.Is(err, runner.ErrRoot) {
		// Nobody may look into root's data folder, so the code goes elsewhere.
		if d.cfg.User, err = runner.LookUpUser("nobody"); err == nil {
			node.RemoveOrphans(devPrefix)
			d.temp, err = os.MkdirTemp("", devPrefix)
		}
		if err == nil {
			d.lock, err = secretfile.OpenLocked(filepath.Join(d.temp, node.LockFile))
		}
		if err == nil {
			d.cfg.Code, err = filepath.Join(d.temp, "runtime"), os.Chmod(d.temp, 0o711)
		}
	}
	if err != nil {
		return err
	}
	d.cfg.Secret, d.cfg.Log = rand.Text(), cfg.Log
	if d.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return err
	}
	cfg.Runtime, cfg.RuntimeSecret = "http://"+d.listener.Addr().String(), d.cfg.Secret
	return nil
}

// begin runs the functions of the environments that the server has now.
func (d *devRunner) begin(ctx context.Context, n *node.Node) {
	if d.listener == nil || d.missing != nil {
		return
	}
	r := remote{admin: n.AdminURL(), token: n.AdminToken()}
	c, err := r.client()
	if err == nil {
		err = c.Environments(ctx, url.Values{}, func(e cloud.EnvironmentView) error {
			d.cfg.Environments = append(d.cfg.Environments, environmentOf(r, e.ID, ""))
			return nil
		})
	}
	if err != nil {
		d.missing = err
		return
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	begun := make(chan struct{})
	d.stop, d.ended = stop, make(chan error, 1)
	go func() { d.ended <- runFunctions(running, d.cfg, d.listener, func() { close(begun) }) }()
	select {
	case <-begun:
	case d.missing = <-d.ended:
		d.ended <- nil
	}
}

// end ends the runner, after the server: until then that may have functions run.
func (d *devRunner) end() (err error) {
	switch {
	case d.ended != nil:
		d.stop()
		err = <-d.ended
	case d.listener != nil:
		err = d.listener.Close()
	}
	if d.temp != "" {
		err = errors.Join(err, os.RemoveAll(d.temp))
		_ = d.lock.Close()
	}
	return err
}

// says tells why no function is run; "" if they are.
func (d *devRunner) says() string {
	if d.missing == nil {
		return ""
	}
	return fmt.Sprint(d.missing)
}
