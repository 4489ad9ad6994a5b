package opentcbtest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/opentcb/opentcb/opentcbtest"
	"github.com/opentcb/opentcb/tcb"
)

// backend is code that a provider could have: it knows the interfaces and keeps one
// token, which it renews when it is told that it has expired.
type backend struct {
	url, component, access, refresh string
}

// call calls an interface and reads the answer. It returns the errcode.
func (b *backend) call(path, token, body string, answer any) (int, error) {
	resp, err := http.Post(b.url+path+"?access_token="+token, "application/json", strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	var raw json.RawMessage
	var status struct{ Errcode int }
	if err := json.NewDecoder(resp.Body).Decode(&raw); err != nil {
		return 0, err
	}
	return status.Errcode, errors.Join(json.Unmarshal(raw, &status), json.Unmarshal(raw, answer))
}

// codeSecret is the code under test.
func (b *backend) codeSecret() (string, error) {
	for range 2 {
		var answer struct {
			Errcode    int
			CodeSecret string
		}
		if _, err := b.call("/tcb/getcodesecret", b.access, "{}", &answer); err != nil || answer.Errcode == 0 {
			return answer.CodeSecret, err
		}
		if answer.Errcode != 42001 {
			return "", fmt.Errorf("errcode %d", answer.Errcode)
		}
		if err := b.renew(); err != nil {
			return "", err
		}
	}
	return "", errors.New("a token that was just renewed has expired")
}

func (b *backend) renew() error {
	var answer struct {
		Errcode     int
		AccessToken string `json:"authorizer_access_token"`
	}
	_, err := b.call("/cgi-bin/component/api_authorizer_token", b.component, fmt.Sprintf(
		`{"component_appid":%q,"authorizer_appid":%q,"authorizer_refresh_token":%q}`,
		opentcbtest.DefaultPlatform, opentcbtest.DefaultAppID, b.refresh), &answer)
	b.access = answer.AccessToken
	if err == nil && answer.Errcode != 0 {
		err = fmt.Errorf("errcode %d", answer.Errcode)
	}
	return err
}

// TestOwnBackend: code that does not use package tcb is given what it begins with, and
// its renewal is seen to work.
func TestOwnBackend(t *testing.T) {
	t.Parallel()
	const platform, appid = opentcbtest.DefaultPlatform, opentcbtest.DefaultAppID
	srv := opentcbtest.New(t, opentcbtest.World{})
	b := &backend{url: srv.URL, access: srv.AccessToken(platform, appid), refresh: srv.RefreshToken(platform, appid)}
	key, err := b.codeSecret()
	if err != nil || len(key) != 64 {
		t.Fatalf("key of %d characters, %v", len(key), err)
	}
	srv.Advance(3 * time.Hour)
	b.component = srv.AccessToken(platform, "")
	again, err := b.codeSecret()
	if err != nil || again != key {
		t.Errorf("after 3 hours: another key: %t, %v", again != key, err)
	}
	if srv.RefreshToken(platform, appid) != b.refresh {
		t.Error("another refresh token of the same consent")
	}
}

// TestOwnFlow goes the way of credentials from the ticket on, and takes them away.
func TestOwnFlow(t *testing.T) {
	t.Parallel()
	const platform, appid = opentcbtest.DefaultPlatform, opentcbtest.DefaultAppID
	srv := opentcbtest.New(t, opentcbtest.World{})
	ctx := context.Background()
	c := &tcb.Client{BaseURL: srv.URL}
	own, err := c.ComponentToken(ctx, platform, "secret-of-"+platform, srv.Ticket(platform))
	if err != nil {
		t.Fatal(err)
	}
	c.Tokens = tcb.StaticToken(own.ComponentAccessToken)
	got, err := c.QueryAuth(ctx, platform, srv.Authorize(platform, appid, 49))
	if err != nil || got.AuthorizerAppID != appid || len(got.FuncInfo) != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	before := srv.RefreshToken(platform, appid)
	srv.Revoke(platform, appid)
	if after := srv.RefreshToken(platform, appid); after == before || after == "" {
		t.Error("a refresh token that was voided is given")
	}
	srv.Deploy(opentcbtest.DefaultEnv, "hello", map[string]string{"index.js": "exports.main = () => 1"})
	developer := &tcb.Client{BaseURL: srv.URL, Tokens: tcb.StaticToken(srv.AccessToken(platform, appid))}
	_, total, err := developer.ListFunctions(ctx, opentcbtest.DefaultEnv, 0, 10)
	if err != nil || total != 1 {
		t.Errorf("%d functions, %v", total, err)
	}
	if _, err := developer.GetFunctionLink(ctx, opentcbtest.DefaultEnv, "hello"); !errors.Is(err, tcb.ErrNotCodeOwner) {
		t.Errorf("code that belongs to no platform: %v", err)
	}
}
