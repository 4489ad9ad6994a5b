package node

import (
	"context"
	"crypto/x509"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/sqlstore"
)

// Node is a running server.
type Node struct {
	cfg      Config
	upstream *url.URL // nil if there is none
	token    *admin.FirstToken
	trusted  []netip.Prefix // proxies
	secret   string         // that runtimes know the server by
	roots    *x509.CertPool // of event addresses; nil: the machine's

	tests   *tests           // nil outside of test mode
	folder  *ephemeralFolder // nil of a server whose data stays
	storage *Storage
	stack   atomic.Pointer[stack]

	usage   *usage
	started time.Time
	calls   *lastCalls
	api     *port
	admin   *port
	ports   []*port // all of them
	// intercept is the proxy for clients of the real platform; nil if there is none.
	intercept *interceptor
	servers   []*http.Server

	endWatch context.CancelFunc // of certificates

	began  time.Time
	failed chan error // a listener that ended by itself
	once   sync.Once
	ended  error
}

// Start opens the data folder and storage, applies the world file and begins
// to answer requests on both listeners. ctx bounds the start only. Errors are
// for the operator: they say what is wrong and what to do.
func Start(ctx context.Context, cfg Config) (*Node, error) {
	n := &Node{cfg: cfg, began: time.Now(), failed: make(chan error, 4)}
	if err := n.start(ctx); err != nil {
		return nil, errors.Join(err, n.close())
	}
	return n, nil
}

func (n *Node) start(ctx context.Context) (err error) {
	if err := errors.Join(n.beginTests(), n.beginEphemeral()); err != nil {
		return err
	}
	if n.upstream, err = parseHost("--upstream", n.cfg.Upstream); err != nil {
		return err
	}
	if n.secret, err = n.cfg.runtimeSecret(); err != nil {
		return err
	}
	if n.trusted, err = parsePrefixes(n.cfg.TrustedProxies); err != nil {
		return err
	}
	if n.roots, err = pushRoots(n.cfg.PushCA); err != nil {
		return err
	}
	if err := n.open(ctx); err != nil {
		return err
	}
	if n.cfg.World != "" {
		if err := applyWorld(ctx, n.stack.Load().cloud, n.cfg.World, n.cfg.Log); err != nil {
			return err
		}
	}
	if n.tests != nil {
		if err := n.KeepStart(ctx); err != nil {
			return err
		}
	}
	apiTLS, adminTLS := n.cfg.tlsFiles()
	if n.api, err = n.openPort(n.cfg.Listen, "API", "--listen", apiTLS); err != nil {
		return err
	}
	if n.admin, err = n.openPort(n.cfg.AdminListen, "admin", "--admin-listen", adminTLS); err != nil {
		return err
	}
	if err := n.openIntercept(); err != nil {
		return err
	}
	n.serve()
	n.logStart()
	return nil
}

// logStart is the line of the log by which one start is told from another.
func (n *Node) logStart() {
	database, code := n.kinds()
	n.cfg.Log.Info("started", "version", Version(), "database", database, "code", code,
		"schema", sqlstore.SchemaVersion(), "master_key", n.storage.Ring.KeyID(), "new_folder", n.storage.data.isNew,
		"api", n.APIURL(), "admin", n.AdminURL(), "intercept", n.InterceptURL())
}

// open opens the storage, and puts the rules on top of it.
func (n *Node) open(ctx context.Context) (err error) {
	if n.storage, err = OpenStorage(ctx, n.cfg); err != nil {
		return err
	}
	if n.tests != nil {
		if err := n.openTests(ctx); err != nil {
			return err
		}
	}
	if n.token, err = n.storage.data.firstToken(n.cfg.AdminToken, n.cfg.Now); err != nil {
		return onDisk(err)
	}
	n.stack.Store(n.newRules())
	return nil
}

