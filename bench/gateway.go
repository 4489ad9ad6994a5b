package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"time"
)

// The call that code in an environment makes, which fill has put on the
// whitelists, and how the upstream answers it.
const (
	callPath   = "/wxa/msg_sec_check"
	callTarget = callPath + "?cloudbase_access_token={token}"
	callBody   = `{"content":"hello","version":2,"scene":1,"openid":"o6zAJs5TnLcAVXsVDTyJ0iwAfAcQ"}`
	callAnswer = `{"errcode":0,"errmsg":"ok","result":{"suggest":"pass","label":100}}`
)

// backend answers every call with the same.
func backend(_ io.Reader, out io.Writer) error {
	size := strconv.Itoa(len(callAnswer))
	return serveBare(out, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.Header().Set("Content-Length", size)
		io.WriteString(w, callAnswer)
	}))
}

// proxyOrders name where the bare proxy forwards to.
type proxyOrders struct{ Backend string }

// bareProxy is what the gateway is held against: httputil.ReverseProxy with a
// transport that keeps as many connections as there are, and no check.
func bareProxy(in io.Reader, out io.Writer) error {
	var orders proxyOrders
	if err := json.NewDecoder(in).Decode(&orders); err != nil {
		return err
	}
	to := &url.URL{Scheme: "http", Host: orders.Backend}
	return serveBare(out, &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(to); r.SetXForwarded() },
		Transport: &http.Transport{MaxIdleConnsPerHost: 1024, DisableCompression: true, IdleConnTimeout: 90 * time.Second},
	})
}

// serveBare serves on a free port until it is killed.
func serveBare(out io.Writer, h http.Handler) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "ready api=http://%s\n", listener.Addr())
	return http.Serve(listener, h)
}

// callOrders are those of cloud calls to a server.
func (s *session) callOrders(to *server, seed int) loadOrders {
	orders := s.orders(call{}, to, seed)
	orders.Path, orders.Body, orders.Targets = callTarget, callBody, s.path("calls")
	return orders
}

// gatewayRates measures cloud calls through the gateway against a bare proxy
// to the same backend, and shows nginx beside them.
func gatewayRates(s *session) ([]row, error) {
	if s.control {
		return nil, nil
	}
	proxy, err := s.startRole(serverCPU, "proxy", proxyOrders{s.backend.api})
	if err != nil {
		return nil, err
	}
	defer proxy.stop()
	contenders := []contender{
		{s.real, row{Name: "gateway", Figure: ratio, Unit: "req/s", Goal: goal{">=", 0.9}}},
	}
	more, err := s.nginxes()
	if err != nil {
		return nil, err
	}
	for _, c := range more {
		defer c.server.stop()
	}
	return s.compete(append(contenders, more...), proxy)
}

// contender is a way for a call to the backend.
type contender struct {
	server *server
	row    row
}

// compete measures each contender against a proxy, interleaved.
func (s *session) compete(contenders []contender, proxy *server) ([]row, error) {
	for pair := range s.pairs {
		base, err := s.load(s.callOrders(proxy, pair))
		if err != nil {
			return nil, err
		}
		for i := range contenders {
			c := &contenders[i]
			real, err := s.load(s.callOrders(c.server, pair))
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.row.Name, err)
			}
			c.row.add(real.perSecond(), base.perSecond())
			s.progress("%s %d/%d: %.3f; %s; bare proxy %s", c.row.Name, pair+1, s.pairs, real.perSecond()/base.perSecond(), real, base)
		}
	}
	rows := make([]row, len(contenders))
	for i, c := range contenders {
		rows[i] = c.row
	}
	return rows, nil
}

// decideRates measures decisions without forwarding against the bare server.
func decideRates(s *session) ([]row, error) {
	if s.control {
		return nil, nil
	}
	r := row{Name: "decide", Figure: ratio, Unit: "req/s", Goal: goal{">=", 0.8}}
	for pair := range s.pairs {
		var reports [2]loadReport
		for i, server := range []*server{s.real, s.base} {
			orders := s.callOrders(server, pair)
			orders.Path, orders.Header, orders.Body = "/decide", "X-Original-URI: "+callTarget, ""
			var err error
			if reports[i], err = s.load(orders); err != nil {
				return nil, err
			}
		}
		real, base := reports[0], reports[1]
		r.add(real.perSecond(), base.perSecond())
		r.watch(real, base)
		s.progress("decide %d/%d: %.3f; real %s; bare %s", pair+1, s.pairs, real.perSecond()/base.perSecond(), real, base)
	}
	return []row{r}, nil
}
