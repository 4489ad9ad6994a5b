package admin

import (
	"maps"
	"slices"
)

// Routes returns "METHOD /path" of every route: those that need the token,
// and those that do not.
func (s *Server) Routes() (closed, open []string) {
	return slices.Sorted(maps.Keys(s.routes())), slices.Sorted(maps.Keys(s.openRoutes(nil)))
}
