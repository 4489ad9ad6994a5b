package admin

import (
	"maps"
	"slices"
)

// Routes returns "METHOD /path" of every route: those that need the token,
// and those that do not.
func (s *Server) Routes() (closed, open []string) {
	closed = append(slices.Collect(maps.Keys(s.routes())), tokenRoute)
	slices.Sort(closed)
	return closed, slices.Sorted(maps.Keys(s.openRoutes(nil)))
}
