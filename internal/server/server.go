package server

import (
	"cmp"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/consent"
	"github.com/opentcb/opentcb/internal/gateway"
	"github.com/opentcb/opentcb/internal/invoke"
	"github.com/opentcb/opentcb/internal/throttle"
)

// Config is what a Server works with. Cloud is required.
type Config struct {
	Cloud    *cloud.Service
	Log      *slog.Logger          // default: nothing is logged
	Registry prometheus.Registerer // default: metrics are not exported
	// PublicURL is how callers reach the server, for the links it gives:
	// scheme and host, without a trailing slash. Empty: as each caller did.
	PublicURL string
	// Uploads is how many uploads are taken at once; further ones are asked to
	// come back. One platform gets a quarter of them. Default DefaultUploads.
	Uploads int
	// An upload may be kept waiting for UploadGrace, and has to come at
	// UploadRate at least, in bytes a second. Defaults DefaultUploadGrace,
	// DefaultUploadRate.
	UploadGrace time.Duration
	UploadRate  int
	// BodyBytes bounds the bodies of calls that are in memory at once, in bytes;
	// callers without a token get a quarter of it. Default DefaultBodyBytes.
	BodyBytes int
	// Streams is how many requests of HTTP/2 are served at once; further ones are
	// asked to come back. Those of HTTP/1 are bounded with their connections.
	// Default DefaultStreams.
	Streams int
	// FalseSecrets is how many secrets of a platform may be false, from one
	// address in a minute, before more are slowed, and consent codes of a Mini
	// Program, before more are refused. Default DefaultFalseSecrets.
	FalseSecrets int
	// OpenConsent has the consent page ask no code: for development (CO-3).
	OpenConsent bool
	// TrustedProxies are those whose X-Forwarded-For counts.
	TrustedProxies []netip.Prefix
	// TransferTime is how long one upload or download may take; default
	// DefaultTransferTime.
	TransferTime time.Duration
	// Upstream is where allowed cloud calls are forwarded to: scheme and host.
	// Nil: they are answered with success.
	Upstream *url.URL
	// UpstreamTime is how long the upstream may leave a call without progress
	// until its answer begins; default DefaultUpstreamTime.
	UpstreamTime time.Duration
	// TestMode is that of the whole server; Clock is what request ids then go by,
	// and nil outside of it, as is Bench.
	TestMode bool
	Clock    func() time.Time
	// Random is where the rest of request ids comes from; nil: the system's generator.
	Random io.Reader
	Bench  *Bench
	// Runtime is where functions run, in environments that have no runtime of their
	// own (IV-5); "": nowhere. RuntimeSecret is what runtimes know the server by.
	Runtime, RuntimeSecret string
	// InvokeTime is how long a call waits for a function, and Invocations how many
	// may run at once in one environment. Defaults DefaultInvokeTime,
	// DefaultInvocations.
	InvokeTime  time.Duration
	Invocations int
}

// Defaults of Config.
const (
	DefaultUploads      = 64
	DefaultStreams      = 10_000
	DefaultUploadGrace  = 5 * time.Second
	DefaultUploadRate   = 64 << 10
	DefaultFalseSecrets = 10
	DefaultBodyBytes    = 64 << 20
	DefaultTransferTime = 10 * time.Minute
	DefaultUpstreamTime = 10 * time.Second
	DefaultInvokeTime   = 5 * time.Second
	DefaultInvocations  = 64
)

// Server answers every request of the API listener.
type Server struct {
	cloud          *cloud.Service
	log            *slog.Logger
	metrics        *metrics
	publicURL      string
	transferTime   time.Duration
	uploads        *uploadSlots
	uploadGrace    time.Duration
	uploadRate     int // bytes a second
	bodies         bodies
	streams        streams
	guesses        *throttle.Throttle
	logBudget      logBudget
	trustedProxies []netip.Prefix
	gateway        *gateway.Gateway // nil without an upstream
	consentPage    *consent.Page
	consents       *door
	testMode       bool
	clock          func() time.Time // Config.Clock
	random         io.Reader        // Config.Random
	invoker        *invoke.Invoker
	bench          *Bench // nil outside of test mode

	interfaces                                            map[string]*door // by their paths
	upload, download, cloudCall, decide, ready, elsewhere *door
}

// endpoints are all interfaces.
var endpoints = []endpoint{
	getCodeSecret, useCloudAccessToken, downloadFunction,
	createFunction, listFunctions, uploadFuncConfig, getFuncConfig, getUploadSignature, invokeCloudFunction,
	apiComponentToken, apiCreatePreAuthCode, apiQueryAuth, apiAuthorizerToken,
	apiGetAuthorizerInfo, apiGetAuthorizerList, apiStartPushTicket,
	clearQuota, clearQuotaV2, quotaGet, ridGet,
}

// CountedInterfaces returns the names of the interfaces whose calls count for quotas:
// those that take a token, but for what is about quotas itself.
func CountedInterfaces() (names []string) {
	for _, e := range endpoints {
		if !e.noToken && !e.iface.Free {
			names = append(names, e.iface.Name)
		}
	}
	return names
}

