package opentcbtest

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
)

// What is pushed to the handler of Pushes is signed and encrypted with: the token and
// the EncodingAESKey that tcb.EventHandler, or the code under test, is to have.
const (
	EventToken  = "opentcbtest"
	EventAESKey = "opentcbtestopentcbtestopentcbtestopentcbtes"
)

// Pushes has platforms of the World, or where none is named all, push their tickets
// and events to a handler, and nowhere else, until the test ends or Reset is called. A
// ticket of each comes at once.
func (s *Server) Pushes(handler http.Handler, platforms ...string) {
	s.t.Helper()
	receiver := httptest.NewServer(handler)
	s.t.Cleanup(receiver.Close)
	var w World
	for _, p := range s.world.Platforms {
		if platforms == nil || slices.Contains(platforms, p.AppID) {
			to := []EventAddress{{URL: receiver.URL, Token: EventToken, AESKey: EventAESKey}}
			w.Platforms = append(w.Platforms, Platform{AppID: p.AppID, Secret: p.Secret, Events: to})
		}
	}
	file, err := json.Marshal(w)
	if err == nil {
		_, err = s.admin.Apply(context.Background(), file, nil)
	}
	s.must(err)
}
