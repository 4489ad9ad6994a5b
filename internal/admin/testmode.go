package admin

import (
	"net/http"
	"strings"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/tcb"
)

// testRoutes is every path that only a server in test mode has, and the right
// that it needs.
func (s *Server) testRoutes() map[string]route {
	return map[string]route{
		"GET /v1/clock":                         {s.showClock, toRead},
		"PUT /v1/clock":                         {s.setClock, toChange},
		"POST /v1/clock/advance":                {s.advanceClock, toChange},
		"GET /v1/faults":                        {s.faultList, toRead},
		"POST /v1/faults":                       {s.addFault, toChange},
		"DELETE /v1/faults":                     {noQuery(s.clearFaults), toChange},
		"DELETE /v1/faults/{id}":                {noQuery(s.removeFault), toChange},
		"GET /v1/journal":                       {s.showJournal, toRead},
		"DELETE /v1/journal":                    {noQuery(s.clearJournal), toChange},
		"POST /v1/reset":                        {s.reset, toChange},
		"GET /v1/snapshots":                     {s.snapshots, toRead},
		"PUT /v1/snapshots/{snapshot}":          {s.saveSnapshot, toChange},
		"DELETE /v1/snapshots/{snapshot}":       {s.removeSnapshot, toChange},
		"POST /v1/snapshots/{snapshot}/restore": {s.restoreSnapshot, toChange},
	}
}

// noTestMode refuses the paths of test mode on a server that is not in it.
func (s *Server) noTestMode(http.ResponseWriter, *http.Request, cloud.Caller) (any, error) {
	return nil, &httpError{http.StatusNotFound, tcb.InvalidURL,
		"the server is not in test mode, and only then has this path: opentcb serve --test-mode"}
}

// serveTests adds the paths of test mode.
func (s *Server) serveTests() {
	s.paths = s.testRoutes()
	for pattern, to := range s.paths {
		if !s.testMode {
			to.do = s.noTestMode
		}
		s.mux.Handle(pattern, s.authorized(to))
	}
}

// ForTests reports whether a request is for a path that only test mode has, or
// for one that is no part of the interface proper, such as /readyz: it need not
// wait while all that the server keeps is put back, which itself is such a request.
func (s *Server) ForTests(r *http.Request) bool {
	_, pattern := s.mux.Handler(r)
	_, ok := s.paths[pattern]
	return ok || !strings.HasPrefix(r.URL.Path, "/v1/")
}
