package server

import (
	"cmp"
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/gateway"
	"github.com/opentcb/opentcb/tcb"
)

// Config is what a Server works with. Cloud is required.
type Config struct {
	Cloud    *cloud.Service
	Log      *slog.Logger          // default: nothing is logged
	Registry prometheus.Registerer // default: metrics are not exported
	// PublicURL is how callers reach the server, for the links it gives:
	// scheme and host, without a trailing slash. Empty: as each caller did.
	PublicURL string
	// Uploads is how many uploads are taken at once; further ones are told to
	// come back. Default DefaultUploads.
	Uploads int
	// TransferTime is how long one upload or download may take; default
	// DefaultTransferTime.
	TransferTime time.Duration
	// Upstream is where allowed cloud calls are forwarded to: scheme and host.
	// Nil: they are answered with success.
	Upstream *url.URL
	// UpstreamTime is how long the upstream may leave a call without progress
	// until its answer begins; default DefaultUpstreamTime.
	UpstreamTime time.Duration
}

// Defaults of Config.
const (
	DefaultUploads      = 64
	DefaultTransferTime = 10 * time.Minute
	DefaultUpstreamTime = 10 * time.Second
)

// Server answers every request of the API listener.
type Server struct {
	cloud        *cloud.Service
	log          *slog.Logger
	quiet        bool // the log has no line for success
	metrics      *metrics
	publicURL    string
	transferTime time.Duration
	rids         *ridMaker
	dates        dates
	uploads      chan struct{} // one token for each upload under way
	routes       map[string]http.Handler
	gateway      *gateway.Gateway // nil without an upstream
	calls        routeMetrics     // of cloud calls
	decisions    routeMetrics
}

// New returns a handler of all interfaces.
func New(cfg Config) *Server {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Uploads == 0 {
		cfg.Uploads = DefaultUploads
	}
	if cfg.TransferTime == 0 {
		cfg.TransferTime = DefaultTransferTime
	}
	s := &Server{
		cloud: cfg.Cloud, log: cfg.Log, quiet: !cfg.Log.Enabled(context.Background(), slog.LevelDebug), metrics: newMetrics(cfg.Registry), publicURL: cfg.PublicURL,
		transferTime: cfg.TransferTime, rids: newRIDMaker(), uploads: make(chan struct{}, cfg.Uploads),
		routes: map[string]http.Handler{},
	}
	s.calls, s.decisions = s.metrics.route("cloudcall"), s.metrics.route("decide")
	if cfg.Upstream != nil {
		s.gateway = gateway.New(gateway.Config{Upstream: cfg.Upstream, Timeout: cmp.Or(cfg.UpstreamTime, DefaultUpstreamTime), TransferTime: cfg.TransferTime})
	}
	for _, e := range []endpoint{
		getCodeSecret, useCloudAccessToken, downloadFunction,
		createFunction, listFunctions, getUploadSignature,
		apiComponentToken, apiCreatePreAuthCode, apiQueryAuth, apiAuthorizerToken,
	} {
		s.routes[e.path] = s.handler(e)
	}
	return s
}

// ServeHTTP finds the interface by the exact path: no redirect, and no second
// spelling of a path (EN-10).
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// A decision first: the call that it is about may be a part of the path.
	if isDecide(r.URL.Path) {
		s.decide(w, r)
		return
	}
	if q, ok := parseCloudQuery(r.URL.RawQuery); ok {
		s.cloudCall(w, r, q)
		return
	}
	path := r.URL.Path
	if r.URL.RawPath != "" {
		path = r.URL.RawPath // an escape that a plain path does not need
	}
	if h, ok := s.routes[path]; ok {
		h.ServeHTTP(w, r)
		return
	}
	token, isLink := strings.CutPrefix(path, downloadPath)
	switch {
	case path == "/" && r.Method == http.MethodPost:
		s.updateFunctionCode(w, r)
	case isLink && token != "" && !strings.Contains(token, "/"):
		s.download(w, r, token)
	default:
		s.noInterface(w, r)
	}
}

// noInterface answers a path that names nothing (EN-10).
func (s *Server) noInterface(w http.ResponseWriter, r *http.Request) {
	rid := s.rids.next(time.Now())
	s.answer(w, http.StatusNotFound, tcb.Status{ErrCode: tcb.InvalidURL, ErrMsg: tcb.InvalidURL.Text() + " rid: " + rid})
	s.metrics.count("none", tcb.InvalidURL)
	s.logCall(r.Context(), "none", rid, tcb.InvalidURL, nil)
}

// Close gives up the connections to the upstream.
func (s *Server) Close() {
	if s.gateway != nil {
		s.gateway.Close()
	}
}

// origin is the scheme and host of the addresses that an answer holds: the
// operator's, or those that the caller used (DF-7).
func (s *Server) origin(r *http.Request) string {
	if s.publicURL != "" {
		return s.publicURL
	}
	host := r.Host
	if host == "" { // HTTP/1.0 names none
		if local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
			host = local.String()
		}
	}
	return "http://" + host
}