// serve begins to answer on both listeners.
func (n *Node) serve() {
	n.started, n.usage = time.Now(), newUsage(n.storage)
	s := n.stack.Load()
	n.addInterfaces(s)
	var calls, operator http.Handler = s.server, s.admin
	if n.tests != nil {
		calls, operator = n.testHandlers()
	}
	n.calls = &lastCalls{next: calls}
	api, adm := n.httpServer(n.calls, n.api), n.httpServer(operator, n.admin)
	adm.RegisterOnShutdown(func() { n.stack.Load().admin.EndWaits() })
	ctx, cancel := context.WithCancel(context.Background())
	n.endWatch = cancel
	n.servePort(ctx, api, n.api)
	n.servePort(ctx, adm, n.admin)
	if n.intercept != nil {
		n.serveIntercept()
	}
}

// APIURL returns where the interfaces are, such as http://127.0.0.1:8080.
func (n *Node) APIURL() string { return n.api.url() }

// AdminURL returns where the admin interface is.
func (n *Node) AdminURL() string { return n.admin.url() }

// AdminToken returns the first admin's bearer token for the admin interface.
func (n *Node) AdminToken() string { return n.token.Token() }

// Failed returns a channel with an error for each listener that fails. The node
// is still to be shut down then.
func (n *Node) Failed() <-chan error { return n.failed }

// Shutdown ends the server: it accepts no new connection, answers every call
// that has arrived, within Limits.ShutdownTimeout, and closes the storage.
// Further calls return what the first did.
func (n *Node) Shutdown(ctx context.Context) error {
	n.once.Do(func() {
		ctx, cancel := context.WithTimeout(ctx, n.cfg.Limits.ShutdownTimeout)
		defer cancel()
		n.calls.draining.Store(true)
		if n.tests != nil {
			n.tests.bench.End()
		}
		n.drain(backlogTime)
		n.linger(ctx)
		var err error
		for _, srv := range n.servers {
			err = errors.Join(err, srv.Shutdown(ctx))
		}
		if errors.Is(err, context.DeadlineExceeded) {
			n.cfg.Log.Warn("calls were cut off by the shutdown", "after", n.cfg.Limits.ShutdownTimeout)
			err = nil // the operator's bound was kept
		}
		n.ended = errors.Join(err, n.close())
		n.cfg.Log.Info("ended", "after", time.Since(n.began).Round(time.Millisecond), "err", n.ended)
	})
	return n.ended
}

// drain lets all ports take what comes until then.
func (n *Node) drain(wait time.Duration) {
	for _, p := range n.ports {
		p.drain(wait)
	}
}

// linger gives connections that are open a moment to send the calls that are on
// their way. Once none is open it does not wait for that.
func (n *Node) linger(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lingerTime)
	defer cancel()
	idle := false
	for slices.ContainsFunc(n.ports, func(p *port) bool { return !p.isQuiet() }) {
		if !idle && !slices.ContainsFunc(n.ports, func(p *port) bool { return p.open.Load() > 0 }) {
			idle = true
			wait := idleBacklogTime
			if n.cfg.Ephemeral {
				wait = time.Millisecond // a test's own, which waits for each of its calls
			}
			n.drain(wait)
		}
		select {
		case <-ctx.Done():
			if !idle {
				n.cfg.Log.Debug("connections were open at the end, and had a moment to send calls", "for", lingerTime)
			}
			return
		case <-time.After(time.Millisecond):
		}
	}
}

// close closes whatever is open, in the reverse order of opening.
func (n *Node) close() error {
	var errs []error
	for _, srv := range n.servers {
		errs = append(errs, srv.Close()) // and with them the listeners
	}
	switch {
	case n.servers != nil:
		n.endWatch()
		n.usage.close()
	default: // another port could not be opened
		for _, p := range n.ports {
			errs = append(errs, p.Close())
		}
	}
	if s := n.stack.Load(); s != nil {
		errs = append(errs, s.close())
	}
	if n.storage != nil {
		errs = append(errs, n.storage.Close())
	}
	if n.folder != nil {
		errs = append(errs, n.folder.remove())
	}
	return errors.Join(errs...)
}
