package opentcbtest

import (
	"bytes"
	"context"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/tcb"
)

// What is here is for code of a test's own, which calls the interfaces by itself.

// grant is what a platform has got from a Mini Program's consent.
type grant struct {
	refresh string
	tokens  *tcb.Tokens
}

// granted is a platform and a Mini Program.
type granted struct{ platform, appid string }

// Ticket returns the verify ticket that a platform has by now, as it would be
// pushed to it. The platform's secret is that of the World.
func (s *Server) Ticket(platform string) string {
	s.t.Helper()
	ticket, err := s.admin.Ticket(context.Background(), platform)
	s.must(err)
	return ticket
}

// Authorize is a merchant's consent: it returns an authorization code for
// api_query_auth. Without permission sets it gives those of the World. The refresh
// token of an earlier consent is good until 5 minutes after the code is exchanged.
func (s *Server) Authorize(platform, appid string, sets ...int) (code string) {
	s.t.Helper()
	if len(sets) == 0 {
		sets = s.sets(platform, appid)
	}
	answer, err := s.admin.Authorize(context.Background(), platform, appid, sets)
	s.must(err)
	return answer.AuthorizationCode
}

// RefreshToken returns the authorizer_refresh_token that a platform has of a Mini
// Program, the same each time until Revoke.
func (s *Server) RefreshToken(platform, appid string) string {
	s.t.Helper()
	return s.grant(platform, appid).refresh
}

// AccessToken returns an authorizer_access_token that is good by now, or, where the
// Mini Program is "", the platform's component_access_token. It is not renewed: that
// is for the code under test to do.
func (s *Server) AccessToken(platform, appid string) string {
	s.t.Helper()
	tokens := s.PlatformClient(platform).Tokens
	if appid != "" {
		tokens = s.grant(platform, appid).tokens
	}
	token, err := tokens.Token(context.Background())
	s.must(err)
	return token
}

// Deploy gives a function code of the merchant's own, which belongs to no platform.
// The function is made if it is not there. Files are contents by name.
func (s *Server) Deploy(env, function string, files map[string]string) {
	s.t.Helper()
	zip, err := zipOf(files)
	if err == nil {
		d := admin.Deployment{Env: env, Function: function}
		_, err = s.admin.Deploy(context.Background(), d, bytes.NewReader(zip))
	}
	s.must(err)
}

// grant returns what a platform has got from a Mini Program's consent, which is given
// where it has none.
func (s *Server) grant(platform, appid string) grant {
	s.t.Helper()
	key := granted{platform, appid}
	s.mu.Lock()
	g, ok := s.grants[key]
	s.mu.Unlock()
	if ok {
		return g
	}
	owner := s.PlatformClient(platform)
	answer, err := owner.QueryAuth(context.Background(), platform, s.Authorize(platform, appid))
	s.must(err)
	g.refresh = answer.AuthorizerRefreshToken
	refresh := func(context.Context) (string, error) { return g.refresh, nil }
	g.tokens = tcb.AuthorizerTokens(owner, platform, appid, refresh, tcb.WithClock(s.Now))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.grants[key] = g
	return g
}

// must ends the test with an error.
func (s *Server) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatalf("opentcbtest: %v", err)
	}
}
