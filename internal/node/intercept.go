package node

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"

	"github.com/opentcb/opentcb/internal/intercept"
)

// checkIntercept refuses an address of the proxy that others could reach: who uses it
// believes that it is the real platform.
func (c Config) checkIntercept() error {
	if c.Intercept == "" {
		if len(c.InterceptPass) > 0 {
			return errors.New("--intercept-pass needs --intercept")
		}
		return nil
	}
	if err := checkAddress("--intercept", c.Intercept); err != nil {
		return err
	}
	host, _, _ := net.SplitHostPort(c.Intercept)
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("--intercept %s: give an address of this machine alone, such as 127.0.0.1:8082: it answers in the real platform's name",
			c.Intercept)
	}
	for _, pass := range c.InterceptPass {
		if _, _, err := net.SplitHostPort(pass); err == nil || pass == "" {
			return fmt.Errorf("--intercept-pass %q: give hosts, without ports", pass)
		}
	}
	return nil
}

// interceptor is the proxy of a node, and the server behind it that speaks TLS.
type interceptor struct {
	*port
	ca     *intercept.Authority
	proxy  *intercept.Proxy
	inside *tlsListener // the connections on which it answers for the real platform
}

// openIntercept makes the authority if need be, and listens.
func (n *Node) openIntercept() error {
	if n.cfg.Intercept == "" {
		return nil
	}
	data, err := filepath.Abs(n.storage.data.path)
	if err != nil {
		return err
	}
	ca, err := intercept.Open(data)
	if err != nil {
		return onDisk(err)
	}
	if ca.IsNew {
		n.cfg.Log.Info("made an authority for --intercept, which clients have to trust", "file", ca.Path)
	}
	p, err := n.openPort(n.cfg.Intercept, "intercept", "--intercept", tlsFiles{})
	if n.cfg.InterceptAnywhere && errors.Is(err, errInUse) {
		host, _, _ := net.SplitHostPort(n.cfg.Intercept)
		p, err = n.openPort(net.JoinHostPort(host, "0"), "intercept", "--intercept", tlsFiles{})
	}
	if err != nil {
		return err
	}
	n.intercept = &interceptor{port: p, ca: ca, inside: &tlsListener{
		listener: p.listener, handshake: n.cfg.Limits.ReadHeaderTimeout,
		results: make(chan accepted), closed: make(chan struct{}),
	}}
	return nil
}

// serveIntercept begins to answer at the proxy, whatever is answered at the API
// listener.
func (n *Node) serveIntercept() {
	i := n.intercept
	i.proxy = intercept.NewProxy(intercept.Config{
		Authority: i.ca, Next: n.calls, Pass: n.cfg.InterceptPass, Idle: n.cfg.Limits.IdleTimeout, Log: n.cfg.Log,
		Serve: func(c net.Conn, config *tls.Config) { go i.inside.shake(c, config) },
	})
	outer, inner := n.httpServer(i.proxy, i.port), n.httpServer(n.calls, i.port)
	outer.Protocols = &http.Protocols{}
	outer.Protocols.SetHTTP1(true)
	n.servers = append(n.servers, outer, inner)
	go n.run(outer, i.listener)
	go n.run(inner, i.inside)
}

// InterceptURL returns where the proxy is, "" if there is none.
func (n *Node) InterceptURL() string {
	if n.intercept == nil {
		return ""
	}
	return n.intercept.url()
}

// interceptCA returns the file of its authority's certificate.
func (n *Node) interceptCA() string {
	if n.intercept == nil {
		return ""
	}
	return n.intercept.ca.Path
}
