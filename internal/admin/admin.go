package admin

import (
	"cmp"
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/opentcb/opentcb/internal/clock"
	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/inject"
	"github.com/opentcb/opentcb/internal/journal"
	"github.com/opentcb/opentcb/internal/throttle"
	"github.com/opentcb/opentcb/tcb"
)

// Config is what a Server works with. Cloud and First are required.
type Config struct {
	Cloud   *cloud.Service
	First   *FirstToken         // the first admin's token
	Metrics prometheus.Gatherer // default: /metrics is empty
	Log     *slog.Logger        // default: nothing is logged
	// LogLevel is the level of Log; default: it cannot be changed.
	LogLevel *slog.LevelVar
	// FalseTokens is how many tokens of one address may be false in a minute
	// before further answers are held up; default 10.
	FalseTokens int
	// Random is where request ids come from; default: the system's generator.
	Random io.Reader
	// Registry gets the metrics of the interface itself; default: nobody does.
	Registry prometheus.Registerer
	// Status tells how the server is; default: it is not told.
	Status func() Status
	// PublicURL is where the code of environments reaches the interfaces, for their
	// runtimes; default: APIURL, the address of this server's own listener.
	PublicURL, APIURL string
	// Backup writes an archive of everything; default: there are no backups.
	Backup func(ctx context.Context, c cloud.Caller, w io.Writer) error
	// TestMode opens the paths that are for tests; Clock is what they move, and
	// Tests what they put back.
	TestMode bool
	Clock    *clock.Clock
	Faults   *inject.Rules    // in test mode: what is injected
	Journal  *journal.Journal // in test mode: the latest calls
	Tests    Tests
}

// Server answers every request of the admin listener.
type Server struct {
	cloud    *cloud.Service
	first    *FirstToken
	log      *slog.Logger
	level    *slog.LevelVar
	backup   func(ctx context.Context, c cloud.Caller, w io.Writer) error
	status   func() Status
	mux      *http.ServeMux
	guesses  *throttle.Throttle
	random   io.Reader // Config.Random
	testMode bool
	tests    Tests            // nil outside of test mode
	paths    map[string]route // testRoutes
	clock    *clock.Clock     // nil outside of test mode, as are the next two
	faults   *inject.Rules
	journal  *journal.Journal
	public   string // Config.PublicURL
	apiURL   string // where code reaches the interfaces
	waiting  waits

	refused   prometheus.Counter // false tokens
	forbidden prometheus.Counter // tokens whose role did not suffice
	limited   prometheus.Counter // tokens of runtimes over the limit
	waits     prometheus.Counter // and waits for changes
}

// New returns a handler of the admin interface.
func New(cfg Config) *Server {
	if cfg.Random == nil {
		cfg.Random = rand.Reader
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{
		cloud: cfg.Cloud, first: cfg.First, log: cfg.Log, level: cfg.LogLevel, backup: cfg.Backup,
		status: cfg.Status, random: cfg.Random, mux: http.NewServeMux(),
		guesses:  throttle.New(cmp.Or(cfg.FalseTokens, freeGuesses)),
		testMode: cfg.TestMode, tests: cfg.Tests, clock: cfg.Clock, faults: cfg.Faults, journal: cfg.Journal,
		public: cfg.PublicURL, apiURL: cmp.Or(cfg.PublicURL, cfg.APIURL),
		refused: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "opentcb_admin_refused_total", Help: "Requests of the admin interface with a false token.",
		}),
		forbidden: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "opentcb_admin_forbidden_total", Help: "Requests of the admin interface whose token has not the role for them.",
		}),
		limited: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "opentcb_cloudbase_tokens_refused_total", Help: "Tokens refused to runtimes, because theirs were too many in a minute.",
		}),
		waits: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "opentcb_runtime_waits_refused_total", Help: "Runtimes that could not wait for a change, because too many did.",
		}),
	}
	if cfg.Registry != nil {
		cfg.Registry.MustRegister(s.refused, s.forbidden, s.limited, s.waits)
	}
	for pattern, handle := range s.openRoutes(cfg.Metrics) {
		s.mux.Handle(pattern, handle)
	}
	for pattern, to := range s.routes() {
		s.mux.Handle(pattern, s.authorized(to))
	}
	s.serveTests()
	for pattern, to := range s.runtimeRoutes() {
		s.mux.Handle(pattern, s.runtimeToo(to))
	}
	s.mux.Handle("/", s.authorized(route{s.noSuchPath, toWatch}))
	return s
}

// runtimeRoutes is every path that an environment's own credential opens too, and the
// right that it needs of an admin token.
func (s *Server) runtimeRoutes() map[string]route {
	return map[string]route{
		"POST /v1/environments/{environment}/token":                                 {noQuery(s.cloudbaseToken), toChange},
		"GET /v1/environments/{environment}/runtime":                                {s.runtime, toReadSecret},
		"GET /v1/environments/{environment}/runtime/functions/{function_name}/code": {s.runtimeCode, toReadSecret},
	}
}

