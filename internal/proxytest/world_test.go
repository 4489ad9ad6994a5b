package proxytest

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/tcb"
)

const (
	platformID     = "wx00000000000000c1"
	platformSecret = "platform-one-secret"
	miniID         = "wx00000000000000a1"
	changedID      = "wx00000000000000a3" // its permission is set while the test runs
	refreshToken   = "refreshtoken@@@proxies"
)

const worldText = `
platforms:
  - {appid: wx00000000000000c1, secret: platform-one-secret}
miniprograms:
  - appid: wx00000000000000a1
  - appid: wx00000000000000a2
  - appid: wx00000000000000a3
environments:
  - {id: listed, appid: wx00000000000000a1, api_whitelist: ["/wxa/msg_sec_check", "/cgi-bin/*"]}
  - {id: all, appid: wx00000000000000a1, api_whitelist: ["/*"]}
  - {id: closed, appid: wx00000000000000a2, open: false, api_whitelist: ["/*"]}
  - {id: changed, appid: wx00000000000000a3, api_whitelist: ["/wxa/first"]}
authorizations:
  - {platform: wx00000000000000c1, appid: wx00000000000000a3, permission_sets: [49], refresh_token: "refreshtoken@@@proxies"}
`

// cloudbaseTokens gives a token of every environment.
func cloudbaseTokens(t *testing.T, c *admin.Client) map[string]string {
	tokens := map[string]string{}
	for _, env := range []string{"listed", "all", "closed", "changed"} {
		token, err := c.CloudbaseToken(context.Background(), env)
		if err != nil {
			t.Fatal(err)
		}
		tokens[env] = token.Token
	}
	return tokens
}

// login goes the way of section 5 to an authorizer_access_token of the Mini
// Program whose permission changes.
func login(t *testing.T, api string, c *admin.Client) string {
	ticket, err := c.Ticket(context.Background(), platformID)
	if err != nil {
		t.Fatal(err)
	}
	var component tcb.ComponentTokenResponse
	post(t, api+"/cgi-bin/component/api_component_token", map[string]any{
		"component_appid": platformID, "component_appsecret": platformSecret, "component_verify_ticket": ticket,
	}, &component)
	var authorizer tcb.AuthorizerTokenResponse
	post(t, api+"/cgi-bin/component/api_authorizer_token?component_access_token="+component.ComponentAccessToken, map[string]any{
		"component_appid": platformID, "authorizer_appid": changedID, "authorizer_refresh_token": refreshToken,
	}, &authorizer)
	if authorizer.AuthorizerAccessToken == "" {
		t.Fatal("no authorizer_access_token")
	}
	return authorizer.AuthorizerAccessToken
}

// set sets the permission of the environment that changes. It returns when the
// server has answered that it did.
func (s *stand) set(t *testing.T, version int, open bool, whitelist ...string) {
	t.Helper()
	var answer tcb.Status
	post(t, s.api+"/tcb/usecloudaccesstoken?access_token="+s.authorizer, map[string]any{
		"action": "set", "env": "changed", "open": open, "api_whitelist": whitelist, "version": version,
	}, &answer)
	if answer.ErrCode != tcb.OK {
		t.Fatalf("set: %d %s", answer.ErrCode, answer.ErrMsg)
	}
}

func post(t *testing.T, url string, body, answer any) {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post(url, "application/json", bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(answer); err != nil {
		t.Fatal(err)
	}
}
