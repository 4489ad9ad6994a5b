package proxytest

import (
	"context"
	"testing"
)

// testUpstreamAway: the caller gets the platform's code, not the proxy's page.
func (s *stand) testUpstreamAway(t *testing.T) {
	s.upstream.server.Listener.Close()
	s.upstream.server.CloseClientConnections()
	s.refused(t, s.call(t, "POST", "/wxa/msg_sec_check", "listed", "Referer: http://x/?a="+s.tokens["listed"]), -1)
}

// testServerAway: nothing passes that was not judged. The upstream is up again,
// so that it would see what does.
func (s *stand) testServerAway(t *testing.T) {
	s.upstream.back(t)
	s.forwarded(t, s.call(t, "GET", "/wxa/msg_sec_check", "listed"))
	if err := s.node.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	for _, method := range []string{"GET", "POST"} {
		s.refused(t, s.call(t, method, "/wxa/msg_sec_check", "listed", "Referer: http://x/?a="+s.tokens["listed"]), -1)
	}
}

// asksAnother makes a call through a proxy that asks the upstream in place of
// the server. Only the question may reach it.
func (s *stand) asksAnother(t *testing.T) {
	t.Helper()
	s.call(t, "GET", "/wxa/msg_sec_check", "listed")
	saw := s.upstream.look()
	if len(saw) != 1 || saw[0].target != "/decide" {
		t.Errorf("the upstream saw %v", saw)
	}
}