// New returns a handler of all interfaces.
func New(cfg Config) *Server {
	s := &Server{
		cloud:          cfg.Cloud,
		log:            cmp.Or(cfg.Log, slog.New(slog.DiscardHandler)),
		metrics:        newMetrics(cfg.Registry),
		publicURL:      cfg.PublicURL,
		transferTime:   cmp.Or(cfg.TransferTime, DefaultTransferTime),
		uploads:        newUploadSlots(cmp.Or(cfg.Uploads, DefaultUploads)),
		uploadGrace:    cmp.Or(cfg.UploadGrace, DefaultUploadGrace),
		uploadRate:     cmp.Or(cfg.UploadRate, DefaultUploadRate),
		guesses:        throttle.New(cmp.Or(cfg.FalseSecrets, DefaultFalseSecrets)),
		trustedProxies: cfg.TrustedProxies,
		testMode:       cfg.TestMode,
		clock:          cfg.Clock,
		random:         cfg.Random,
		bench:          cfg.Bench,
		interfaces:     map[string]*door{},
	}
	s.bodies.most = int64(cmp.Or(cfg.BodyBytes, DefaultBodyBytes))
	s.streams.most = int64(cmp.Or(cfg.Streams, DefaultStreams))
	if cfg.Upstream != nil {
		s.gateway = gateway.New(gateway.Config{
			Upstream:     cfg.Upstream,
			Timeout:      cmp.Or(cfg.UpstreamTime, DefaultUpstreamTime),
			TransferTime: s.transferTime,
		})
	}
	s.invoker = invoke.New(invoke.Config{
		Runtime: cfg.Runtime, Secret: cfg.RuntimeSecret,
		Timeout: cmp.Or(cfg.InvokeTime, DefaultInvokeTime), AtOnce: cmp.Or(cfg.Invocations, DefaultInvocations),
	})
	for _, e := range endpoints {
		s.interfaces[e.path] = s.newDoor(e.entrance())
	}
	s.upload, s.download = s.newDoor(uploads), s.newDoor(downloads)
	s.consentPage = consent.New(consent.Config{
		Cloud: cfg.Cloud, Open: cfg.OpenConsent, PublicURL: cfg.PublicURL, FalseCodes: cfg.FalseSecrets,
	})
	consents := consents
	consents.refuse = func(v *visit, err error) { s.consentPage.Refuse(v.w, v.r, v.rid, err) }
	s.consents = s.newDoor(consents)
	s.cloudCall, s.decide = s.newDoor(cloudCalls), s.newDoor(decisions)
	s.ready, s.elsewhere = s.newDoor(readiness), s.newDoor(elsewhere)
	return s
}

// ServeHTTP serves one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.choose(r).ServeHTTP(w, r) }

// choose returns the door of a request. An interface is found by its exact
// path: there is no redirect, and no second spelling of a path (EN-10).
func (s *Server) choose(r *http.Request) *door {
	// A decision first: the call that it is about may be a part of the path.
	if isDecide(r.URL.Path) {
		return s.decide
	}
	if isCloudCall(r.URL.RawQuery) {
		return s.cloudCall
	}
	path := rawPath(r)
	if d, ok := s.interfaces[path]; ok {
		return d
	}
	switch {
	case isConsent(path):
		return s.consents
	case path == "/" && r.Method == http.MethodPost:
		return s.upload
	case linkToken(path) != "":
		return s.download
	case isReady(path, r.Method):
		return s.ready
	}
	return s.elsewhere
}

// rawPath returns the path of a request with the escapes that it came with if
// it has any that a plain path does not need.
func rawPath(r *http.Request) string { return cmp.Or(r.URL.RawPath, r.URL.Path) }

// elsewhere is the entrance of paths that name nothing (EN-10).
var elsewhere = entrance{
	name:  "none",
	serve: func(*Server, *visit) error { return cloud.Refused(cloud.NoInterface, "") },
	refuse: func(v *visit, err error) {
		status := http.StatusNotFound
		if isBelowInterfaces(rawPath(v.r)) {
			status = http.StatusOK
		}
		answer(v.w, status, failure(err, v.rid))
	},
}

// isBelowInterfaces reports whether a path is where clients look for interfaces.
// They take a status other than 200 for a fault of the transport there, and
// lose the code (EN-10).
func isBelowInterfaces(path string) bool {
	return strings.HasPrefix(path, "/tcb/") || strings.HasPrefix(path, "/cgi-bin/") ||
		strings.HasPrefix(path, "/wxa/") || strings.HasPrefix(path, "/componenttcb/")
}

// Close gives up the connections to the upstream and to runtimes.
func (s *Server) Close() {
	s.invoker.Close()
	if s.gateway != nil {
		s.gateway.Close()
	}
}

// realHosts are hosts of the real platform. A caller that uses one came through a
// proxy that answers in its name, and has no other way (TL-5).
var realHosts = []string{"api.weixin.qq.com", "mp.weixin.qq.com", "open.weixin.qq.com", realUploadHost}

// realUploadHost is where uploads go that are signed at the real platform.
const realUploadHost = "scf.tencentcloudapi.com"

// origin is the scheme and host of the addresses that an answer holds: the
// operator's, or those that the caller used (DF-7).
func (s *Server) origin(r *http.Request) string {
	if s.publicURL != "" && !slices.Contains(realHosts, r.Host) {
		return s.publicURL
	}
	host := r.Host
	if host == "" { // HTTP/1.0 names none
		if local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
			host = local.String()
		}
	}
	if r.TLS != nil {
		return "https://" + host
	}
	return "http://" + host
}
