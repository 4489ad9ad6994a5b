package admin

import "sync"

// waits are the requests that wait for a change.
type waits struct {
	mu    sync.Mutex
	end   chan struct{} // closed when those that wait now are to be answered
	ended bool          // nothing waits any more
}

// ending returns a channel that is closed when whoever waits from now on is to be
// answered.
func (w *waits) ending() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.end == nil {
		w.end = make(chan struct{})
	}
	return w.end
}

// answer ends the waits of now, and with forever all later ones too.
func (w *waits) answer(forever bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.end != nil && !w.ended {
		close(w.end)
		w.end = nil
	}
	if forever && !w.ended {
		w.ended, w.end = true, make(chan struct{})
		close(w.end)
	}
}

// EndWaits has those answered who wait for a change, and nobody wait any more,
// since the server ends.
func (s *Server) EndWaits() { s.waiting.answer(true) }

// AnswerWaits has those answered who wait for a change now.
func (s *Server) AnswerWaits() { s.waiting.answer(false) }
