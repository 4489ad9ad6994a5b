package silenceper

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/silenceper/wechat/v2/cache"
	"github.com/silenceper/wechat/v2/openplatform"
	"github.com/silenceper/wechat/v2/openplatform/config"
	wxcontext "github.com/silenceper/wechat/v2/openplatform/context"
	"github.com/silenceper/wechat/v2/util"
)

// realHost is where the library sends its calls unless told otherwise, and realUploads
// where uploads go.
const (
	realHost    = "https://api.weixin.qq.com"
	realUploads = "https://scf.tencentcloudapi.com"
)

// pointAt sends the library's calls to the server until the test ends. The
// library has one modifier for the whole process: tests cannot be parallel.
func pointAt(t *testing.T, s *server) {
	if s.intercepts {
		return
	}
	util.SetURIModifier(func(uri string) string {
		for _, real := range []string{realHost, realUploads} {
			if rest, ok := strings.CutPrefix(uri, real); ok {
				return s.api + rest
			}
		}
		return uri
	})
	t.Cleanup(func() { util.SetURIModifier(nil) })
}

// connect returns the library's client of a platform, holding a component
// token that it got for the current verify ticket (CR-1).
func connect(t *testing.T, s *server, appid, secret string) *openplatform.OpenPlatform {
	t.Helper()
	p := openplatform.NewOpenPlatform(&config.Config{AppID: appid, AppSecret: secret, Cache: cache.NewMemory()})
	token, err := p.SetComponentAccessToken(context.Background(), s.ticket(t, appid))
	if err != nil {
		t.Fatal(err)
	}
	if token.AccessToken == "" || token.ExpiresIn != 7200 {
		t.Fatalf("component token of %d characters for %d s, want some for 7200 s", len(token.AccessToken), token.ExpiresIn)
	}
	return p
}

// consent lets the platform act for the Mini Program and exchanges the
// authorization code (CR-4, CR-5).
func consent(t *testing.T, s *server, p *openplatform.OpenPlatform, appid string) *wxcontext.AuthBaseInfo {
	t.Helper()
	info, err := p.QueryAuthCode(s.authorize(t, p.AppID, appid))
	if err != nil {
		t.Fatal(err)
	}
	if info == nil || info.Appid != appid || info.AccessToken == "" || info.ExpiresIn != 7200 {
		t.Fatalf("query-auth gave %+v", info)
	}
	return info
}

// tcb calls /tcb/<name> through the library and decodes the answer into out,
// which embeds util.CommonError. A failure's errcode is the error.
func tcb(name, token string, body, out any) error {
	answer, err := util.PostJSON(realHost+"/tcb/"+name+"?access_token="+token, body)
	if err != nil {
		return err
	}
	return util.DecodeWithError(answer, out, name)
}

// must is tcb for a call that has to succeed.
func must(t *testing.T, name, token string, body, out any) {
	t.Helper()
	if err := tcb(name, token, body, out); err != nil {
		t.Fatal(err)
	}
}

// wantCode fails the test unless the call was refused with the errcode.
func wantCode(t *testing.T, err error, code int64) {
	t.Helper()
	var refused *util.CommonError
	if !errors.As(err, &refused) || refused.ErrCode != code {
		t.Errorf("got %v, want errcode %d", err, code)
	}
}

// plain is an answer without fields of its own.
type plain struct{ util.CommonError }

type codeSecret struct {
	util.CommonError
	CodeSecret string `json:"codesecret"`
}

type permission struct {
	util.CommonError
	Open         *bool    `json:"open"`
	APIWhitelist []string `json:"api_whitelist"`
	Version      *int64   `json:"version"`
}

type uploadSignature struct {
	util.CommonError
	Headers string `json:"headers"`
}

type link struct {
	util.CommonError
	URL      string `json:"url"`
	Checksum string `json:"checksum"`
}
