package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/node"
	"github.com/opentcb/opentcb/internal/runner"
)

// devRunner is the runner of the quick start, or why there is none.
type devRunner struct {
	cfg      runner.Config
	listener net.Listener
	temp     string // folder to be removed at the end; "": none
	missing  error  // why no function is run
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
			d.temp, err = os.MkdirTemp("", "opentcb-dev-")
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
