package admin_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/opentcb/opentcb/internal/cloud"
)

const (
	eventKey = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
	oddKey   = "9999999999999999999999999999999999999999999" // its last bits are in no byte
)

// TestEventAddresses sets them: all that can be, and nothing else; one that is there
// keeps its token and key where neither is said.
// Proves: PU-1, PU-14
func TestEventAddresses(t *testing.T) {
	s := start(t)
	s.applyWorld(t)
	set := func(events ...cloud.EventSetting) cloud.PlatformView {
		t.Helper()
		p, err := s.ChangePlatform(t.Context(), platform, cloud.PlatformChange{Events: cloud.Given(events)})
		must(t, err)
		return p
	}
	one := cloud.EventSetting{URL: "http://127.0.0.1:1/one?x=1&y", Token: "abc", AESKey: oddKey}
	two := cloud.EventSetting{URL: "https://two.example:8443", Token: strings.Repeat("Z9", 16), AESKey: eventKey}
	p := set(one, two)
	if text := jsonOf(t, p.Events); text != `[{"url":"http://127.0.0.1:1/one?x=1\u0026y"},{"url":"https://two.example:8443"}]` {
		t.Errorf("shown: %s", text)
	}
	changes := len(s.details(t, "platform "+platform))
	set(one, two)
	set(cloud.EventSetting{URL: one.URL}, cloud.EventSetting{URL: two.URL})
	if n := len(s.details(t, "platform "+platform)); n != changes {
		t.Errorf("%d changes of nothing", n-changes)
	}
	set(cloud.EventSetting{URL: one.URL, Token: "abd", AESKey: oddKey}, two)
	if all := s.details(t, "platform "+platform); len(all) != changes+1 || all[changes] != "platform: events: 2" {
		t.Errorf("a token that changed: %q", all[changes:])
	}
	many := strings.TrimSuffix(strings.Repeat(`{"url":"http://h"},`, 101), ",")
	for _, c := range []struct{ body, message string }{
		{`{"events":[{"url":"ftp://h","token":"abc","aes_key":"` + eventKey + `"}]}`, "events[0]: url must be"},
		{`{"events":[{"url":"http:///p","token":"abc","aes_key":"` + eventKey + `"}]}`, "url must be"},
		{`{"events":[{"url":"http://u:p@h","token":"abc","aes_key":"` + eventKey + `"}]}`, "url must be"},
		{`{"events":[{"url":"http://h/#f","token":"abc","aes_key":"` + eventKey + `"}]}`, "url must be"},
		{`{"events":[{"url":"http://h/\n","token":"abc","aes_key":"` + eventKey + `"}]}`, "url must be"},
		{`{"events":[{"url":"h:80","token":"abc","aes_key":"` + eventKey + `"}]}`, "url must be"},
		{`{"events":[{"token":"abc","aes_key":"` + eventKey + `"}]}`, "url must be"},
		{`{"events":[{"url":"http://h","token":"ab","aes_key":"` + eventKey + `"}]}`, "events[0]: token must be 3 to 32 letters or digits"},
		{`{"events":[{"url":"http://h","token":"a-b","aes_key":"` + eventKey + `"}]}`, "token must be"},
		{`{"events":[{"url":"http://h"}]}`, "token must be"},
		{`{"events":[{"url":"http://127.0.0.1:1/one?x=1&y","token":"abc"}]}`, "aes_key must be"},
		{`{"events":[{"url":"http://h","token":"abc","aes_key":"` + eventKey + `="}]}`, "events[0]: aes_key must be 43 letters or digits"},
		{`{"events":[{"url":"http://h","token":"abc","aes_key":"` + eventKey[:42] + `+"}]}`, "aes_key must be"},
		{`{"events":[{"url":"http://h","token":"abc","aes_key":"` + eventKey + `"},{"url":"http://h"}]}`, "events[1]: url is there twice"},
		{`{"events":[{"url":"http://h","key":"x"}]}`, "events cannot be read"},
		{`{"events":{"url":"http://h"}}`, "events must be a list"},
		{`{"events":[` + many + `]}`, "at most 100"},
	} {
		resp, text := s.request(t, "PATCH", "/v1/platforms/"+platform, c.body, nil)
		if resp.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(text, c.message) ||
			!strings.Contains(text, `"member":"events"`) || strings.Contains(text, eventKey[:42]) {
			t.Errorf("%.99s: %d %s", c.body, resp.StatusCode, text)
		}
	}
	p, err := s.PutPlatform(t.Context(), platform, cloud.PlatformChange{})
	if must(t, err); p.Events != nil {
		t.Errorf("replaced whole: %+v", p.Events)
	}
	resp, text := s.request(t, "POST", "/v1/platforms/"+platform+"/pushes", `{"kind":"authorized"}`, nil)
	if resp.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(text, "kind must be ticket") {
		t.Errorf("an event is asked for: %d %s", resp.StatusCode, text)
	}
	for _, query := range []string{"kid=x", "kind=ticket", "state=given%20up"} {
		if resp, text = s.request(t, "GET", "/v1/platforms/"+platform+"/pushes?"+query, "", nil); resp.StatusCode != 422 {
			t.Errorf("a filter that is none: %d %s", resp.StatusCode, text)
		}
	}
}

// TestPushesAreShown: the answers are those of the document.
// Proves: PU-15
func TestPushesAreShown(t *testing.T) {
	s := start(t)
	s.applyWorld(t)
	answered := make(chan struct{}, 10)
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { answered <- struct{}{} }))
	t.Cleanup(srv.Close)
	_, err := s.ChangePlatform(t.Context(), platform, cloud.PlatformChange{Events: cloud.Given([]cloud.EventSetting{
		{URL: srv.URL, Token: "abc", AESKey: eventKey}, {URL: "http://127.0.0.1:1", Token: "abc", AESKey: eventKey},
	})})
	must(t, err)
	<-answered
	_, err = s.Authorize(t.Context(), platform, other, []int{18})
	must(t, err)
	<-answered
	made, err := s.PushTicket(t.Context(), platform)
	must(t, err)
	<-answered
	_, err = s.PushAgain(t.Context(), platform, made[0].ID)
	must(t, err)
	states := map[string]int{}
	for states["delivered"] < 3 { // and what is down waits, or is superseded
		states = map[string]int{}
		must(t, s.Pushes(t.Context(), platform, nil, func(p cloud.PushView) error { states[p.State]++; return nil }))
	}
	refused(t, s.Pushes(t.Context(), fresh, nil, func(cloud.PushView) error { return nil }), http.StatusNotFound)
	_, err = s.PushTicket(t.Context(), fresh)
	refused(t, err, http.StatusNotFound)
}
