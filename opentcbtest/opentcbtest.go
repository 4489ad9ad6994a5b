// Package opentcbtest starts a real OpenTCB server inside a Go test.
//
//	srv := opentcbtest.New(t, opentcbtest.World{})
//	client := srv.Client(opentcbtest.DefaultPlatform, opentcbtest.DefaultAppID)
//	key, err := client.GetCodeSecret(t.Context())
//
// Each server has its own ports, keeps what it has no longer than it lives, and ends with the
// test, so that parallel tests do not meet. It is the server that `opentcb
// serve` runs: whatever a client does to it, it answers as that does.
//
//	opentcbtest.go   Server: started, asked for clients, stopped
//	clock.go         Clock: moved, so that what expires has expired
//	credentials.go   tickets, tokens, codes and deployed code, for a test's own code
//	fault.go         Fault: what goes wrong with a call
//	journal.go       the latest calls, and waiting for some
//	pushes.go        tickets and events, pushed to a handler
//	reset.go         what a server has, put back
//	world.go         World: the Mini Programs, environments and functions
package opentcbtest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/clock"
	"github.com/opentcb/opentcb/internal/node"
	"github.com/opentcb/opentcb/tcb"
)

// Server is a running server.
type Server struct {
	// URL is where the interfaces are: http://HOST:PORT.
	URL string
	// AdminURL and AdminToken are for the operator's commands.
	AdminURL, AdminToken string

	t     testing.TB
	admin *admin.Client
	world World
	clock *clock.Clock

	mu        sync.Mutex
	platforms map[string]*tcb.Tokens
	grants    map[granted]grant
}

// Option changes how New starts a server.
type Option func(*node.Config)

// WithUpstream forwards cloud calls that are allowed to an address; without it
// they are answered with success.
func WithUpstream(url string) Option { return func(c *node.Config) { c.Upstream = url } }

// WithLog writes the server's log.
func WithLog(log *slog.Logger) Option { return func(c *node.Config) { c.Log = log } }

// New starts a server with a world and returns when it answers. It fails the
// test if the world cannot be.
func New(t testing.TB, w World, options ...Option) *Server {
	t.Helper()
	s := &Server{t: t, world: w.complete(), platforms: map[string]*tcb.Tokens{}, grants: map[granted]grant{}}
	cfg := node.Default()
	cfg.Listen, cfg.AdminListen = "127.0.0.1:0", "127.0.0.1:0"
	cfg.Ephemeral, cfg.TestMode = true, true
	cfg.Limits.FalseSecrets = math.MaxInt32 // a test may try as many as it likes
	for _, option := range options {
		option(&cfg)
	}
	n, err := node.Start(context.Background(), cfg)
	if err != nil {
		t.Fatalf("opentcbtest: %v", err)
	}
	t.Cleanup(func() {
		// A server that ends waits for calls in connections that are open. Most
		// tests' clients share this transport, as those of this package do.
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
		if err := n.Shutdown(context.Background()); err != nil {
			t.Errorf("opentcbtest: %v", err)
		}
	})
	s.clock = n.Clock()
	s.URL, s.AdminURL, s.AdminToken = n.APIURL(), n.AdminURL(), n.AdminToken()
	s.admin = &admin.Client{URL: s.AdminURL, Token: s.AdminToken}
	if err := s.apply(); err != nil {
		t.Fatalf("opentcbtest: the world cannot be: %v", err)
	}
	if err := n.KeepStart(context.Background()); err != nil {
		t.Fatalf("opentcbtest: %v", err)
	}
	return s
}

// Now is the time by the server's clock.
func (s *Server) Now() time.Time { return s.clock.Now() }

// Advance moves the server's clock, and that of its clients, forward: tokens
// and links expire.
func (s *Server) Advance(d time.Duration) {
	s.t.Helper()
	s.Clock().Advance(d)
}

// apply brings the server to its world.
func (s *Server) apply() error {
	ctx := context.Background()
	code := map[string]string{}
	for i, f := range s.world.Functions {
		if f.Files == nil {
			continue
		}
		zip, err := zipOf(f.Files)
		if err != nil {
			return err
		}
		added, err := s.admin.AddCode(ctx, bytes.NewReader(zip))
		if err != nil {
			return err
		}
		s.world.Functions[i].Zip = fmt.Sprintf("%d.zip", i)
		code[s.world.Functions[i].Zip] = added.SHA256
	}
	file, err := json.Marshal(s.world) // a world file may be JSON
	if err != nil {
		return err
	}
	_, err = s.admin.Apply(ctx, file, code)
	return err
}

// Client returns a client of a platform for a Mini Program that authorizes it.
// Its tokens come from the platform's real flow, and renew themselves.
func (s *Server) Client(platform, appid string) *tcb.Client {
	s.t.Helper()
	return &tcb.Client{BaseURL: s.URL, Tokens: s.grant(platform, appid).tokens}
}

// sets is what the world grants, and 18 and 49 where it has no authorization.
func (s *Server) sets(platform, appid string) []int {
	for _, a := range s.world.Authorizations {
		if a.Platform == platform && a.AppID == appid {
			return a.PermissionSets
		}
	}
	return []int{18, 49}
}

// PlatformClient returns a client with the platform's own token, for the
// credential interfaces and the platform's own environments.
func (s *Server) PlatformClient(platform string) *tcb.Client {
	s.mu.Lock()
	defer s.mu.Unlock()
	tokens := s.platforms[platform]
	if tokens == nil {
		secret := func(context.Context) (string, error) {
			for _, p := range s.world.Platforms {
				if p.AppID == platform {
					return p.Secret, nil
				}
			}
			return "", fmt.Errorf("no platform %s in the world", platform)
		}
		ticket := func(ctx context.Context) (string, error) { return s.admin.Ticket(ctx, platform) }
		tokens = tcb.ComponentTokens(&tcb.Client{BaseURL: s.URL}, platform, secret, ticket, tcb.WithClock(s.Now))
		s.platforms[platform] = tokens
	}
	return &tcb.Client{BaseURL: s.URL, Tokens: tokens}
}

// Revoke cancels a Mini Program's authorization: its tokens and links end.
func (s *Server) Revoke(platform, appid string) {
	s.t.Helper()
	s.must(s.admin.Revoke(context.Background(), platform, appid))
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.grants, granted{platform, appid})
}

// CloudbaseToken returns a cloudbase_access_token, as code in an environment
// would have it.
func (s *Server) CloudbaseToken(env string) string {
	s.t.Helper()
	token, err := s.admin.CloudbaseToken(context.Background(), env)
	s.must(err)
	return token.Token
}
