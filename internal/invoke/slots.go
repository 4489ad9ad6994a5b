package invoke

import "sync"

// slots are the places of functions that run: so many for each environment, so that
// none can keep the others from having theirs run.
type slots struct {
	most int

	mu    sync.Mutex
	taken map[string]int // by environment
	all   int
}

// take takes a place for a function of an environment, and reports whether there
// was one.
func (s *slots) take(env string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken[env] >= s.most {
		return false
	}
	s.taken[env]++
	s.all++
	return true
}

func (s *slots) give(env string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all--
	if s.taken[env]--; s.taken[env] == 0 {
		delete(s.taken, env)
	}
}

func (s *slots) underWay() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all
}
