package wirescript

import (
	"errors"
	"fmt"
	"strconv"
	"sync"
)

// playParallel sends the request many times at once (CS-5, UT-9).
func (s *requestStep) playParallel(r *run) error {
	answers, err := s.sendAll(r)
	if err != nil {
		return err
	}
	if s.each {
		for i, got := range answers {
			if err := s.check(r, got); err != nil {
				return fmt.Errorf("answer %d: %w", i, err)
			}
		}
		return nil
	}
	if !s.one {
		for i, got := range answers {
			if got.status != answers[0].status || string(got.body) != string(answers[0].body) {
				return fmt.Errorf("answer %d is %s, the first %s", i, quote(r, string(got.body)), quote(r, string(answers[0].body)))
			}
		}
		return s.check(r, answers[0])
	}
	winner := ""
	for i, got := range answers {
		r.vars["i"] = strconv.Itoa(i)
		if s.answers[0].check(r, got) != nil {
			if err := s.answers[1].check(r, got); err != nil {
				return fmt.Errorf("answer %d: %w: %s", i, err, quote(r, string(got.body)))
			}
			continue
		}
		if winner != "" {
			return fmt.Errorf("both %s and %d were accepted", winner, i)
		}
		winner = r.vars["i"]
	}
	if winner == "" {
		return errors.New("none was accepted")
	}
	r.vars["i"] = winner
	return nil
}

// sendAll builds the requests one after the other, since that obtains tokens,
// and lets them go together.
func (s *requestStep) sendAll(r *run) ([]*answer, error) {
	answers, faults := make([]*answer, s.parallel), make([]error, s.parallel)
	gate := make(chan struct{})
	var group sync.WaitGroup
	for i := range s.parallel {
		r.vars["i"] = strconv.Itoa(i)
		request, err := s.build(r)
		if err != nil {
			close(gate)
			return nil, err
		}
		group.Go(func() {
			<-gate
			answers[i], faults[i] = r.p.do(request)
		})
	}
	close(gate)
	group.Wait()
	return answers, errors.Join(faults...)
}
