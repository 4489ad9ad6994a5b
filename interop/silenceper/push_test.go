package silenceper

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/silenceper/wechat/v2/cache"
	"github.com/silenceper/wechat/v2/officialaccount/message"
	"github.com/silenceper/wechat/v2/openplatform"
	"github.com/silenceper/wechat/v2/openplatform/config"
)

const (
	eventToken  = "EventToken"
	eventAESKey = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
)

// pushTo lets the server push a platform's ticket and events to a URL.
func (s *server) pushTo(t *testing.T, platform, url string) {
	t.Helper()
	token, err := os.ReadFile(filepath.Join(s.data, "admin-token"))
	if err != nil {
		t.Fatal(err)
	}
	body := fmt.Sprintf(`{"events":[{"url":%q,"token":%q,"aes_key":%q}]}`, url, eventToken, eventAESKey)
	req, err := http.NewRequest("PATCH", s.admin+"/v1/platforms/"+platform, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK {
		t.Fatalf("events: %d %s", resp.StatusCode, text)
	}
}

// receiver is a platform's event address as the library's README has it: it stores
// the ticket, and exchanges a code before it answers.
func receiver(t *testing.T, p *openplatform.OpenPlatform, came chan<- *message.MixMessage) *httptest.Server {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		events := p.GetServer(r, w)
		events.SetMessageHandler(func(m *message.MixMessage) *message.Reply {
			switch m.InfoType {
			case message.InfoTypeVerifyTicket:
				if _, err := p.SetComponentAccessToken(r.Context(), m.ComponentVerifyTicket); err != nil {
					t.Errorf("the pushed ticket: %v", err)
				}
			case message.InfoTypeAuthorized, message.InfoTypeUpdateAuthorized:
				info, err := p.QueryAuthCode(m.AuthorizationCode)
				if err != nil || info.Appid != m.AuthorizerAppid || info.RefreshToken == "" {
					t.Errorf("the pushed code: %+v, %v", info, err)
				}
			}
			came <- m
			return nil
		})
		if err := events.Serve(); err != nil {
			t.Errorf("the library refuses a push: %v", err)
		}
		_, _ = io.WriteString(w, "success")
	}))
	t.Cleanup(srv.Close)
	return srv
}

// TestPushes: the library receives the ticket and all three events, and exchanges the
// pushed codes from inside the receiver: PU-2 to PU-9.
func TestPushes(t *testing.T) {
	s := start(t)
	pointAt(t, s)
	p := openplatform.NewOpenPlatform(&config.Config{
		AppID: platformTwo, AppSecret: secretTwo, Token: eventToken, EncodingAESKey: eventAESKey, Cache: cache.NewMemory(),
	})
	came := make(chan *message.MixMessage, 10)
	next := func(kind message.InfoType) {
		t.Helper()
		select {
		case m := <-came:
			if m.InfoType != kind || kind != message.InfoTypeVerifyTicket && m.AuthorizerAppid != miniProgram {
				t.Fatalf("%s of %s came, want %s", m.InfoType, m.AuthorizerAppid, kind)
			}
		case <-time.After(time.Minute):
			t.Fatalf("no %s came", kind)
		}
	}
	s.pushTo(t, platformTwo, receiver(t, p, came).URL)
	next(message.InfoTypeVerifyTicket)
	s.authorize(t, platformTwo, miniProgram)
	next(message.InfoTypeAuthorized)
	s.operator(t, "queryauthcode@@@", "authorize", platformTwo, miniProgram, "--sets", "18,49,64")
	next(message.InfoTypeUpdateAuthorized)
	s.operator(t, "", "revoke", platformTwo, miniProgram)
	next(message.InfoTypeUnauthorized)
	preAuthCode(t, p) // with the token that the pushed ticket brought
}