// routes is every path that needs an admin token, and the right that it needs.
func (s *Server) routes() map[string]route {
	return map[string]route{
		"POST /v1/apply":                                                    {s.apply, toChange},
		"GET /v1/world":                                                     {noQuery(s.world), toRead},
		"PUT /v1/code":                                                      {noQuery(s.addCode), toChange},
		"POST /v1/code/collection":                                          {s.collect, toChange},
		"POST /v1/code/check":                                               {noQuery(s.scrub), toChange},
		"GET /v1/audit":                                                     {s.audit, toAudit},
		"GET /v1/platforms":                                                 {s.platforms, toRead},
		"GET /v1/platforms/{platform}":                                      {show("platform", s.cloud.PlatformView), toRead},
		"PUT /v1/platforms/{platform}":                                      {putting("platform", s.cloud.PutPlatform), toChange},
		"PATCH /v1/platforms/{platform}":                                    {changing("platform", s.cloud.ChangePlatform), toChange},
		"DELETE /v1/platforms/{platform}":                                   {removal("platform", s.cloud.RemovePlatform), toChange},
		"DELETE /v1/miniprograms/{appid}":                                   {removal("appid", s.cloud.RemoveMiniProgram), toChange},
		"POST /v1/platforms/{platform}/secret":                              {s.platformSecret, toChange},
		"GET /v1/miniprograms":                                              {s.miniPrograms, toRead},
		"GET /v1/miniprograms/{appid}":                                      {show("appid", s.cloud.MiniProgram), toRead},
		"PUT /v1/miniprograms/{appid}":                                      {putting("appid", s.cloud.PutMiniProgram), toChange},
		"PATCH /v1/miniprograms/{appid}":                                    {changing("appid", s.cloud.ChangeMiniProgram), toChange},
		"GET /v1/miniprograms/{appid}/consent-codes":                        {noQuery(s.consentCodes), toRead},
		"POST /v1/miniprograms/{appid}/consent-codes":                       {s.makeConsentCode, toChange},
		"DELETE /v1/miniprograms/{appid}/consent-codes":                     {noQuery(s.revokeConsentCodes), toChange},
		"DELETE /v1/miniprograms/{appid}/consent-codes/{id}":                {noQuery(s.revokeConsentCodes), toChange},
		"GET /v1/environments":                                              {s.environments, toRead},
		"GET /v1/environments/{environment}":                                {show("environment", s.cloud.EnvironmentView), toRead},
		"PUT /v1/environments/{environment}":                                {putting("environment", s.putEnvironment), toChange},
		"PATCH /v1/environments/{environment}":                              {changing("environment", s.changeEnvironment), toChange},
		"DELETE /v1/environments/{environment}":                             {removal("environment", s.cloud.RemoveEnvironment), toChange},
		"DELETE /v1/environments/{environment}/functions/{function_name}":   {noQuery(s.removeFunction), toChange},
		"GET /v1/environments/{environment}/functions":                      {s.functions, toRead},
		"GET /v1/environments/{environment}/functions/{function_name}":      {noQuery(s.function), toRead},
		"GET /v1/environments/{environment}/functions/{function_name}/code": {noQuery(s.readCode), toReadSecret},
		"GET /v1/authorizations":                                            {s.authorizations, toRead},
		"POST /v1/authorizations":                                           {s.addAuthorization, toChange},
		"GET /v1/authorizations/{platform}/{appid}":                         {noQuery(s.authorization), toRead},
		"DELETE /v1/authorizations/{platform}/{appid}":                      {noQuery(s.revoke), toChange},
		"GET /v1/backup":                                                    {noQuery(s.backupArchive), toAdminister},
		"GET /v1/platforms/{platform}/ticket":                               {noQuery(s.ticket), toReadSecret},
		"POST /v1/platforms/{platform}/authorizations/{appid}":              {s.authorize, toChange},
		"DELETE /v1/platforms/{platform}/authorizations/{appid}":            {noQuery(s.revoke), toChange},
		"PUT /v1/environments/{environment}/functions/{function_name}/code": {s.deploy, toChange},
		"POST /v1/environments/{environment}/credential":                    {s.credential, toChange},
		"DELETE /v1/environments/{environment}/credential":                  {noQuery(s.revokeCredentials), toChange},
		"GET /v1/environments/{environment}/whitelist/suggestion":           {s.suggestWhitelist, toRead},
		"POST /v1/environments/{environment}/whitelist/trial":               {noQuery(s.tryWhitelist), toRead},
		"GET /v1/environments/{environment}/whitelist/history":              {noQuery(s.whitelistHistory), toRead},
		"POST /v1/environments/{environment}/whitelist/restore":             {s.restoreWhitelist, toChange},
		"GET /v1/status":                                                    {noQuery(s.showStatus), toWatch},
		"GET /v1/log-level":                                                 {noQuery(s.logLevel), toWatch},
		"PUT /v1/log-level":                                                 {s.setLogLevel, toChange},
		"GET /v1/admin-tokens":                                              {s.adminTokens, toAdminister},
		"POST /v1/admin-tokens":                                             {s.createAdminToken, toAdminister},
		"POST /v1/admin-tokens/admin-token/rotation":                        {s.rotateFirstToken, toAdminister},
		"DELETE /v1/admin-tokens/{name}":                                    {noQuery(s.revokeAdminToken), toAdminister},
		"GET /v1/calls/{rid}":                                               {noQuery(s.explain), toRead},
		"GET /v1/platforms/{platform}/pushes":                               {s.pushes, toRead},
		"POST /v1/platforms/{platform}/pushes":                              {s.addPush, toChange},
		"POST /v1/platforms/{platform}/pushes/{push}/again":                 {s.pushAgain, toChange},
	}
}

// noSuchPath refuses what no route takes: the path, or its method.
func (s *Server) noSuchPath(w http.ResponseWriter, r *http.Request, _ cloud.Caller) (any, error) {
	var allowed []string
	for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
		other := r.Clone(r.Context())
		other.Method = method
		if _, pattern := s.mux.Handler(other); pattern != "/" {
			allowed = append(allowed, method)
		}
	}
	if len(allowed) == 0 {
		return nil, &httpError{http.StatusNotFound, tcb.InvalidURL, "no such path: /openapi.yaml lists them"}
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	return nil, &httpError{http.StatusMethodNotAllowed, tcb.InvalidURL, "the path takes " + strings.Join(allowed, " or ")}
}
