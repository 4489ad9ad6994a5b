package admin

import (
	"maps"
	"slices"
)

// Routes returns "METHOD /path" of every route: those that need the token,
// and those that do not.
func (s *Server) Routes() (closed, open []string) {
	closed = slices.AppendSeq(slices.Collect(maps.Keys(s.routes())), maps.Keys(s.runtimeRoutes()))
	closed = append(closed, s.TestRoutes()...)
	slices.Sort(closed)
	return closed, slices.Sorted(maps.Keys(s.openRoutes(nil)))
}

// TestRoutes returns "METHOD /path" of every route that only test mode has.
func (s *Server) TestRoutes() []string { return slices.Sorted(maps.Keys(s.testRoutes())) }
