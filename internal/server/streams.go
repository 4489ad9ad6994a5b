package server

import "sync/atomic"

// streams counts the requests of HTTP/2 that are under way, of which one connection
// carries many.
type streams struct {
	most int64
	now  atomic.Int64
}

// enter counts one, and reports whether there is room for it. It leaves in any case.
func (s *streams) enter() bool { return s.now.Add(1) <= s.most }

func (s *streams) leave() { s.now.Add(-1) }

// Streams returns how many requests of HTTP/2 are under way, and how many may be.
func (s *Server) Streams() (now, most int) { return int(s.streams.now.Load()), int(s.streams.most) }
