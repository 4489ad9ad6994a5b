package node_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/opentcb/opentcb/tcb"
)

const slowWorld = `platforms: [{appid: wx00000000000000c1, secret: s, verify_ticket: ticket@@@t}]
miniprograms: [{appid: wx00000000000000a1}]
environments: [{id: slow-env, appid: wx00000000000000a1}]
authorizations: [{platform: wx00000000000000c1, appid: wx00000000000000a1, permission_sets: [49], refresh_token: refreshtoken@@@r}]
`

// authorizerToken makes slowWorld and returns a token of its Mini Program.
func (b *bench) authorizerToken() string {
	b.t.Helper()
	if err := (operator{b}).Apply(slowWorld); err != nil {
		b.t.Fatal(err)
	}
	var component tcb.ComponentTokenResponse
	ask(b.t, b.node.APIURL()+"/cgi-bin/component/api_component_token",
		`{"component_appid":"wx00000000000000c1","component_appsecret":"s","component_verify_ticket":"ticket@@@t"}`, &component)
	var authorizer tcb.AuthorizerTokenResponse
	ask(b.t, b.node.APIURL()+"/cgi-bin/component/api_authorizer_token?component_access_token="+component.ComponentAccessToken,
		`{"component_appid":"wx00000000000000c1","authorizer_appid":"wx00000000000000a1","authorizer_refresh_token":"refreshtoken@@@r"}`, &authorizer)
	return authorizer.AuthorizerAccessToken
}

// TestCancelledWhileTheBodyArrives: a call whose authorization is cancelled
// between its header and its body changes nothing.
//
// Proves: CR-9
func TestCancelledWhileTheBodyArrives(t *testing.T) {
	b := startBench(t)
	token := b.authorizerToken()
	body := `{"action":"set","env":"slow-env","open":false,"api_whitelist":["/*"],"version":2}`
	conn, err := net.Dial("tcp", strings.TrimPrefix(b.node.APIURL(), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /tcb/usecloudaccesstoken?access_token=%s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s",
		token, len(body), body[:5])
	time.Sleep(200 * time.Millisecond) // the token has been looked at by now
	if err := b.admin().Revoke(context.Background(), "wx00000000000000c1", "wx00000000000000a1"); err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(conn, body[5:])
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	if !bytes.Contains(text, []byte(`"errcode":61003`)) {
		t.Errorf("the set was answered %s", text)
	}
}

func ask(t *testing.T, url, body string, answer any) {
	t.Helper()
	resp, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(answer); err != nil {
		t.Fatal(err)
	}
}
