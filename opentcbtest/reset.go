package opentcbtest

import "context"

// Reset brings the server to what it was when New returned: its world, its clock,
// its record. Calls under way are answered first. What was issued since, by clients
// too, is void: ask for new clients.
func (s *Server) Reset() {
	s.t.Helper()
	s.forget(s.admin.Reset(context.Background()))
}

// Snapshot is all that a server kept at one moment, its clock aside.
type Snapshot struct {
	s    *Server
	name string
}

// Snapshot keeps all that the server has, under a name of letters and digits.
func (s *Server) Snapshot(name string) Snapshot {
	s.t.Helper()
	if _, err := s.admin.SaveSnapshot(context.Background(), name); err != nil {
		s.t.Fatalf("opentcbtest: %v", err)
	}
	return Snapshot{s, name}
}

// Restore brings the server to the snapshot. What was issued after it is void.
func (n Snapshot) Restore() {
	n.s.t.Helper()
	n.s.forget(n.s.admin.RestoreSnapshot(context.Background(), n.name))
}

// forget forgets what the server knows no more, after a change that ended with an
// error or nil.
func (s *Server) forget(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatalf("opentcbtest: %v", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.platforms)
	clear(s.grants)
}
