//go:build linux

package soaktest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opentcb/opentcb/tcb"
)

// The platform of the tests' world.
const (
	platformID     = "wx00000000000000c1"
	platformSecret = "platform-one-secret"
)

// appid, envid and refresh name the Mini Programs of the world, their two
// environments and what a platform refreshes its tokens with.
func appid(n int) string               { return fmt.Sprintf("wx%016x", 0xa0000+n) }
func envid(n, i int) string            { return fmt.Sprintf("env-%d-%d", n, i) }
func refresh(n int) string             { return fmt.Sprintf("refreshtoken@@@soak-%d", n) }
func fnName(kind string, n int) string { return fmt.Sprintf("%s-%d", kind, n) }

// newWorld writes a world file: one platform, authorized by n Mini Programs
// with two environments each.
func newWorld(t testing.TB, n int) string {
	var apps, envs, grants strings.Builder
	for i := range n {
		fmt.Fprintf(&apps, "  - appid: %s\n", appid(i))
		for j := range 2 {
			fmt.Fprintf(&envs, "  - {id: %s, appid: %s}\n", envid(i, j), appid(i))
		}
		fmt.Fprintf(&grants, "  - {platform: %s, appid: %s, permission_sets: [18, 49], refresh_token: %q}\n",
			platformID, appid(i), refresh(i))
	}
	path := filepath.Join(t.TempDir(), "world.yaml")
	text := fmt.Sprintf("platforms:\n  - {appid: %s, secret: %s}\nminiprograms:\n%senvironments:\n%sauthorizations:\n%s",
		platformID, platformSecret, &apps, &envs, &grants)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// componentToken goes the way of CR-1, with the ticket that the operator's
// command prints (CR-2).
func componentToken(t testing.TB, s *server, c *client) string {
	t.Helper()
	ticket := strings.TrimSpace(s.cli("ticket", platformID))
	var answer tcb.ComponentTokenResponse
	err := c.call("/cgi-bin/component/api_component_token", tcb.ComponentTokenRequest{
		ComponentAppID: ptr(platformID), ComponentAppSecret: ptr(platformSecret), ComponentVerifyTicket: &ticket,
	}, &answer)
	if err != nil || answer.ComponentAccessToken == "" {
		t.Fatalf("api_component_token: %v", err)
	}
	return answer.ComponentAccessToken
}

// login gives a client of each of the first n Mini Programs, its token from the
// real flow: consent and query-auth for the first, refresh for the others.
func login(t testing.TB, s *server, n int) []*client {
	t.Helper()
	anyone := newClient(s.api, "")
	platform := anyone.as(componentToken(t, s, anyone))
	clients := []*client{platform.as(consent(t, s, platform, 0))}
	for i := 1; i < n; i++ {
		var answer tcb.AuthorizerTokenResponse
		err := platform.call("/cgi-bin/component/api_authorizer_token", tcb.AuthorizerTokenRequest{
			ComponentAppID: ptr(platformID), AuthorizerAppID: ptr(appid(i)), AuthorizerRefreshToken: ptr(refresh(i)),
		}, &answer)
		if err != nil || answer.AuthorizerAccessToken == "" {
			t.Fatalf("api_authorizer_token: %v", err)
		}
		clients = append(clients, platform.as(answer.AuthorizerAccessToken))
	}
	return clients
}

// consent is the merchant's consent and what the platform makes of it (CR-3
// to CR-5), for the n-th Mini Program: a token, whatever was before.
func consent(t testing.TB, s *server, platform *client, n int) string {
	t.Helper()
	if err := platform.call("/cgi-bin/component/api_create_preauthcode",
		tcb.PreAuthCodeRequest{ComponentAppID: ptr(platformID)}, nil); err != nil {
		t.Fatalf("api_create_preauthcode: %v", err)
	}
	code := strings.TrimSpace(s.cli("authorize", platformID, appid(n), "--sets", "18,49"))
	var answer tcb.QueryAuthResponse
	err := platform.call("/cgi-bin/component/api_query_auth",
		tcb.QueryAuthRequest{ComponentAppID: ptr(platformID), AuthorizationCode: &code}, &answer)
	if err != nil || answer.AuthorizationInfo.AuthorizerAccessToken == "" {
		t.Fatalf("api_query_auth: %v", err)
	}
	return answer.AuthorizationInfo.AuthorizerAccessToken
}

// must stops the test at a call that has to succeed.
func must(t testing.TB, what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}
